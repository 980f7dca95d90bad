// What a running server can be asked about hooks, over its control socket: the server's end of `dync-server hooks …`. What they are
// asked for and answer is checked by the schemas here on either side.

import * as v from "valibot";
import type { ControlCommand } from "../../control/control-server.ts";
import type { AfterHooks, ShownDelivery } from "../../server/after-hooks.ts";
import { deliveryStates } from "../../server/shown-states.ts";
import { counts, read, texts } from "./command-schemas.ts";

const listing = v.object({ hook: texts, limit: counts });
/** Which deliveries: some by their ids, or all to a hook, or to any (`null`). */
const choices = v.union([v.object({ ids: v.array(counts) }), v.object({ hook: texts })]);
export type WrittenChoice = v.InferOutput<typeof choices>;

/** A delivery in a list. */
export const shownDeliveries = v.object({
  ...{ id: counts, hook: v.string(), upload: v.string(), user: v.string(), name: v.string() },
  ...{ state: v.picklist(deliveryStates), attempts: counts, createdAt: v.string() },
  /** When it is tried next: ISO 8601, UTC. */
  nextAt: v.string(),
  error: texts,
});

/** What a list ends with. */
export const deliveryListings = v.object({
  listed: counts,
  more: v.boolean(),
  hooks: v.array(
    v.object({ hook: v.string(), deliveries: counts, failing: counts, isConfigured: v.boolean() }),
  ),
});

/** What came of a choice. */
export const chosenCounts = v.object({ deliveries: counts, unknown: v.array(counts) });

export function hookCommands(hooks: AfterHooks): readonly [string, ControlCommand][] {
  return [
    [
      "hooks list",
      async ({ arguments: given, tell, signal }) => {
        const { hook, limit } = read(listing, given);
        const listed = await hooks.list(hook, limit, (it) => tell(shown(it)), signal);
        return { ...listed, hooks: await hooks.counts() };
      },
    ],
    [
      "hooks retry",
      async ({ arguments: given, signal }) => ({ ...(await hooks.retry(read(choices, given), signal)) }),
    ],
    [
      "hooks drop",
      async ({ arguments: given, signal }) => ({ ...(await hooks.drop(read(choices, given), signal)) }),
    ],
  ];
}

function shown({ nextAt, ...delivery }: ShownDelivery): v.InferOutput<typeof shownDeliveries> {
  return { ...delivery, nextAt: new Date(nextAt).toISOString() };
}
