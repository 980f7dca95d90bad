// `--since` and `--until`: what lies between two moments.

import type { DyncError } from "../../base/error.ts";
import type { CommandLine, OptionsDef, OptionValues } from "../command.ts";
import { faultsOf } from "../command-line-error.ts";
import { readMoment } from "../moment.ts";

export const periodOptions = {
  since: { type: "string" },
  until: { type: "string" },
} as const satisfies OptionsDef;

/** From `since` on, and before `until` (ISO 8601, UTC). */
export interface Period {
  readonly since?: string;
  readonly until?: string;
}

/** What is wrong with these options. */
export function periodFaults({ values }: CommandLine): readonly DyncError[] {
  const now = new Date();
  return (["since", "until"] as const).flatMap((it) => faultsOf(() => readMoment(it, values[it]?.[0], now)));
}

/** What they ask for. Throws `DyncError` ("usage"). */
export function periodOf(values: Partial<OptionValues<typeof periodOptions>>, now: Date): Period {
  const moments = (["since", "until"] as const).flatMap((it) => {
    const moment = readMoment(it, values[it], now);
    return moment === null ? [] : [[it, new Date(moment).toISOString()] as const];
  });
  return Object.fromEntries(moments);
}
