// `dync-server drain`: has the running server hand over what it works on, and take nothing any more.

import * as v from "valibot";
import { sharedOptions } from "../args.ts";
import { defineCommand } from "../command.ts";
import { ask } from "./ask.ts";
import { drainUsage } from "./usage-servers.ts";

export const drainCommand = defineCommand({
  name: "drain",
  usage: drainUsage,
  options: { ...sharedOptions, json: { type: "boolean" } },
  async run(_values, context) {
    const { output } = context;
    const answer = v.object({ uploads: v.number() });
    const { uploads } = await ask(context, "drain", {}, answer);
    output.summarise({ uploads });
    const which =
      uploads === 0 ? "No upload was" : uploads === 1 ? "1 upload was" : `${uploads} uploads were`;
    output.result(`${which} under way: the server takes none until it is started anew`);
    return 0;
  },
});
