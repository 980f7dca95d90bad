// Runs that are sent while they are written, by the client's own code to a real server.

import { describe, expect, test } from "bun:test";
import { appendFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sleep, systemClock } from "../../src/base/clock.ts";
import { Random } from "../simulation/random.ts";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { Instrument } from "../support/live/instrument.ts";
import { signsOf } from "../support/live/tree-follower.ts";
import { treeOf } from "../support/live/tree-of.ts";
import { jsonLines, type Program, startProgram } from "../support/programs.ts";

// `LIVE_SEEDS=1-50` runs others.
const [from = 1, to = 2] = (process.env.LIVE_SEEDS ?? "").split("-").filter(Boolean).map(Number);
const seeds = Array.from({ length: to - from + 1 }, (_, index) => from + index);
const sender = join(import.meta.dir, "..", "support", "live", "send-live.ts");

function startLive(lab: Lab, folder: string, name: string): Program {
  return startProgram([process.execPath, sender, lab.homes.client, String(lab.port), folder, name]);
}

/** What was published as `name` is the folder, and is what a usual upload of it is. */
async function expectSame(lab: Lab, folder: string, name: string): Promise<void> {
  expect(await treeOf(lab.stored(name))).toEqual(await treeOf(folder));
  const usual = `${name}-usual`;
  expect(await lab.send(["--dataset", "-n", usual, folder])).toMatchObject({ code: 0 });
  // Times as the server's runtime sets them, which is not quite to the nanosecond.
  expect(await treeOf(lab.stored(name), true)).toEqual(await treeOf(lab.stored(usual), true));
  const listOf = async (of: string): Promise<string> =>
    (await readFile(`${lab.stored(of)}.sha256`, "utf8")).replaceAll(`  ${of}/`, "  ");
  expect(await listOf(name)).toBe(await listOf(usual));
}

describe.skipIf(executablesMissing !== null)(
  `a run that is sent while it is written (${executablesMissing ?? "compiled"})`,
  () => {
    test("is published as it is at its end, and nothing of it before", async () => {
      await using lab = await openLab({ inMemory: true });
      const folder = lab.folder.file("files", "run");
      await mkdir(join(folder, "deep"), { recursive: true });
      await writeFile(join(folder, "first.raw"), "first".repeat(1000));
      await writeFile(join(folder, "passing.tmp"), "for a moment");
      await using program = startLive(lab, folder, "run");
      await lab.server.line(/"Upload started"/);
      await writeFile(join(folder, "deep", "second.raw"), "second".repeat(100_000));
      await appendFile(join(folder, "first.raw"), "and more");
      await rm(join(folder, "passing.tmp"));
      await writeFile(join(folder, "third"), "");
      lab.expectNothingStored("run");
      await writeFile(signsOf(folder).end, "");
      const end = await program.ended();
      expect(jsonLines(end.stdout)).toContainEqual({ receipt: expect.objectContaining({ unpacked: true }) });
      await expectSame(lab, folder, "run");
    });

    for (const seed of seeds)
      test(`is what it is at its end, however it was written and whoever was killed meanwhile (seed ${seed})`, async () => {
        await using lab = await openLab({ inMemory: true });
        const random = new Random(seed);
        const folder = lab.folder.file("files", "run");
        await mkdir(folder, { recursive: true });
        const instrument = new Instrument(folder, random.fork("instrument"));
        let program = startLive(lab, folder, "run");
        const outputs: string[] = [];
        for (let step = 0; step < 60; step++) {
          await instrument.step();
          await sleep(systemClock, random.int(60));
          const choice = random.next();
          if (choice < 0.1) {
            outputs.push((await program.kill()).stdout);
            program = startLive(lab, folder, "run");
          } else if (choice < 0.15) {
            outputs.push((await program.stop()).stdout);
            program = startLive(lab, folder, "run");
          } else if (choice < 0.25) {
            await lab.server.kill();
            await lab.start();
          }
        }
        lab.expectNothingStored("run");
        await writeFile(signsOf(folder).end, "");
        outputs.push((await program.ended(120_000)).stdout);
        const lines = outputs.flatMap((output) => jsonLines(output));
        expect(lines.filter((line) => /anew/.test(JSON.stringify(line)))).toEqual([]);
        expect(lines).toContainEqual({ receipt: expect.objectContaining({ unpacked: true }) });
        await expectSame(lab, folder, "run");
        expect(await readdir(join(lab.homes.client, "uploads"))).toEqual([]);
      });

    test("a restart reads nothing again of what was sent", async () => {
      await using lab = await openLab({ inMemory: true });
      const folder = lab.folder.file("files", "run");
      await mkdir(folder, { recursive: true });
      await lab.file(join("run", "large.raw"), 60_000_000);
      await using first = startLive(lab, folder, "run");
      await first.line(/"stored":1\b/, 60_000);
      await first.kill();
      await lab.server.kill();
      await lab.start();
      // Who reads it now would have something else.
      await lab.file(join("run", "large.raw"), 1000);
      await using second = startLive(lab, folder, "run");
      await second.line(/"stored":2\b/, 60_000);
      await writeFile(signsOf(folder).end, "");
      const lines = jsonLines((await second.ended()).stdout);
      expect(lines).toContainEqual({ receipt: expect.objectContaining({ unpacked: true }) });
      // The runtime reads the program.
      expect(Number(lines.at(-1)?.readBytes)).toBeLessThan(20_000_000);
      await expectSame(lab, folder, "run");
    });
  },
);
