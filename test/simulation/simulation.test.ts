// Runs of the simulation: always the same seeds, and as many that the commit chooses, so that every commit tries others and each
// failure can be repeated. `test/faults/simulation` has six times as many of each, `bun run test:sim --seeds N` runs more.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { replay } from "./replay-process.ts";
import { type Level, levels, runSeed } from "./run-seed.ts";
import { seedOfCommit } from "./seed-of-commit.ts";

const root = join(import.meta.dir, "..", "..");
const runs: Readonly<Record<Level, number>> = {
  machines: 500,
  shells: 100,
  workers: 50,
  servers: 20,
  fairness: 1,
};

for (const level of levels) {
  test(`${level}: every promise is kept with the same seeds as always (${runs[level]})`, async () =>
    expectAllGood(level, 1));

  test(`${level}: every promise is kept with seeds that this commit chooses (${runs[level]})`, async () =>
    expectAllGood(level, seedOfCommit(root)));

  test(`${level}: a seed means the same run every time`, async () => {
    // One of the last level goes on for hours of its own time.
    for (let seed = 1; seed <= (level === "fairness" ? 1 : 5); seed++)
      expect(await traceOf(level, seed)).toEqual(await traceOf(level, seed));
  });
}

test("the trace of a seed can be read", async () => {
  const { ok, output } = await replay(root, ["--seed", "1", "--level", "machines", "--trace"]);
  expect(ok).toBe(true);
  expect(output).toContain("post-file client-0");
});

async function expectAllGood(level: Level, from: number): Promise<void> {
  const { ok, output } = await replay(root, [
    ...["--level", level],
    ...["--from", `${from}`],
    ...["--seeds", `${runs[level]}`],
  ]);
  expect(ok, output).toBe(true);
}

/** How many lines the trace has, and their checksum: it may have a million, and `--trace` shows them. */
async function traceOf(level: Level, seed: number) {
  const hash = new Bun.CryptoHasher("sha256");
  let lines = 0;
  await runSeed(level, seed, (line) => {
    hash.update(`${line}\n`);
    lines++;
  });
  return { level, seed, lines, sha256: hash.digest("hex") };
}
