import { expect, test } from "bun:test";
import { openLibrary } from "../../src/transport/zmq/library.ts";
import { hostTarget, libzmqVersion } from "../../src/transport/zmq/target.ts";

// `--version` must not open libzmq only to ask it; so the constant is held to the truth here.
test("--version names the libzmq that is used", async () => {
  expect((await openLibrary()).version).toBe(libzmqVersion(hostTarget()));
});
