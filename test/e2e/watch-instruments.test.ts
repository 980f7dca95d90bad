// Simulated instruments under the compiled watcher, which is killed, and whose line is cut: the short form of test/faults/instruments.test.ts.

import { describe, expect, test } from "bun:test";
import { executablesMissing } from "../support/executables.ts";
import { watchRuns } from "../support/watched-runs.ts";

describe.skipIf(executablesMissing !== null)(
  `watched instruments (${executablesMissing ?? "compiled"})`,
  () => {
    test.each([
      ["illumina", 11, false],
      ["bruker-d", 12, false],
      ["thermo-raw", 13, false],
      ["illumina", 14, true],
      ["nanopore", 15, true],
    ])(
      "each complete run of %s arrives once, whole, and not early (seed %d, live: %p)",
      async (profile, seed, live) => {
        const { stored, held, kills, cuts, live: begun } = await watchRuns({ profile, runs: 8, seed, live });
        expect(stored + held).toBe(8);
        expect(kills + cuts).toBeGreaterThan(0);
        expect(begun > 0).toBe(live);
      },
    );
  },
);
