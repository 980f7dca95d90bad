// One run of one level with one seed, and what became of it. Called by the tests and by `replay.ts`.

import { FairnessWorld } from "./fairness-world.ts";
import { MachineWorld } from "./machine-world.ts";
import { ServersWorld } from "./servers-world.ts";
import { ShellWorld } from "./shell-world.ts";
import type { Trace } from "./simulation-failure.ts";
import type { SimulationRun } from "./simulation-run.ts";

export const levels = ["machines", "shells", "workers", "servers", "fairness"] as const;
export type Level = (typeof levels)[number];

export type SeedResult =
  | { readonly ok: true; readonly run: SimulationRun }
  /** `command` repeats it. */
  | { readonly ok: false; readonly text: string; readonly stack: string; readonly command: string };

/** Runs it; `onTrace` gets what happens, line by line. */
export async function runSeed(
  level: Level,
  seed: number,
  onTrace: ((line: string) => void) | null,
): Promise<SeedResult> {
  const trace: Trace = (line) => onTrace?.(`${world.clock.now().toFixed(3).padStart(12)}  ${line()}`);
  const world = worldOf(level, seed, trace);
  // An assertion that fails in code that nobody waits for shows up here, when the run is over.
  const unhandled: unknown[] = [];
  const onUnhandled = (error: unknown): void => void unhandled.push(error);
  process.on("unhandledRejection", onUnhandled);
  try {
    const run = await world.run();
    if (level === "shells" || level === "workers" || level === "servers") await turnOfTheLoop();
    if (unhandled.length > 0) return failure(level, seed, unhandled[0]);
    return { ok: true, run };
  } catch (error) {
    await turnOfTheLoop();
    return failure(level, seed, unhandled[0] ?? error);
  } finally {
    process.off("unhandledRejection", onUnhandled);
  }
}

type World = MachineWorld | ShellWorld | ServersWorld | FairnessWorld;

function worldOf(level: Level, seed: number, trace: Trace): World {
  switch (level) {
    case "machines":
      return new MachineWorld(seed, trace);
    case "shells":
      return new ShellWorld(seed, trace);
    case "workers":
      return new ShellWorld(seed, trace, { hasWorkers: true });
    case "servers":
      return new ServersWorld(seed, trace);
    case "fairness":
      return new FairnessWorld(seed, trace);
  }
}

function failure(level: Level, seed: number, error: unknown): SeedResult {
  const text = error instanceof Error ? error.message : String(error);
  const stack = error instanceof Error ? (error.stack ?? text) : text;
  const command = `bun run test:sim --level ${level} --seed ${seed} --trace`;
  return { ok: false, text, stack, command };
}

function turnOfTheLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
