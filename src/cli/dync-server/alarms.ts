// `dync-server alarms list | try`: what is wrong just now, and whether anybody would hear of it, asked of the running server.

import * as v from "valibot";
import { localTime } from "../../base/local-time.ts";
import type { JsonObject } from "../../control/control-lines.ts";
import { sharedOptions } from "../args.ts";
import { defineCommand } from "../command.ts";
import type { Output } from "../output.ts";
import { printable } from "../printable.ts";
import { alarmListings, shownAlarms, triedAlarms } from "./alarm-commands.ts";
import { ask } from "./ask.ts";
import { alarmsListUsage, alarmsTryUsage } from "./usage-alarms.ts";

export const alarmsListCommand = defineCommand({
  name: "alarms list",
  usage: alarmsListUsage,
  options: { ...sharedOptions, json: { type: "boolean" } },
  async run(_values, context) {
    const { output } = context;
    const onLine = (line: JsonObject): void => tellAlarm(v.parse(shownAlarms, line), output);
    const { listed, configured } = await ask(context, "alarms list", {}, alarmListings, onLine);
    output.summarise({ listed, configured });
    if (configured === 0) output.say('No alarm is configured: "dync-server config example" has all kinds');
    else if (listed === 0) output.say(`Nothing is wrong: ${countText(configured)}`);
    return 0;
  },
});

export const alarmsTryCommand = defineCommand({
  name: "alarms try",
  usage: alarmsTryUsage,
  options: { ...sharedOptions, json: { type: "boolean" }, name: { type: "positional", required: true } },
  async run({ name }, context) {
    const { output } = context;
    const { hooks } = await ask(context, "alarms try", { alarm: name }, triedAlarms);
    output.summarise({ hooks });
    if (hooks.length === 0) output.warn('No hook has event = "alarm": this alarm stands in the log alone');
    else output.result(`Told ${hooks.join(", ")}: "dync-server hooks list" has what does not come through`);
    return 0;
  },
});

function tellAlarm(alarm: v.InferOutput<typeof shownAlarms>, output: Output): void {
  output.record("alarm", { ...alarm });
  const told = alarm.times === 1 ? "told once" : `told ${alarm.times} times, last ${localTime(alarm.toldAt)}`;
  output.row("", printable(`${alarm.alarm}  since ${localTime(alarm.since)}, ${told}`));
  output.row("", `  ${printable(alarm.text)}`);
}

function countText(alarms: number): string {
  return alarms === 1 ? "1 alarm is looked at" : `${alarms} alarms are looked at`;
}
