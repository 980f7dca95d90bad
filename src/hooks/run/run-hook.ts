// Runs hooks: what a hook is told goes to its program as standard input, to its URL as the body of a POST, or into a mail, and nothing of
// it into arguments, variables, headers of HTTP or a shell.

import type { Clock } from "../../base/clock.ts";
import { type HookTarget, idempotencyKey } from "../hook.ts";
import type { HookCall, HookOutcome, RunHook } from "../runner.ts";
import { type PostEnd, post } from "./post.ts";
import { runProgram } from "./program.ts";

export interface HookRunnerParts {
  readonly clock: Clock;
  /** Variables of this process, of which programs get a few. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Name and version of the server. */
  readonly agent: string;
  /** The mail that says what a hook is told, `text`. */
  readonly mailOf: (text: string, target: Mail) => string;
}

type Program = Extract<HookTarget, { type: "program" }>;
type Url = Extract<HookTarget, { type: "url" }>;
type Mail = Extract<HookTarget, { type: "mail" }>;

/** Runs real hooks. */
export function hookRunner(parts: HookRunnerParts): RunHook {
  return async (call): Promise<HookOutcome> => {
    const { target } = call.hook;
    const { failure, output } = await toldTo(target, call, parts);
    return failure === null ? { type: "done", output } : { type: "failed", reason: failure };
  };
}

function toldTo(target: HookTarget, call: HookCall, parts: HookRunnerParts) {
  switch (target.type) {
    case "program":
      return runIt(target.command, call.text, call, parts);
    case "url":
      return postIt(target, call, parts);
    case "mail":
      // "-i": a line with nothing but a dot ends nothing.
      return runIt([target.sendmail, "-i", ...target.to], parts.mailOf(call.text, target), call, parts);
  }
}

function runIt(
  command: Program["command"],
  input: string,
  call: HookCall,
  { clock, environment }: HookRunnerParts,
) {
  const { hook, answerBytesMax: outputBytesMax, signal } = call;
  const variables = variablesOf(call, environment);
  const how = { outputBytesMax, timeoutMs: hook.timeoutMs, signal, clock };
  return runProgram({ command, environment: variables, input, ...how });
}

// What a program needs to run at all, of what its server has: the place of programs, and what Windows wants of each.
const passed = ["PATH", "HOME", "SystemRoot", "TEMP"];

/** Nothing in it was chosen by who sends. */
function variablesOf({ hook, upload, attempt }: HookCall, environment: HookRunnerParts["environment"]) {
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

function postIt(
  { url, headers, sign }: Url,
  call: HookCall,
  { clock, agent }: HookRunnerParts,
): Promise<PostEnd> {
  const { hook, upload, attempt, text: body, answerBytesMax, signal } = call;
  const own = {
    "Content-Type": "application/json",
    "User-Agent": agent,
    "Idempotency-Key": idempotencyKey(upload, hook),
    "X-Dync-Event": hook.event,
    "X-Dync-Hook": hook.name,
    "X-Dync-Attempt": String(attempt),
    // As GitHub signs, so that what checks its webhooks checks these.
    ...(sign === null ? {} : { "X-Hub-Signature-256": `sha256=${sign(body)}` }),
  };
  const how = { answerBytesMax, timeoutMs: hook.timeoutMs, signal, clock };
  return post({ url, headers: { ...headers, ...own }, body, ...how });
}
