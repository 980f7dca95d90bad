// Batches whose client is killed (`kill -9`) at random times, over and over: each time the next command takes up what is left, what
// was never begun as well, and in the end every file is there once.

import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { sleep, systemClock } from "../../src/base/clock.ts";
import { Random } from "../simulation/random.ts";
import { expectAftermath } from "../support/aftermath.ts";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { note } from "./note.ts";

const killsMin = 100;
const files = 60;
// Of the time that a batch takes, so that most are killed in the midst of it.
const killAfterMsMax = 900;

// A server that was killed before it was reached once is no reason to end.
const patient = ["-q", "--retry-for", "1m"];

interface Run {
  kills: number;
  batches: number;
  serverKills: number;
}

/** Names of the batches that are written down. */
function batchesIn(lab: Lab): readonly string[] {
  const folder = join(lab.homes.client, "batches");
  return existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".jobs")) : [];
}

/** Sends a batch until it is confirmed, killing one side again and again. */
async function sendThroughKills(lab: Lab, paths: readonly string[], random: Random, run: Run): Promise<void> {
  run.batches += 1;
  for (;;) {
    // What was killed before it had written down what it shall send is not known to anybody. Else the same command takes it up
    // as well as "resume" does.
    const isResumed = batchesIn(lab).length > 0 && random.int(3) > 0;
    const args = isResumed ? null : [...patient, "--jobs", String(1 + random.int(8)), ...paths];
    await using program = args === null ? lab.startDync(["resume", ...patient]) : lab.startSend(args);
    await sleep(systemClock, random.int(killAfterMsMax));
    if (program.running && random.int(6) === 0) {
      run.serverKills += 1;
      await lab.server.kill();
      await lab.start();
    }
    if (program.running && run.kills < killsMin * run.batches) {
      run.kills += 1;
      program.signal("SIGKILL");
    }
    const { code, signal, stderr } = await program.ended(60_000);
    // What says that all of it is done leaves nothing that the next "resume" would take for something to do.
    if (code === 0) return expect(batchesIn(lab)).toEqual([]);
    expect({ code, signal, stderr }).toEqual({ code: null, signal: "SIGKILL", stderr: "" });
  }
}

describe.skipIf(executablesMissing !== null)(`a batch (${executablesMissing ?? "compiled"})`, () => {
  test(
    "whose client is killed again and again, and the server now and then, arrives whole, each file once",
    async () => {
      await using lab = await openLab({ inMemory: true });
      const random = new Random(7);
      const run: Run = { kills: 0, batches: 0, serverKills: 0 };
      const confirmed = new Map<string, string>();
      while (run.kills < killsMin) {
        const names = Array.from({ length: files }, (_, at) => `batch-${run.batches}-${at}.raw`);
        const paths: string[] = [];
        for (const name of names) {
          const bytes = random.int(10) === 0 ? 2_000_000 + random.int(4_000_000) : random.int(200_000);
          paths.push(await lab.file(name, bytes));
        }
        await sendThroughKills(lab, paths, random, run);
        for (const [at, name] of names.entries()) confirmed.set(name, paths[at] as string);
      }
      // What was killed while it wrote down a batch left a draft, which goes after an hour.
      const left = readdirSync(join(lab.homes.client, "batches")).filter((name) => !name.endsWith(".tmp"));
      expect(left).toEqual([]);
      await expectAftermath(lab, confirmed);
      note("batches through kill -9 of the client", { ...run, files: confirmed.size });
    },
    20 * 60_000,
  );
});
