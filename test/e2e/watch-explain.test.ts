// `dync watch --explain` beside a watcher, on the compiled programs: it says what that one knows.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { startFaultyProxy } from "../support/faulty-proxy.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { jsonLines } from "../support/programs.ts";

const MiB = 1024 * 1024;
let lab: Lab;
let folder: string;

function line(port: number, ...options: readonly string[]): readonly string[] {
  return ["watch", "-k", "sample:S-17", ...options, `127.0.0.1:${port}`, folder];
}

describe.skipIf(executablesMissing !== null)(`explained beside (${executablesMissing ?? "compiled"})`, () => {
  beforeEach(async () => {
    lab = await openLab({ inMemory: true });
    folder = lab.folder.file("files", "watched");
    mkdirSync(folder);
  });
  afterEach(async () => await lab[Symbol.asyncDispose]());

  test("since when an entry is quiet, and what the watcher of that folder found out", async () => {
    writeFileSync(join(folder, "a.raw"), "a");
    const beside = lab.folder.file("files", "calibration");
    const along = ["--also", beside];
    await using watcher = lab.startDync(line(lab.port, "--json", "--settle", "10m", ...along));
    await watcher.line(/"path":"a.raw".*settling/, 60_000);
    await watcher.line(/"type":"also".*not-reachable/, 60_000);
    // What it is asked with does not count: it is the watcher's.
    const end = await lab.dync(line(lab.port, "--explain", "--settle", "1s"));
    expect(end.code).toBe(0);
    expect(end.stdout).toMatch(
      /^a\.raw: settling: It is quiet, and not yet for as long as --settle says \(quiet for \d+ s of 10:00 min\)$/m,
    );
    expect(end.stdout).toContain(`${beside}: not-reachable: `);
    expect(end.stderr).toMatch(/^1 entry: 0 sent, 1 not\. It is watched since \d{4}-\d\d-\d\d \d\d:\d\d$/m);
    const told = jsonLines((await lab.dync(line(lab.port, "--explain", "--json"))).stdout);
    expect(told[0]).toMatchObject({ path: "a.raw", reason: "settling", quietSeconds: expect.any(Number) });
    expect(told.at(-1)).toMatchObject({ isWatched: true, entries: 1, waiting: 1 });

    watcher.signal("SIGKILL");
    await watcher.ended();
    const alone = jsonLines((await lab.dync(line(lab.port, "--explain", "--json", "--settle", "1s"))).stdout);
    expect(alone.at(-1)).toMatchObject({ isWatched: false, entries: 1, waiting: 1 });
  });

  test("what is under way and how far, what was refused, and why nothing moves", async () => {
    await using proxy = await startFaultyProxy({ targetPort: lab.port });
    await lab.send(["-q", await lab.file("taken.raw", "there already")]);
    writeFileSync(join(folder, "taken.raw"), "something else");
    await using watcher = lab.startDync(line(proxy.port, "--json", "--settle", "1s"));
    await watcher.line(/"path":"taken.raw".*"reason":"refused"/, 60_000);
    proxy.faults = { up: { stallAfter: 4 * MiB } };
    writeFileSync(join(folder, "large.raw"), new Uint8Array(16 * MiB));
    await lab.server.line(/"Upload started".*large/, 60_000);
    const end = await lab.dync(line(proxy.port, "--explain"));
    expect(end.stdout).toMatch(/^large\.raw: sending: [\d.]+ \S*B of 16 MiB/m);
    expect(end.stdout).toMatch(/^taken\.raw: refused: .*taken/m);
  });
});
