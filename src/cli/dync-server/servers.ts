// `dync-server servers`: the servers that share the catalogue, asked of the one that runs here.

import * as v from "valibot";
import { localTime } from "../../base/local-time.ts";
import { sharedOptions } from "../args.ts";
import { inColumns } from "../columns.ts";
import { defineCommand } from "../command.ts";
import { printable } from "../printable.ts";
import { ask } from "./ask.ts";
import { serversUsage } from "./usage-servers.ts";

const answers = v.object({
  /** `null`: the catalogue is one server's alone. */
  servers: v.nullable(
    v.array(
      v.object({
        id: v.string(),
        name: v.string(),
        version: v.string(),
        startedAt: v.string(),
        isAlive: v.boolean(),
        leads: v.boolean(),
        isThis: v.boolean(),
      }),
    ),
  ),
});
type Line = NonNullable<v.InferOutput<typeof answers>["servers"]>[number];

export const serversCommand = defineCommand({
  name: "servers",
  usage: serversUsage,
  options: { ...sharedOptions, json: { type: "boolean" } },
  async run(_values, context) {
    const { output } = context;
    const { servers } = await ask(context, "servers list", {}, answers);
    const told = servers?.map(({ isAlive: alive, isThis, ...server }) => ({
      ...server,
      alive,
      this: isThis,
    }));
    output.summarise({ servers: told ?? null });
    if (servers === null)
      output.say("No other server can share this catalogue: its uploads lie on a disk here");
    else for (const line of inColumns([head, ...servers.map(rowOf)])) output.result(line);
    return 0;
  },
});

const head = ["SERVER", "ID", "STATE", "SINCE", "VERSION"];

function rowOf({ id, name, version, startedAt, isAlive, leads, isThis }: Line): readonly string[] {
  const state = !isAlive ? "silent" : leads ? "leads" : "there";
  const shown = printable(name);
  return [isThis ? `${shown} (this)` : shown, printable(id), state, localTime(startedAt), printable(version)];
}
