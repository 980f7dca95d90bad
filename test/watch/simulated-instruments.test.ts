// What a profile decides at every step of a run that a simulated instrument writes: never complete before the last of its data, always
// complete at the end.

import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Completion } from "../../src/watch/completion.ts";
import { knownProfile, profileNames } from "../../src/watch/profiles.ts";
import { memoryView } from "../support/instrument/memory-view.ts";
import { applyInMemory, applyOnDisk, type Folder } from "../support/instrument/operation.ts";
import { type SimulatedRun, simulatedProfiles, simulatedRun } from "../support/instrument/simulated-run.ts";
import { tempFolder } from "../support/temp-folder.ts";

const seeds = 300;

const knownProfiles = new Map(profileNames.map((name) => [name, knownProfile(name)!]));

/** What runs end with, where that is not one thing. */
const endsOf: Readonly<Record<string, readonly string[]>> = {
  illumina: ["failed", "finished", "run-failed"],
  "illumina-nextseq550": ["aborted", "failed", "finished"],
  "element-aviti": ["failed", "finished"],
  "thermo-raw": ["quiet", "run-failed"],
};

test("there is a simulated instrument for every profile", () => {
  expect(simulatedProfiles).toEqual(profileNames);
});

describe(`runs of ${seeds} seeds`, () => {
  test.each(profileNames)("%s: never early, always at the end", async (name) => {
    const ends = new Set<string>();
    for (let seed = 1; seed <= seeds; seed++) {
      const run = simulatedRun(name, seed);
      ends.add(run.end);
      try {
        await follow(run);
      } catch (error) {
        throw new Error(`${name}, seed ${seed}: ${(error as Error).message}`);
      }
    }
    expect([...ends].sort()).toEqual([
      ...(endsOf[name] ?? [knownProfiles.get(name)!.file.sign ? "finished" : "quiet"]),
    ]);
  });

  test.each(profileNames)("%s: a seed is a run", (name) => {
    expect(simulatedRun(name, 7)).toEqual(simulatedRun(name, 7));
    const written = Array.from({ length: 20 }, (_, seed) =>
      JSON.stringify(simulatedRun(name, seed).operations),
    );
    expect(new Set(written).size).toBeGreaterThan(10);
  });
});

async function follow(run: SimulatedRun): Promise<void> {
  const folder: Folder = new Map();
  const lastData = run.operations.findLastIndex(({ role }) => role === "data");
  for (const [index, operation] of run.operations.entries()) {
    applyInMemory(folder, operation);
    for (const decision of await decisions(run, folder)) {
      const at = `step ${index + 1} of ${run.operations.length}, ${JSON.stringify(operation.path)}`;
      if (decision.type === "complete" && index < lastData)
        throw new Error(`complete before its data are: ${at}`);
      if (decision.type !== "waits" && index + 1 < run.heldUntil)
        throw new Error(`${decision.type} too early: ${at}`);
    }
  }
  const ends = (await decisions(run, folder)).map(endOf);
  const wanted = run.entries.map(() => run.end);
  if (JSON.stringify(ends) !== JSON.stringify(wanted))
    throw new Error(`wanted ${wanted.join()} at the end, found ${ends.join()}`);
}

function endOf(decision: Completion): string {
  if (decision.type === "by-quiet") return "quiet";
  return decision.type === "complete" ? decision.outcome : decision.reason;
}

/** What is decided of those entries of a run that are there. */
async function decisions({ profile, entries }: SimulatedRun, folder: Folder): Promise<readonly Completion[]> {
  const rule = knownProfiles.get(profile)!;
  const top = [...new Set([...folder.keys()].map((path) => path.split("/")[0] as string))];
  const views = top.map((name) => {
    const own = folder.get(name);
    const within = [...folder].filter(([path]) => path.startsWith(`${name}/`));
    const files =
      own === undefined
        ? within.map(([path, bytes]) => [path.slice(name.length + 1), bytes] as const)
        : [["", own] as const];
    const beside = Object.fromEntries([...folder].filter(([path]) => !path.includes("/")));
    return memoryView({
      ...{ name, files: Object.fromEntries(files), beside, isLeftOut: rule.isJunk },
      kind: own === undefined ? "folder" : "file",
    });
  });
  const units = views.filter((view) => entries.includes(view.name));
  for (const view of units) expect([view.name, rule.isUnit(view)]).toEqual([view.name, true]);
  return Promise.all(units.map((view) => rule.complete(view)));
}

test("on disk there is the same as in memory", async () => {
  for (const name of profileNames) {
    await using root = await tempFolder();
    const folder: Folder = new Map();
    for (const operation of simulatedRun(name, 3).operations) {
      applyInMemory(folder, operation);
      applyOnDisk(root.path, operation);
    }
    const found = readdirSync(root.path, { recursive: true, encoding: "utf8" })
      .filter((path) => statSync(join(root.path, path)).isFile())
      .map((path) => [path.replaceAll("\\", "/"), readFileSync(join(root.path, path)).toString("hex")]);
    const wanted = [...folder].map(([path, bytes]) => [path, Buffer.from(bytes).toString("hex")]);
    expect(Object.fromEntries(found)).toEqual(Object.fromEntries(wanted));
  }
});
