// A watcher whose DYNC_HOME lies on a disk that becomes full, on the compiled programs and a small tmpfs: it sends on, says what it cannot
// write down, and writes it when there is room.

import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { openLab } from "../support/lab.ts";
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
