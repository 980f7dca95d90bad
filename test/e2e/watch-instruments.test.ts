// Simulated instruments under the compiled watcher, which is killed, and whose line is cut: the short form of test/faults/instruments.test.ts.

import { describe, expect, test } from "bun:test";
import { executablesMissing } from "../support/executables.ts";
import { watchRuns } from "../support/watched-runs.ts";

describe.skipIf(executablesMissing !== null)(
  `watched instruments (${executablesMissing ?? "compiled"})`,
  () => {
    test.each([
      ["illumina", 11],
      ["bruker-d", 12],
      ["thermo-raw", 13],
    ])("each complete run of %s arrives once, whole, and not early", async (profile, seed) => {
      const { stored, held, kills, cuts } = await watchRuns({ profile, runs: 8, seed });
      expect(stored + held).toBe(8);
      expect(kills + cuts).toBeGreaterThan(0);
    });
  },
);
