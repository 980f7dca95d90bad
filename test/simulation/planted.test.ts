// Bugs planted on purpose, each a patch with a sentence that says what it breaks: the simulation has to find every one
// of them, or its silence about the real code means nothing.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cpSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";
import { replay } from "./replay-process.ts";
import type { Level } from "./run-seed.ts";

const root = join(import.meta.dir, "..", "..");
const patches = join(import.meta.dir, "planted");
// Those of what threads say to each other; not all of them are of a kind that can be found here.
const patchesOfWorkers = join(root, "test", "storage", "planted");

interface Search {
  readonly level: Level;
  /** Within so many runs it has to be found. */
  readonly runs: number;
  /** The first seed, 1 unless given: what happens in one run of hundreds is looked for where it is. */
  readonly from?: number;
}

const planted: Readonly<Record<string, Search>> = {
  "answer-rewinds-again": { level: "machines", from: 201, runs: 1000 },
  "checksum-in-released-memory": { level: "shells", runs: 100 },
  "command-name-taken-for-data": { level: "machines", from: 21, runs: 1000 },
  "credit-by-upload": { level: "fairness", runs: 10 },
  "credit-kept-over-reconnect": { level: "machines", from: 1701, runs: 3000 },
  "credit-on-arrival": { level: "machines", runs: 100 },
  "duplicate-accepted": { level: "machines", runs: 100 },
  "empty-last-chunk-believed": { level: "machines", runs: 100 },
  "failed-sync-ignored": { level: "shells", from: 1150, runs: 2000 },
  "fence-ignored": { level: "servers", from: 182, runs: 300 },
  "identity-alone-names-the-upload": { level: "shells", from: 28, runs: 300 },
  "late-chunk-appended": { level: "shells", from: 88, runs: 300 },
  "length-trusted-after-power-loss": { level: "shells", from: 5, runs: 300 },
  "name-taken-by-two": { level: "servers", from: 41, runs: 300 },
  "no-rewind-after-gap": { level: "machines", runs: 100 },
  "number-behind-adopted": { level: "servers", from: 607, runs: 300 },
  "part-stored-without-claim": { level: "servers", from: 5859, runs: 1000 },
  "publish-before-sync": { level: "shells", from: 10, runs: 100 },
  "published-again": { level: "servers", from: 3001, runs: 300 },
  "unused-credit-kept": { level: "fairness", from: 9, runs: 12 },
};

const plantedInWorkers: Readonly<Record<string, Search>> = {
  "answers-out-of-order": { level: "workers", from: 211, runs: 300 },
  "far-bytes-elsewhere": { level: "workers", runs: 100 },
  "memory-kept-after-a-fault": { level: "workers", from: 71, runs: 300 },
  "never-released": { level: "workers", from: 21, runs: 300 },
  "released-before-it-is-written": { level: "workers", runs: 100 },
  "released-too-early": { level: "workers", runs: 100 },
  "released-twice": { level: "workers", from: 131, runs: 300 },
  "told-when-awaited-only": { level: "workers", runs: 300 },
};

describe("a planted bug is found", () => {
  // One copy for all of them: one for each took a quarter of the time.
  let folder: TempFolder;
  beforeAll(async () => {
    folder = await tempFolder();
    copyTo(folder.path);
  });
  afterAll(async () => await folder?.[Symbol.asyncDispose]());

  for (const file of readdirSync(patches)) {
    const name = file.replace(/\.patch$/, "");
    const where = planted[name];
    test(`${name}: ${whyOf(join(patches, file))}`, async () => {
      expect(where, `${file} has no place in the table`).toBeDefined();
      if (where !== undefined) await expectFound(folder.path, join(patches, file), where);
    });
  }

  for (const [name, where] of Object.entries(plantedInWorkers)) {
    const patch = join(patchesOfWorkers, `${name}.patch`);
    test(`${name}: ${whyOf(patch)}`, async () => await expectFound(folder.path, patch, where));
  }
});

function whyOf(patch: string): string | undefined {
  return readFileSync(patch, "utf8").split("\n")[0];
}

/** Whether the simulation in `folder` finds the bug of `patch`, which is taken out again. */
async function expectFound(folder: string, patch: string, { level, from = 1, runs }: Search): Promise<void> {
  apply(folder, patch);
  const { ok, output } = await replay(folder, [
    ...["--level", level],
    ...["--from", `${from}`, "--seeds", `${runs}`, "--failures", "1"],
  ]).finally(() => apply(folder, patch, "-R"));
  expect(ok, output).toBe(false);
  expect(output).toMatch(/bun run test:sim --level \w+ --seed \d+ --trace/);
}

function copyTo(folder: string): void {
  for (const part of ["src", "test/simulation", "test/support/memory", "test/support/silent-logger.ts"]) {
    cpSync(join(root, part), join(folder, part), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
}

/** Plants the bug of `patch`, or with "-R" takes it out again. */
function apply(folder: string, patch: string, ...how: readonly string[]): void {
  // The context that a patch has to find again is one line: it may survive changes around it.
  const applied = Bun.spawnSync(["git", "apply", "-C1", ...how, patch], { cwd: folder, stderr: "pipe" });
  expect(applied.exitCode, `${patch} does not apply any more: ${applied.stderr.toString()}`).toBe(0);
}
