// `dync cancel ID…`: drops unfinished uploads, on the server and here.

import { DyncError } from "../../base/error.ts";
import { sharedOptions } from "../args.ts";
import { defineCommand } from "../command.ts";
import { openClient } from "./open-client.ts";
import { Outcomes } from "./outcomes.ts";
import { describe, isBatch, isUpload, listUnfinished, selectUnfinished } from "./unfinished.ts";
import { cancelUsage } from "./usage-unfinished.ts";

export const cancelCommand = defineCommand({
  name: "cancel",
  usage: cancelUsage,
  options: {
    ...sharedOptions,
    local: { type: "boolean" },
    json: { type: "boolean" },
    id: { type: "positional", required: true, repeat: true },
  },
  async run(values, context) {
    const { output, signal } = context;
    await using client = openClient(context);
    const all = await listUnfinished(client, output);
    const selected = selectUnfinished(all, values.id);
    const outcomes = new Outcomes(selected, context);
    for (const one of selected) {
      try {
        const outcome = isBatch(one)
          ? await client.cancelBatch(one.id, all.filter(isUpload), values.local, signal)
          : await client.cancel(one, values.local, signal);
        if (outcome === "being-sent") {
          const hint = "stop that process first, with Ctrl-C";
          throw new DyncError("failed", `Another dync process is sending ${describe(one)}`, { hint });
        }
        const finished = outcome === "finished" ? ": the server had stored it already, and keeps it" : "";
        output.say(`Dropped ${describe(one)}${finished}`);
        outcomes.note(one, { outcome });
      } catch (error) {
        outcomes.failed(one, error);
      }
    }
    return outcomes.status;
  },
});
