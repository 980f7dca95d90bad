// `dync watch`: what instruments write into a folder.

import { DyncError } from "../../base/error.ts";
import { genericRule } from "../../watch/completion.ts";
import { waitReasons } from "../../watch/wait-reason.ts";
import { sharedOptions } from "../args.ts";
import { defineCommand } from "../command.ts";
import { watchUsage } from "./usage-watch.ts";

export const watchCommand = defineCommand({
  name: "watch",
  usage: watchUsage,
  options: {
    ...sharedOptions,
    profiles: { type: "boolean" },
    reasons: { type: "boolean" },
    json: { type: "boolean" },
  },
  async run({ profiles, reasons }, { output }) {
    if (profiles) {
      for (const { name } of [genericRule]) {
        output.record("profile", { name });
        output.result(name);
      }
      return 0;
    }
    if (!reasons) throw new DyncError("usage", "One of --profiles and --reasons is missing");
    for (const [reason, text] of Object.entries(waitReasons)) {
      output.record("reason", { reason, text });
      output.result(`${reason.padEnd(18)}${text}`);
    }
    return 0;
  },
});
