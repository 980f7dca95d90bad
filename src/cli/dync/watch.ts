// `dync watch`: what instruments write into a folder.

import { DyncError } from "../../base/error.ts";
import { waitReasons } from "../../watch/wait-reason.ts";
import { sharedOptions } from "../args.ts";
import { defineCommand } from "../command.ts";
import { watchUsage } from "./usage-watch.ts";
import { printProfiles } from "./watch-profiles.ts";

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
      await printProfiles(output);
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
