// Simulated instruments of every kind under the compiled watcher, over 300 runs, with the watcher killed at random and the line cut; those
// whose runs have a sign of their end also with runs that are sent while they are written.

import { describe, expect, test } from "bun:test";
import { knownProfile } from "../../src/watch/profiles.ts";
import { executablesMissing } from "../support/executables.ts";
import { simulatedProfiles } from "../support/instrument/simulated-run.ts";
import { watchRuns } from "../support/watched-runs.ts";
import { note } from "./note.ts";

const runs = 24;

/** Those whose runs are folders, and have a sign of their end. */
const liveProfiles = simulatedProfiles.filter((name) => {
  const profile = knownProfile(name);
  return profile?.unit === "folder" && profile.file.sign !== undefined;
});

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

    test.each(liveProfiles)(
      `up to ${runs} runs of %s that are sent while they are written: each complete one arrives once, whole, and not early`,
      async (profile) => {
        const result = await watchRuns({ profile, runs, seed: 2000, live: true });
        note(`a watched folder of ${profile}, live`, { ...result });
        expect(result.live).toBeGreaterThan(0);
        expect(result.kills + result.cuts).toBeGreaterThan(0);
      },
      15 * 60_000,
    );
  },
);
