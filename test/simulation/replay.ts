// `bun run test:sim`: runs the simulation for one seed (`--seed N`, with `--trace` for everything that happened), or
// for many (`--seeds N`, from `--from N` or from the clock); `--level machines`, `shells`, `workers`, `servers` or `fairness` for one of
// the five. Prints for each failure the command that repeats it.

import { parseArgs } from "node:util";
import { type Level, levels, runSeed } from "./run-seed.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string", default: "1000" },
    from: { type: "string" },
    level: { type: "string" },
    trace: { type: "boolean", default: false },
    /** Stop after so many failures. */
    failures: { type: "string", default: "10" },
  },
});

const first = values.seed ?? values.from;
const from = first === undefined ? Date.now() % 1_000_000_000 : Number(first);
const count = values.seed === undefined ? Number(values.seeds) : 1;
const chosen = levels.filter((level) => values.level === undefined || level === values.level);
if (chosen.length === 0 || !Number.isSafeInteger(from) || !Number.isSafeInteger(count)) {
  process.stderr.write(
    "usage: test:sim [--seed N [--trace] | --seeds N [--from N]] [--level machines|shells|workers|servers|fairness]\n",
  );
  process.exit(2);
}
let failures = 0;
for (const level of chosen) failures += await runMany(level);
process.exitCode = failures === 0 ? 0 : 1;

async function runMany(level: Level): Promise<number> {
  const started = performance.now();
  const sum = { runs: 0, failed: 0, uploads: 0, finished: 0, events: 0, hours: 0 };
  for (let seed = from; seed < from + count && sum.failed < Number(values.failures); seed++) {
    const result = await runSeed(
      level,
      seed,
      values.trace ? (line) => process.stdout.write(`${line}\n`) : null,
    );
    sum.runs++;
    if (result.ok) {
      sum.uploads += result.run.uploads;
      sum.finished += result.run.finished;
      sum.events += result.run.events;
      sum.hours += result.run.durationMs / 3_600_000;
    } else {
      sum.failed++;
      process.stdout.write(
        `${level}, seed ${seed}: ${values.trace ? result.stack : result.text}\n  ${result.command}\n`,
      );
    }
  }
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stdout.write(
    `${level}: ${sum.runs} runs, ${sum.failed} failed; ${sum.finished} of ${sum.uploads} uploads confirmed, ${sum.events} events, ${sum.hours.toFixed(0)} simulated hours in ${seconds} s\n`,
  );
  return sum.failed;
}
