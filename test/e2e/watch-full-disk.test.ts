// A watcher whose DYNC_HOME lies on a disk that becomes full, on the compiled programs and a small tmpfs: it sends on, says what it cannot
// write down, and writes it when there is room.

import { expect, test } from "bun:test";
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { openLab } from "../support/lab.ts";
import { treeOf } from "../support/live/tree-of.ts";
import { jsonLines } from "../support/programs.ts";
import { mountSmallDisk, smallDiskMissing } from "../support/small-disk.ts";

const MiB = 1024 * 1024;
const reason = executablesMissing ?? smallDiskMissing;

test.skipIf(reason !== null)(
  `a full disk of DYNC_HOME keeps nothing from being sent, and nothing is forgotten (${reason ?? "tmpfs"})`,
  async () => {
    await using disk = mountSmallDisk(8 * MiB);
    await using lab = await openLab({ inMemory: true });
    const home = join(disk.path, "home");
    await cp(lab.homes.client, home, { recursive: true });
    const folder = lab.folder.file("files", "watched");
    mkdirSync(folder);
    writeFileSync(join(folder, "a.raw"), "a");
    const line = ["watch", "--settle", "1s", "-k", "sample:S-17", `127.0.0.1:${lab.port}`, folder];
    const env = { DYNC_HOME: home };
    {
      await using watcher = lab.startDync(line, { env });
      await watcher.line(/Stored "a.raw"/, 60_000);
      await disk.fill(8 * MiB);
      for (const name of ["b.raw", "c.raw"]) {
        writeFileSync(join(folder, name), name);
        await watcher.line(new RegExp(`Stored "${name}"`), 60_000);
      }
      await watcher.line(/What was sent cannot be written down in DYNC_HOME just now: .*full/, 60_000);
      await disk.clear();
      await watcher.line(/What was sent is written down in DYNC_HOME again/, 60_000);
      watcher.signal("SIGKILL");
      await watcher.ended();
    }
    for (const name of ["a.raw", "b.raw", "c.raw"]) await lab.expectStored(join(folder, name));
    const again = await lab.dync([...line, "--once", "--json"], { env });
    expect(again.code).toBe(0);
    expect(jsonLines(again.stdout)).toMatchObject([{ entries: 3, waiting: 0, stored: 0, already: 0 }]);
    // There is no room to begin with: a clear line, and a service begins again.
    await disk.fill(8 * MiB);
    writeFileSync(join(folder, "d.raw"), "d");
    const full = await lab.dync([...line, "--once"], { env });
    await disk.clear();
    expect(full).toMatchObject({
      code: 2,
      stderr: expect.stringContaining(": no space is left on its disk\n"),
    });
    expect(await lab.dync([...line, "--once"], { env })).toMatchObject({ code: 0 });
    await lab.expectStored(join(folder, "d.raw"));
  },
);

test.skipIf(reason !== null)(
  `nor does it end the watcher in the midst of a run that is sent while it is written (${reason ?? "tmpfs"})`,
  async () => {
    await using disk = mountSmallDisk(8 * MiB);
    await using lab = await openLab({ inMemory: true });
    const home = join(disk.path, "home");
    await cp(lab.homes.client, home, { recursive: true });
    const folder = lab.folder.file("files", "watched");
    const run = join(folder, "241127_A01_0001_AHXX");
    mkdirSync(run, { recursive: true });
    const write = (name: string, bytes: number): void =>
      writeFileSync(join(run, name), Buffer.alloc(bytes, name));
    write("RunInfo.xml", 100);
    const how = ["--live", "--profile", "illumina", "--settle", "1s", "-k", "sample:S-17", "--json"];
    const line = ["watch", ...how, `127.0.0.1:${lab.port}`, folder];
    await using watcher = lab.startDync(line, { env: { DYNC_HOME: home } });
    await watcher.line(/"state":"waiting"/, 60_000);
    write("first.cbcl", 3 * MiB);
    await watcher.line(/"type":"live"/, 60_000);
    await disk.fill(8 * MiB);
    for (let number = 0; number < 20; number++) write(`more${number}.cbcl`, MiB);
    const env = { DYNC_HOME: home };
    for (let entry: Readonly<Record<string, unknown>> | undefined; ; ) {
      [entry] = jsonLines((await lab.dync([...line, "--explain"], { env })).stdout);
      // Whether there is room for what is written down of the files depends on what came before.
      if (entry?.reason === "retrying" || Number(entry?.bytes) >= 20 * MiB) break;
    }
    await disk.clear();
    appendFileSync(join(run, "RunInfo.xml"), "more");
    write("CopyComplete.txt", 0);
    await watcher.line(/"path":"241127_A01_0001_AHXX","kind":"folder","state":"sent"/, 100_000);
    expect(await treeOf(lab.stored("241127_A01_0001_AHXX"))).toEqual(await treeOf(run));
  },
);
