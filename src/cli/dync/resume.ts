// `dync resume [ID…]`: a batch of what is unfinished, all or some of it.

import { BeingSent } from "../../client/resumption.ts";
import type { UnfinishedUpload } from "../../client/upload-store.ts";
import { sharedOptions } from "../args.ts";
import { defineCommand } from "../command.ts";
import { openClient } from "./open-client.ts";
import { Outcomes } from "./outcomes.ts";
import { readRetry } from "./patience-notes.ts";
import { reporterFor } from "./reporter.ts";
import { describe, listUnfinished, selectUploads } from "./unfinished.ts";
import { resumeUsage } from "./usage-unfinished.ts";

export const resumeCommand = defineCommand({
  name: "resume",
  usage: resumeUsage,
  options: {
    ...sharedOptions,
    "retry-for": { type: "string" },
    quiet: { type: "boolean", alias: "q" },
    json: { type: "boolean" },
    id: { type: "positional", required: false, repeat: true },
  },
  async run(values, context) {
    const { output, signal } = context;
    if (values.quiet) output.beQuiet();
    const retry = readRetry(values["retry-for"]);
    await using client = openClient(context);
    const all = await listUnfinished(client.store, output);
    const uploads = values.id.length === 0 ? all : selectUploads(all, values.id);
    if (uploads.length === 0) output.say("Nothing is unfinished");
    const outcomes = new Outcomes(uploads, context);
    const reporter = reporterFor<UnfinishedUpload>(context, retry, {
      stored: (upload, receipt) => outcomes.note(upload, { outcome: "stored", ...receipt }),
      failed: (upload, error) => {
        if (!(error instanceof BeingSent)) return outcomes.failed(upload, error);
        output.say(`Skipped ${describe(upload)}: another dync process is sending it`);
        outcomes.note(upload, { outcome: "skipped" });
      },
    });
    await client.send(uploads, retry, reporter, signal);
    return outcomes.status;
  },
});
