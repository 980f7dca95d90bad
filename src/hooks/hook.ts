// A hook: something of the steward's that is told about uploads, or of alarms. Which uploads it is for, and how long it is waited for when it
// failed. Pure.

import { doubled, type Pauses } from "../base/pauses.ts";
import type { Matches } from "../rules/linear-pattern.ts";

/** "before": an upload is to begin; "after": one was stored; "alarm": an alarm began, goes on, or is over. */
export const hookEvents = ["before", "after", "alarm"] as const;
export type HookEvent = (typeof hookEvents)[number];

/** What is told. */
export type HookTarget =
  /** Absolute path of a program, and its arguments. */
  | { readonly type: "program"; readonly command: readonly [string, ...string[]] }
  | {
      readonly type: "url";
      readonly url: string;
      /** In addition to those that every POST has. */
      readonly headers: Readonly<Record<string, string>>;
      /** HMAC-SHA256 of a text (UTF-8) by the secret, lower-case hex; `null`: there is none. */
      readonly sign: ((text: string) => string) | null;
    }
  | {
      /** Of alarms alone. */
      readonly type: "mail";
      readonly to: readonly string[];
      /** `null`: whom the mail system writes there. */
      readonly from: string | null;
      /** Absolute path of the program that takes mail, called as sendmail is: `-i` and the recipients. */
      readonly sendmail: string;
    };

export interface Hook {
  /** Letters, digits and ". _ -": it stands in keys, headers and variables. */
  readonly name: string;
  readonly event: HookEvent;
  readonly target: HookTarget;
  /** What becomes of an upload before which it fails: it has to come again later ("refuse"), or goes on. */
  readonly onFailure: "refuse" | "accept";
  /** How long it may take. */
  readonly timeoutMs: number;
  /** Whose uploads it is told of; everybody's unless given. */
  readonly users?: readonly Matches[] | undefined;
  /** Names of the rules by which they were taken; any, or none, unless given. */
  readonly rules?: readonly string[] | undefined;
  /** How many of it may run side by side. */
  readonly atOnce: number;
}

/** Those of `hooks` that are told of `event` for an upload of `user`. `rule` finds the name of the rule that takes it, or `null`. */
export function hooksFor(
  hooks: readonly Hook[],
  event: HookEvent,
  user: string,
  rule: () => string | null,
): readonly Hook[] {
  return hooks.filter((hook) => {
    if (hook.event !== event) return false;
    if (hook.users?.some((matches) => matches(user)) === false) return false;
    if (hook.rules === undefined) return true;
    const taker = rule();
    return taker !== null && hook.rules.includes(taker);
  });
}

/** By what a hook knows that it was told the same before: the same for every attempt. */
export function idempotencyKey(uploadId: string, { name }: Pick<Hook, "name">): string {
  return `${uploadId}:${name}`;
}

const pauses: Pauses = { minMs: 1_000, maxMs: 3_600_000 };

/**
 * How long to wait after `attempts` that failed: a second, then twice as long each time, up to an hour; of that between a half and
 * all, by `random` (0 to 1), so that what failed together is not tried together.
 */
export function pauseAfter(attempts: number, random: number): number {
  return Math.round(doubled(pauses, attempts - 1) * (0.5 + random / 2));
}
