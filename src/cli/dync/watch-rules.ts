// How `dync watch` judges metadata before they are sent: the parts of `RulesCheck`.

import type { ServerChoice } from "../../keys/known-servers.ts";
import type { Sighting } from "../../watch/folder/scan.ts";
import { RulesCheck } from "../../watch/rules-check.ts";
import type { Waiting, WatchList } from "../../watch/watch-list.ts";
import type { CommandContext } from "../command.ts";
import { openClient } from "./open-client.ts";
import { sidecarOf } from "./watch-jobs.ts";

const once = { retryForMs: 0, retryFirst: false };

/** Who judges by the rules of `server`. */
export function rulesCheck(
  server: ServerChoice,
  context: CommandContext,
  isWaitedFor: () => boolean,
): RulesCheck {
  return new RulesCheck({
    ...{ clock: context.clock, random: Math.random, isWaitedFor },
    fetch: async (signal) => {
      await using client = openClient(context);
      await client.serverState(server, signal);
      await client.keepRules(server, once, signal);
    },
    open: async () => {
      await using client = openClient(context);
      return await client.offlineJudge(server);
    },
  });
}

/** Whether something waits that other rules would let go. */
export function isWaitingForRules(list: WatchList): boolean {
  const { "metadata-missing": lacking = 0, refused = 0 } = list.reasons;
  return lacking + refused > 0;
}

/** What an entry lacks, with where to write it. */
export function withPlace(lacks: Waiting | null, { at }: Sighting): Waiting | null {
  return lacks === null ? null : { ...lacks, detail: `${lacks.detail}; write ${sidecarOf(at)}` };
}
