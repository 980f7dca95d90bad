import { expect, test } from "bun:test";
import { ownLibraryVersion } from "../../build/own-library.ts";
import { stageLibrary } from "../../build/stage.ts";
import { addonPaths, addonVersion } from "../../src/transport/zmq/addon.ts";
import { openLibrary } from "../../src/transport/zmq/library.ts";
import { hostTarget } from "../../src/transport/zmq/target.ts";

// `--version` must not open libzmq only to ask it; so the names that builds put in are held to the truth here.
test("what --version says of libzmq is what the library says", async () => {
  const { path, version } = stageLibrary(hostTarget());
  const library = await openLibrary({ DYNC_LIBZMQ: path });
  expect(version).toBe(library.isPatched ? ownLibraryVersion : addonVersion);
  expect(version).toStartWith(library.version);
});

test.skipIf(addonPaths[hostTarget()] === null)("the npm package has the version that we name", async () => {
  const path = new URL(`../../node_modules/zeromq/${addonPaths[hostTarget()]}`, import.meta.url).pathname;
  expect(await openLibrary({ DYNC_LIBZMQ: path })).toMatchObject({ version: addonVersion, isPatched: false });
});
