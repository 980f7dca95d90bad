// Runs hooks: what a hook is told goes to its program as standard input, and nothing of it into arguments, variables or a shell.

import type { Clock } from "../../base/clock.ts";
import { idempotencyKey } from "../hook.ts";
import type { HookCall, RunHook } from "../runner.ts";
import { runProgram } from "./program.ts";

export interface HookRunnerParts {
  readonly clock: Clock;
  /** Variables of this process, of which hooks get a few. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Runs real hooks. */
export function hookRunner(parts: HookRunnerParts): RunHook {
  return async (call) => {
    const { hook, text: input, answerBytesMax: outputBytesMax, signal } = call;
    const { command, timeoutMs } = hook;
    const environment = environmentOf(call, parts);
    const how = { command, environment, input, outputBytesMax, timeoutMs, signal };
    const end = await runProgram({ ...parts, ...how });
    if (end.failure !== null) return { type: "failed", reason: end.failure };
    return { type: "done", output: end.output };
  };
}

// What a program needs to run at all, of what its server has: the place of programs, and what Windows wants of each.
const passed = ["PATH", "HOME", "SystemRoot", "TEMP"];

/** Nothing in it was chosen by who sends. */
function environmentOf({ hook, upload, attempt }: HookCall, { environment }: HookRunnerParts) {
  const own = passed.flatMap((name) => {
    const value = environment[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    PATH: "/usr/local/bin:/usr/bin:/bin",
    HOME: "/",
    ...Object.fromEntries(own),
    LANG: "C.UTF-8",
    DYNC_HOOK: hook.name,
    DYNC_EVENT: hook.event,
    DYNC_UPLOAD: upload,
    DYNC_ATTEMPT: String(attempt),
    DYNC_IDEMPOTENCY_KEY: idempotencyKey(upload, hook),
  };
}
