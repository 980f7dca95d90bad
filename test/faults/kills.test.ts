// `kill -9` of either side, at least 200 times each. The normal suite does ten of each (test/e2e/faults.test.ts).

import { describe, expect, test } from "bun:test";
import { executablesMissing } from "../support/executables.ts";
import { runKills, windowBytes } from "../support/kill-runs.ts";
import { note } from "./note.ts";

const MiB = 1024 * 1024;

describe.skipIf(executablesMissing !== null)(`kill -9 (${executablesMissing ?? "compiled"})`, () => {
  for (const [side, what] of [
    ["client", "file"],
    ["server", "file"],
    ["client", "dataset"],
    ["server", "dataset"],
  ] as const) {
    test(
      `of the ${side} of a ${what}, 200 times: nothing is lost, and each costs at most one window`,
      async () => {
        const conduct = { kills: 200, killsPerUpload: 5, bytes: 48 * MiB, seed: 20 };
        const result = await runKills({ side, what, ...conduct });
        note(`kill -9 of the ${side} of a ${what}`, { ...result });
        expect(result.kills).toBeGreaterThanOrEqual(200);
        expect(result.extraPerKillMax).toBeLessThanOrEqual(windowBytes);
      },
      20 * 60_000,
    );
  }
});
