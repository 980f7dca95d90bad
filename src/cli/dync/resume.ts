// `dync resume [ID…]`: goes on with unfinished uploads, all or some, one after the other.

import { DyncError } from "../../base/error.ts";
import { type UnfinishedUpload, UploadStore } from "../../client/upload-store.ts";
import { dyncHome } from "../../keys/key-files.ts";
import { sharedOptions } from "../args.ts";
import { type CommandContext, defineCommand } from "../command.ts";
import { parseDuration } from "../duration.ts";
import { retryForDefault } from "./send.ts";
import { sendOne } from "./send-one.ts";
import type { SendOptions } from "./send-options.ts";
import { listUnfinished, selectUploads } from "./unfinished.ts";
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
      retryForMs: parseDuration(retryFor ?? retryForDefault, "--retry-for"),
      retryFirst: retryFor !== undefined,
    };
    const home = dyncHome(environment);
    const all = await listUnfinished(new UploadStore(home), output);
    const chosen = values.id.length === 0 ? all : selectUploads(all, values.id);
    if (chosen.length === 0) output.say("Nothing is unfinished");
    return await resumeAll(chosen, { ...retry, home }, context);
  },
});

const exitSomeFailed = 3;

async function resumeAll(
  uploads: readonly UnfinishedUpload[],
  options: Pick<SendOptions, "retryForMs" | "retryFirst" | "home">,
  context: CommandContext,
): Promise<number> {
  const { output, signal } = context;
  const results: Record<string, unknown>[] = [];
  output.summarise({ uploads: results });
  let failures = 0;
  for (const upload of uploads) {
    const { identity: id, host, port, serverKeyFile, path, name, metadataText } = upload;
    const source = { type: "file", path } as const;
    const request = { ...options, server: { host, port }, serverKeyFile, source, name, metadataText };
    try {
      results.push({ id, name, ok: true, ...(await sendOne(request, context)) });
    } catch (error) {
      // One upload's error is the program's when there is no other, or when the user stops it all.
      if (!(error instanceof DyncError) || uploads.length === 1 || signal.aborted) throw error;
      failures++;
      output.error(error);
      results.push({ id, name, ok: false, code: error.code });
    }
  }
  return failures === 0 ? 0 : exitSomeFailed;
}
