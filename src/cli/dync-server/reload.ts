// `dync-server reload`: has the running server read its configuration again, and says what came of it.

import * as v from "valibot";
import { DyncError } from "../../base/error.ts";
import { sharedOptions } from "../args.ts";
import { defineCommand } from "../command.ts";
import { throwFaults } from "../command-line-error.ts";
import { printable } from "../printable.ts";
import { ask } from "./ask.ts";
import type { SettingChange } from "./running-configuration.ts";
import { reloadUsage } from "./usage-config.ts";

const changes = v.array(v.object({ setting: v.string(), from: v.string(), to: v.string() }));
const reloads = v.variant("outcome", [
  v.object({
    outcome: v.literal("taken"),
    changed: changes,
    needsRestart: changes,
    warnings: v.array(v.string()),
  }),
  v.object({
    outcome: v.literal("refused"),
    faults: v.array(v.object({ message: v.string(), hint: v.optional(v.string()) })),
  }),
]);

export const reloadCommand = defineCommand({
  name: "reload",
  usage: reloadUsage,
  options: { ...sharedOptions, json: { type: "boolean" } },
  async run(_values, context) {
    const { output } = context;
    const reload = await ask(context, "reload", {}, reloads);
    output.summarise({ ...reload });
    if (reload.outcome === "refused") {
      output.say("Not taken: the server goes on with the configuration that it has");
      throwFaults(
        reload.faults.map(({ message, hint }) => new DyncError("configuration", message, { hint })),
      );
      return 0;
    }
    const { changed, needsRestart, warnings } = reload;
    for (const warning of warnings) output.warn(warning);
    for (const change of changed) output.result(shown(change));
    for (const change of needsRestart) output.warn(`${shown(change)} needs a restart, and stays until then`);
    if (changed.length === 0) output.say("Read again: nothing is different");
    return 0;
  },
});

function shown({ setting, from, to }: SettingChange): string {
  return printable(`${setting}: ${from} -> ${to}`);
}
