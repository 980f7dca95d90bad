// Signals that mean something else than "end": they interrupt system calls, close a terminal, or ask to read again.

import { describe, expect, test } from "bun:test";
import { copyFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { openLab } from "../support/lab.ts";
import { startProgram } from "../support/programs.ts";
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

describe.skipIf((executablesMissing ?? (process.platform === "win32" ? "POSIX" : null)) !== null)(
  `SIGHUP (${executablesMissing ?? "not on Windows"})`,
  () => {
    test("makes the server read its keys again, and it lives", async () => {
      await using lab = await openLab({ inMemory: true });
      const keys = join(lab.homes.server, "clients");
      await copyFile(join(keys, "alice.key"), lab.folder.file("alice.key"));
      lab.server.signal("SIGHUP");
      await lab.server.line(/SIGHUP: reading the configuration and the keys again/);
      await lab.expectAlive();
      await rm(join(keys, "alice.key"));
      lab.server.signal("SIGHUP");
      await lab.server.line(/Key removed/);
      await copyFile(lab.folder.file("alice.key"), join(keys, "alice.key"));
      lab.server.signal("SIGHUP");
      await lab.server.line(/Key authorised/);
      await lab.expectAlive();
    });

    test.skipIf(process.platform !== "linux")(
      "stops a client as Ctrl-C does, so that the same command goes on later; under nohup it does nothing",
      async () => {
        await using lab = await openLab({ inMemory: true });
        const path = await lab.file("run.raw", 3000);
        const piped = () => lab.startSend(["-n", "piped.raw", "-"], { stdin: "pipe" });
        await using stopped = piped();
        await lab.server.line(/Upload started/);
        stopped.signal("SIGHUP");
        expect(await stopped.ended()).toMatchObject({
          signal: "SIGHUP",
          stderr: expect.stringContaining("SIGHUP"),
        });
        await lab.server.line(/Upload failed.*499/);
        const { dync } = lab.programs;
        const args = ["-k", "a:b", "-n", "kept.raw", `127.0.0.1:${lab.port}`, "-"];
        const env = { DYNC_HOME: lab.homes.client };
        await using kept = startProgram(["nohup", dync, ...args], { env, stdin: "pipe" });
        await lab.server.line(/Upload started.*kept/);
        kept.signal("SIGHUP");
        kept.signal("SIGHUP");
        const input = kept.child.stdin as import("bun").FileSink;
        input.write(await Bun.file(path).bytes());
        await input.end();
        expect(await kept.ended()).toMatchObject({ code: 0 });
      },
    );
  },
);
