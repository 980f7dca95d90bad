// As many runs of the simulation as the normal suite has no time for: the first seeds, with those that it runs too, and as many that
// the commit chooses, behind its.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { replay } from "../simulation/replay-process.ts";
import { type Level, levels } from "../simulation/run-seed.ts";
import { seedOfCommit } from "../simulation/seed-of-commit.ts";
import { note } from "./note.ts";

const root = join(import.meta.dir, "..", "..");
const minuteMs = 60_000;
const runs: Readonly<Record<Level, number>> = {
  machines: 3000,
  shells: 600,
  workers: 600,
  servers: 600,
  fairness: 6,
};

for (const level of levels) {
  for (const [whose, from] of [
    ["the first", 1],
    ["the commit's", seedOfCommit(root)],
  ] as const) {
    test(
      `${level}: every promise is kept with ${runs[level]} seeds, from ${whose} on`,
      async () => {
        const seeds = ["--from", `${from}`, "--seeds", `${runs[level]}`];
        const { ok, output } = await replay(root, ["--level", level, ...seeds]);
        note(`simulation, ${level}`, { from, runs: runs[level] });
        expect(ok, output).toBe(true);
      },
      15 * minuteMs,
    );
  }
}
