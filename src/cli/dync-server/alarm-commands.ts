// What a running server can be asked about alarms, over its control socket: the server's end of `dync-server alarms …`. What they are
// asked for and answer is checked by the schemas here on either side.

import * as v from "valibot";
import { conditionKinds } from "../../alarms/alarm.ts";
import { DyncError } from "../../base/error.ts";
import type { ControlCommand } from "../../control/control-server.ts";
import type { Alarms, ShownAlarm } from "../../server/alarms.ts";
import { counts, read } from "./command-schemas.ts";

/** An alarm in a list. */
export const shownAlarms = v.object({
  ...{ alarm: v.string(), when: v.picklist(conditionKinds), subject: v.string(), text: v.string() },
  /** When it was told first, and last: ISO 8601, UTC. */
  ...{ since: v.string(), toldAt: v.string(), times: counts },
});

/** What a list ends with: how many were listed, and how many are configured. */
export const alarmListings = v.object({ listed: counts, configured: counts });

/** Names of the hooks that are told. */
export const triedAlarms = v.object({ hooks: v.array(v.string()) });

const one = v.object({ alarm: v.string() });

export interface AlarmCommandParts {
  readonly alarms: Pick<Alarms, "firing" | "tryOut">;
  /** Those that are configured. */
  readonly alarmsOf: () => readonly { readonly name: string }[];
}

export function alarmCommands({ alarms, alarmsOf }: AlarmCommandParts): readonly [string, ControlCommand][] {
  return [
    [
      "alarms list",
      async ({ tell }) => {
        const firing = await alarms.firing();
        for (const alarm of firing) await tell(shown(alarm));
        return { listed: firing.length, configured: alarmsOf().length };
      },
    ],
    [
      "alarms try",
      async ({ arguments: given }) => {
        const { alarm } = read(one, given);
        const hooks = await alarms.tryOut(alarm);
        if (hooks !== null) return { hooks };
        const names = alarmsOf().map(({ name }) => name);
        const hint = names.length === 0 ? "none is configured" : `there are: ${names.join(", ")}`;
        throw new DyncError("usage", `There is no alarm "${alarm}"`, { hint });
      },
    ],
  ];
}

function shown({ toldAt, ...alarm }: ShownAlarm): v.InferOutput<typeof shownAlarms> {
  return { ...alarm, toldAt: new Date(toldAt).toISOString() };
}
