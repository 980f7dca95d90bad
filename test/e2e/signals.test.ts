// Signals that mean something else than "end": they interrupt system calls, close a terminal, or ask to read again.

import { describe, expect, test } from "bun:test";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { openLab } from "../support/lab.ts";
import { injectCommand, injected, straceMissing } from "../support/system-calls.ts";

describe.skipIf((executablesMissing ?? straceMissing) !== null)(
  `calls of libzmq that a signal cuts short (${executablesMissing ?? straceMissing ?? "strace"})`,
  () => {
    test("change nothing: every third poll of the server, and of the client, ends with EINTR", async () => {
      await using lab = await openLab({ inMemory: true });
      const log = lab.folder.file("strace.log");
      await lab.server.stop();
      const rule = "poll:error=EINTR:when=1+3";
      await lab.start([], { under: injectCommand(rule, log) });
      const path = await lab.file("run.raw", 20_000_000);
      expect(await lab.send(["-q", path])).toMatchObject({ code: 0, stderr: "" });
      await lab.expectStored(path);
      expect(injected(log)).toBeGreaterThan(20);
      expect((await lab.server.stop()).stderr).not.toContain("bug");
    });
  },
);
