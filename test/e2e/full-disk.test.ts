// A disk that is too small, and one that fills up: refused at once with what is free, or ended with 507 and kept, and
// the server goes on. With the compiled programs and a small tmpfs.

import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { expectAftermath, leftovers } from "../support/aftermath.ts";
import { executablesMissing } from "../support/executables.ts";
import { startFaultyProxy } from "../support/faulty-proxy.ts";
import { openLab } from "../support/lab.ts";
import { mountSmallDisk, smallDiskMissing } from "../support/small-disk.ts";

const MiB = 1024 * 1024;
const diskBytes = 48 * MiB;
const reason = executablesMissing ?? smallDiskMissing;

describe.skipIf(reason !== null)(`a small disk (${reason ?? "tmpfs"})`, () => {
  test("a file that does not fit is refused at once, and the error names what is free", async () => {
    await using disk = mountSmallDisk(diskBytes);
    await using lab = await openLab({ inMemory: true, data: disk.path });
    const path = await lab.file("large.raw", 80 * MiB);
    const startedAt = performance.now();
    const end = await lab.send(["-q", path]);
    expect(end.code).toBe(5);
    expect(performance.now() - startedAt).toBeLessThan(20_000);
    const [, free, needed] = /(\d+) bytes are free, the upload needs (\d+)/.exec(end.stderr) ?? [];
    // With its metadata, twice.
    expect(Number(needed)).toBe(80 * MiB + 2 * '{"sample":"S-17"}'.length);
    expect(Number(free)).toBeGreaterThan(diskBytes / 2);
    expect(Number(free)).toBeLessThan(diskBytes);
    await expectAftermath(lab, new Map());
  });

  test("what one upload will still need is not given to another", async () => {
    await using disk = mountSmallDisk(diskBytes);
    await using lab = await openLab({ inMemory: true, data: disk.path });
    await using proxy = await startFaultyProxy({ targetPort: lab.port });
    proxy.faults = { up: { stallAfter: 4 * MiB } };
    const path = await lab.file("half.raw", 30 * MiB);
    const to = ["-q", "-k", "sample:S-17", `127.0.0.1:${proxy.port}`, path];
    await using first = lab.startDync([...to, "-n", "first.raw"]);
    await lab.server.line(/"Upload started".*first/);
    const second = await lab.send(["-q", "-n", "second.raw", path]);
    expect(second).toMatchObject({ code: 5, stderr: expect.stringContaining("are free") });
    proxy.faults = {};
    expect(await first.ended()).toMatchObject({ code: 0, stderr: "" });
    await expectAftermath(lab, new Map([["first.raw", path]]));
  });

  test("a disk that fills up in the middle ends the upload with 507, keeps its bytes, and later it goes on", async () => {
    await using disk = mountSmallDisk(diskBytes);
    await using lab = await openLab({ inMemory: true, data: disk.path });
    await using proxy = await startFaultyProxy({ targetPort: lab.port });
    proxy.faults = { up: { stallAfter: 4 * MiB } };
    const path = await lab.file("growing.raw", 30 * MiB);
    await using client = lab.startDync(["-q", "-k", "sample:S-17", `127.0.0.1:${proxy.port}`, path]);
    await lab.server.line(/"Upload started"/);
    await disk.fill(diskBytes - 12 * MiB);
    proxy.faults = {};
    const end = await client.ended();
    expect({ code: end.code, stderr: end.stderr }).toEqual({
      code: 5,
      stderr: expect.stringMatching(/no space is left[\s\S]*dync resume/),
    });
    expect(leftovers(lab).partials).toHaveLength(1);
    expect(leftovers(lab).open).toEqual(["growing.raw"]);
    lab.expectNothingStored("growing");
    await disk.clear();
    await lab.expectAlive();
    const before = proxy.counters.arrived.up;
    expect(await lab.dync(["resume", "-q"])).toMatchObject({ code: 0, stderr: "" });
    // What the server had kept was not sent again.
    expect(proxy.counters.arrived.up - before).toBeLessThan(26 * MiB);
    await expectAftermath(lab, new Map([["growing.raw", path]]));
  });

  test("where the client's own disk is full or read-only a file is sent all the same, with a warning", async () => {
    await using disk = mountSmallDisk(MiB);
    await using lab = await openLab({ inMemory: true });
    const path = await lab.file("run.raw", 3 * MiB);
    const home = join(disk.path, "home");
    await cp(lab.homes.client, home, { recursive: true });
    await disk.fill(2 * MiB);
    // Nor is there room for the library beside it, wherever it is unpacked as a rule.
    const env = { DYNC_HOME: home, HOME: home, XDG_CACHE_HOME: "", XDG_RUNTIME_DIR: home, TMPDIR: home };
    const warning = (why: string): string =>
      `dync: warning: Cannot write to ${home}/uploads: ${why}\n` +
      "dync: hint: the file is sent all the same; if that is interrupted, it has to be sent from its beginning\n";
    const full = await lab.send(["-q", "-n", "full.raw", path], { env });
    expect(full).toMatchObject({ code: 0, stderr: warning("no space left on device") });
    await disk.clear();
    execFileSync("mount", ["-o", "remount,ro", disk.path]);
    const readOnly = await lab.send(["-q", "-n", "read-only.raw", path], { env });
    expect(readOnly).toMatchObject({ code: 0, stderr: warning("read-only file system") });
    for (const name of ["full.raw", "read-only.raw"]) await lab.expectStored(path, name);
  });
});
