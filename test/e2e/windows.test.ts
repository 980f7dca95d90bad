// What is different on Windows, as far as wine shows it: names in any script, paths over 260 characters, files that
// another program has open, the folder of the keys, and the build of libzmq with its patches. Two Windows executables
// talk to each other.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startCrowd } from "../support/crowd.ts";
import { type Exchange, openExchange } from "../support/exchange.ts";
import { because, ForeignSystems, reasonAgainst } from "../support/foreign-systems.ts";
import { type Program, startProgram } from "../support/programs.ts";
import { referenceMissing } from "../support/reference.ts";
import type { System } from "../support/systems.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";

const reason = reasonAgainst("windows-x64");
const deadlineMs = 180_000;
const holdFile = join(import.meta.dir, "../support/wine/hold-file.js");

describe.skipIf(reason !== null)(`on Windows${because(reason)}`, () => {
  const systems = new ForeignSystems();
  let windows: System;
  let folder: TempFolder;
  let exchange: Exchange;

  beforeAll(async () => {
    windows = await systems.get("windows-x64");
    // Long enough that a long name in it is over 260 characters away from the drive.
    folder = await tempFolder();
    const place = folder.file("a-data-folder-whose-name-is-not-short-either");
    mkdirSync(place);
    exchange = await openExchange({ client: windows, server: windows, folder: place });
  }, deadlineMs);

  afterAll(async () => {
    await exchange?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
    await systems[Symbol.asyncDispose]();
  });

  /** Sends the file at `path` and returns how that ended. */
  async function send(path: string, args: readonly string[] = []) {
    await using program = exchange.startSend(path, args);
    return await program.ended(deadlineMs);
  }

  test(
    "names in any script arrive as they are",
    async () => {
      for (const name of ["Größe 1.raw", "测量 β.raw", "run 😀.raw"]) {
        const path = folder.file(name);
        writeFileSync(path, "measured");
        expect(await send(path)).toMatchObject({ code: 0 });
        await exchange.expectStored(path, name);
      }
    },
    deadlineMs,
  );

  test(
    "a file whose path has over 260 characters is sent",
    async () => {
      const deep = folder.file("a".repeat(100), "b".repeat(100), "c".repeat(100));
      mkdirSync(deep, { recursive: true });
      const path = join(deep, "deep.raw");
      writeFileSync(path, "measured");
      expect(await send(path, ["-m", windows.path(metadataIn(deep))])).toMatchObject({ code: 0 });
      await exchange.expectStored(path, "deep.raw");
    },
    deadlineMs,
  );

  test(
    "a file is stored whose path has over 260 characters",
    async () => {
      const path = folder.file("short.raw");
      writeFileSync(path, "measured");
      const name = `${"n".repeat(200)}.raw`;
      expect(windows.path(join(exchange.data, "alice", `${name}.meta.json`)).length).toBeGreaterThan(260);
      expect(await send(path, ["-n", name])).toMatchObject({ code: 0 });
      await exchange.expectStored(path, name);
    },
    deadlineMs,
  );

  test(
    "a file that a program still writes to is not blocked for it, and the change is noticed",
    async () => {
      const path = await exchange.file("growing.raw", 40_000_000);
      await using writer = await hold(path, "shared");
      await using program = exchange.startSend(path);
      await exchange.server.line(/"Upload started".*growing/, deadlineMs);
      writeFileSync(`${path}.go`, "");
      await writer.line(/written/);
      const end = await program.ended(deadlineMs);
      expect({ code: end.code, stderr: end.stderr }).toEqual({
        code: 4,
        stderr: expect.stringContaining("changed while it was sent"),
      });
      expect(readdirSync(join(exchange.data, "alice")).some((name) => name.startsWith("growing"))).toBe(
        false,
      );
    },
    deadlineMs,
  );

  test(
    "a file that a program keeps for itself is named as in use",
    async () => {
      const path = await exchange.file("kept.raw", 1000);
      await using _writer = await hold(path, "alone");
      const end = await send(path);
      expect({ code: end.code, stderr: end.stderr }).toEqual({
        code: 4,
        stderr: expect.stringContaining("another program uses it"),
      });
    },
    deadlineMs,
  );

  test(
    "a pattern, of which no shell of Windows makes names, is said with what to do",
    async () => {
      const end = await send(folder.file("*.raw"));
      expect(end).toMatchObject({ code: 4 });
      expect(end.stderr).toMatch(/"hint":"[^"]*: name the folder, with -r --include .{0,2}\*\.raw/);
    },
    deadlineMs,
  );

  test(
    "in a watched folder such a file waits, goes when it is closed, and may be deleted, in whatever letters its folder is named",
    async () => {
      const watched = folder.file("Watched");
      mkdirSync(watched);
      const path = join(watched, "acquired.raw");
      writeFileSync(path, "measured");
      const server = `127.0.0.1:${exchange.port}`;
      const start = (...args: readonly string[]): Program =>
        startProgram(windows.command("dync", args), { env: exchange.clientEnvironment });
      await using writer = await hold(path, "alone");
      await using watcher = start(
        "watch",
        "--json",
        "--settle",
        "1s",
        "-k",
        "sample:S-17",
        server,
        windows.path(watched),
      );
      await watcher.line(/"acquired\.raw".*"open-for-writing".*another program uses it/, deadlineMs);
      await writer.kill();
      await watcher.line(/"acquired\.raw".*"state":"sent"/, deadlineMs);
      watcher.signal("SIGINT");
      await watcher.ended(deadlineMs);
      await exchange.expectStored(path, "acquired.raw");
      await using free = start("free", server, windows.path(watched).toUpperCase());
      expect(await free.ended(deadlineMs)).toMatchObject({
        code: 0,
        stdout: expect.stringContaining("Watched\\acquired.raw"),
      });
    },
    deadlineMs,
  );

  test(
    "keys are made in the user's profile",
    async () => {
      const environment = { ...windows.environment, DYNC_HOME: "" };
      await using program = startProgram(windows.command("dync", ["keygen"]), { env: environment });
      const { code, stdout } = await program.ended(deadlineMs);
      expect(code).toBe(0);
      expect(stdout).toMatch(/[A-Z]:\\users\\[^\\]+\\\.dync\\client\.key/i);
    },
    deadlineMs,
  );

  test.skipIf(referenceMissing !== null)(
    `half frames of strangers are ended at once${because(referenceMissing)}`,
    async () => {
      const home = exchange.clientHome;
      const server = { port: exchange.port, homes: { client: home }, user: async () => home };
      // Without the patches each of the five stays for the ten seconds of a handshake: 100 s in all.
      await using strangers = await startCrowd(server, "half-frames", 5);
      await strangers.line(/^Ended 50$/, 60_000);
      await strangers.kill();
      const path = await exchange.file("after-crowds.raw", 100_000);
      expect(await send(path)).toMatchObject({ code: 0 });
      await exchange.expectStored(path, "after-crowds.raw");
    },
    deadlineMs,
  );

  test.skipIf(Bun.which("script") === null)(
    "a console shows the progress, and Ctrl-C in it ends with 130 (skipped without script)",
    async () => {
      const path = await exchange.file("console.raw", 2_000_000_000);
      const command = exchange.sendCommand(path).map((word) => `'${word}'`);
      const line = `stty cols 100; exec ${command.join(" ")}`;
      await using console_ = startProgram(["script", "-qfec", line, "/dev/null"], {
        env: exchange.clientEnvironment,
        stdin: "pipe",
      });
      await exchange.server.line(/"Upload started".*console/, deadlineMs);
      const keyboard = console_.child.stdin as Bun.FileSink;
      keyboard.write("\u0003");
      keyboard.flush();
      expect((await console_.ended(deadlineMs)).code).toBe(130);
      expect(console_.stdout).toMatch(/\[[#-]+\] +\d+ % .*of 1\.\d+ GiB/);
      await exchange.server.line(/"Upload suspended".*console/, deadlineMs);
    },
    deadlineMs,
  );

  test(
    "Ctrl-C ends the client with 130, and the server cleanly",
    async () => {
      const path = await exchange.file("interrupted.raw", 60_000_000);
      await using program = exchange.startSend(path);
      await exchange.server.line(/"Upload started".*interrupted/, deadlineMs);
      program.signal("SIGINT");
      expect(await program.ended(deadlineMs)).toMatchObject({ code: 130 });
      exchange.server.signal("SIGINT");
      expect(await exchange.server.ended(deadlineMs)).toMatchObject({ code: 0 });
    },
    deadlineMs,
  );

  /** Another Windows program that has the file open. */
  async function hold(path: string, sharing: "shared" | "alone"): Promise<Program> {
    const command = windows.command("dync", [windows.path(holdFile), windows.path(path), sharing]);
    const writer = startProgram(command, { env: { ...windows.environment, BUN_BE_BUN: "1" } });
    await writer.line(/open/, deadlineMs);
    return writer;
  }

  function metadataIn(place: string): string {
    const path = join(place, "metadata.json");
    writeFileSync(path, '{"operator": "Meyer"}');
    return path;
  }
});
