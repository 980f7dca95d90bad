// `dync cancel ID…`: drops unfinished uploads, on the server and here.

import { DyncError } from "../../base/error.ts";
import { sharedOptions } from "../args.ts";
import { defineCommand } from "../command.ts";
import { openClient } from "./open-client.ts";
import { Outcomes } from "./outcomes.ts";
import { describe, listUnfinished, selectUploads } from "./unfinished.ts";
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
    const uploads = selectUploads(await listUnfinished(client.store, output), values.id);
    const outcomes = new Outcomes(uploads, context);
    for (const upload of uploads) {
      try {
        const outcome = await client.cancel(upload, values.local, signal);
        if (outcome === "being-sent") {
          const hint = "stop that process first, with Ctrl-C";
          throw new DyncError("failed", `Another dync process is sending ${describe(upload)}`, { hint });
        }
        const finished = outcome === "finished" ? ": the server had stored it already, and keeps it" : "";
        output.say(`Dropped ${describe(upload)}${finished}`);
        outcomes.note(upload, { outcome });
      } catch (error) {
        outcomes.failed(upload, error);
      }
    }
    return outcomes.status;
  },
});
