// One user beside others, on the compiled programs: nobody's uploads, however many and however silent, take another user's
// credit or places. The long version is in test/faults/fairness.test.ts.

import { describe, expect, test } from "bun:test";
import { jainIndex } from "../simulation/jain-index.ts";
import { descriptorsOf, msUntilDescriptors } from "../support/beside.ts";
import { executablesMissing } from "../support/executables.ts";
import { openLab } from "../support/lab.ts";
import { referenceMissing } from "../support/reference.ts";
import { mountSmallDisk, smallDiskMissing } from "../support/small-disk.ts";
import { bytesByUser, startNeighbours } from "../support/user-uploads.ts";

const MB = 1_000_000;
const reason =
  executablesMissing ?? referenceMissing ?? (process.platform === "linux" ? null : "needs /proc");

describe.skipIf(reason !== null)(`users beside each other (${reason ?? "compiled"})`, () => {
  test("one whose uploads take all places and send nothing keeps nobody out, and leaves nothing open", async () => {
    const server = [
      "--max-uploads",
      "40",
      "--uploads-per-user",
      "40",
      "--memory",
      "4MiB",
      "--chunk",
      "128KiB",
    ];
    await using lab = await openLab({ inMemory: true, server });
    const env = { DYNC_HOME: await lab.user("bert") };
    const path = await lab.file("honest.raw", 20 * MB);
    const before = await descriptorsOf(lab);
    await using crowd = await startNeighbours(lab, "open", { count: 40 });
    expect(crowd.stdout).toContain("Approved 40");
    const sent = await lab.send(["-q", path], { env });
    expect(sent).toMatchObject({ code: 0, stderr: "" });
    await lab.expectStored(path, "honest.raw", "bert");
    expect(lab.server.stderr).toContain("Other users need a place");
    expect(lab.server.stderr).not.toContain('"Upload refused","user":"bert"');
    await crowd.kill();
    await msUntilDescriptors(lab, before + 4, 30_000);
  });

  test("have the same number of bytes taken, whatever number of uploads each has", async () => {
    await using lab = await openLab({ inMemory: true, server: ["--memory", "1MiB", "--chunk", "64KiB"] });
    const users: { home: string; uploads: number }[] = [];
    for (const [index, uploads] of [1, 2, 5, 20].entries())
      users.push({ home: await lab.user(`user${index}`), uploads });
    const bytes = await bytesByUser(lab, users, 2);
    expect(Math.min(...bytes)).toBeGreaterThan(0);
    expect(jainIndex(bytes)).toBeGreaterThan(0.95);
  });

  test.skipIf(smallDiskMissing !== null)(
    `one who announces most of the disk and sends nothing leaves others room (${smallDiskMissing ?? "tmpfs"})`,
    async () => {
      await using disk = mountSmallDisk(60 * MB);
      await using lab = await openLab({ data: disk.path, inMemory: true });
      const env = { DYNC_HOME: await lab.user("bert") };
      const path = await lab.file("honest.raw", 20 * MB);
      await using crowd = await startNeighbours(lab, "open", { count: 1, announce: 50 * MB });
      expect(crowd.stdout).toContain("Approved 1");
      expect(await lab.send(["-q", path], { env })).toMatchObject({ code: 0, stderr: "" });
    },
  );
});
