// `bun run test:sim`: runs the simulation for one seed (`--seed N`, with `--trace` for everything that happened), or
// for many (`--seeds N`, from `--from N` or from the clock). Prints for each failure the command that repeats it.

import { parseArgs } from "node:util";
import { MachineWorld } from "./machine-world.ts";

const { values } = parseArgs({
  options: {
    seed: { type: "string" },
    seeds: { type: "string", default: "1000" },
    from: { type: "string" },
    level: { type: "string" },
    trace: { type: "boolean", default: false },
  },
});
const first = values.seed ?? values.from;
const from = first === undefined ? Date.now() % 1_000_000_000 : Number(first);
const count = values.seed === undefined ? Number(values.seeds) : 1;
let failures = 0;
let uploads = 0;
let finished = 0;
let events = 0;
const started = performance.now();
for (let seed = from; seed < from + count; seed++) {
  const world: MachineWorld = new MachineWorld(seed, (line) => {
    if (values.trace) process.stdout.write(`${world.clock.now().toFixed(3).padStart(12)}  ${line()}\n`);
  });
  try {
    const run = world.run();
    uploads += run.uploads;
    finished += run.finished;
    events += run.events;
  } catch (error) {
    failures++;
    process.stdout.write(
      `seed ${seed}: ${error instanceof Error ? (values.trace ? error.stack : error.message) : error}\n`,
    );
    process.stdout.write(`  bun run test:sim --level machines --seed ${seed} --trace\n`);
    if (failures >= 20) break;
  }
}
process.stdout.write(
  `${count} runs, ${failures} failed; ${uploads} uploads, ${finished} finished, ${events} events, ${((performance.now() - started) / 1000).toFixed(1)} s\n`,
);
process.exitCode = failures === 0 ? 0 : 1;
