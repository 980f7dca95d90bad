// `dync resume [ID…]`: goes on with unfinished uploads, all or some, one after the other.

import { BeingSent } from "../../client/file-upload.ts";
import { type UnfinishedUpload, UploadStore } from "../../client/upload-store.ts";
import { dyncHome } from "../../keys/key-files.ts";
import { sharedOptions } from "../args.ts";
import { type CommandContext, defineCommand } from "../command.ts";
import { Outcomes } from "./outcomes.ts";
import { retryForMs } from "./patience-notes.ts";
import { sendOne } from "./send-one.ts";
import type { SendOptions } from "./send-options.ts";
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
    const { output, environment } = context;
    if (values.quiet) output.beQuiet();
    const retryFor = values["retry-for"];
    const retry = {
      retryForMs: retryForMs(retryFor),
      retryFirst: retryFor !== undefined,
    };
    const home = dyncHome(environment);
    const all = await listUnfinished(new UploadStore(home), output);
    const chosen = values.id.length === 0 ? all : selectUploads(all, values.id);
    if (chosen.length === 0) output.say("Nothing is unfinished");
    return await resumeAll(chosen, { ...retry, home }, context);
  },
});

async function resumeAll(
  uploads: readonly UnfinishedUpload[],
  options: Pick<SendOptions, "retryForMs" | "retryFirst" | "home">,
  context: CommandContext,
): Promise<number> {
  const outcomes = new Outcomes(uploads, context);
  for (const upload of uploads) {
    const { host, port, serverKeyFile, path, name, metadataText } = upload;
    const source = { type: "file", path } as const;
    const request = { ...options, server: { host, port }, serverKeyFile, source, name, metadataText };
    try {
      outcomes.note(upload, { outcome: "stored", ...(await sendOne(request, context)) });
    } catch (error) {
      if (!(error instanceof BeingSent)) {
        outcomes.failed(upload, error);
        continue;
      }
      context.output.say(`Skipped ${describe(upload)}: another dync process is sending it`);
      outcomes.note(upload, { outcome: "skipped" });
    }
  }
  return outcomes.status;
}
