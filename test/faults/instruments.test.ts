// Simulated instruments of every kind under the compiled watcher, over 300 runs, with the watcher killed at random and the line cut.

import { describe, expect, test } from "bun:test";
import { executablesMissing } from "../support/executables.ts";
import { simulatedProfiles } from "../support/instrument/simulated-run.ts";
import { watchRuns } from "../support/watched-runs.ts";
import { note } from "./note.ts";

const runs = 24;

describe.skipIf(executablesMissing !== null)(
  `watched instruments (${executablesMissing ?? "compiled"})`,
  () => {
    test.each(simulatedProfiles)(
      `up to ${runs} runs of %s: each complete one arrives once, whole, and not early`,
      async (profile) => {
        const result = await watchRuns({ profile, runs, seed: 1000 });
        note(`a watched folder of ${profile}`, { ...result });
        expect(result.stored).toBeGreaterThan(0);
        expect(result.kills + result.cuts).toBeGreaterThan(0);
      },
      15 * 60_000,
    );
  },
);
