// `dync cancel ID…`: drops unfinished uploads, on the server and here.

import { DyncError } from "../../base/error.ts";
import { cancelUpload } from "../../client/cancel.ts";
import { type UnfinishedUpload, UploadStore } from "../../client/upload-store.ts";
import { dyncHome, loadKeyPair } from "../../keys/key-files.ts";
import { sharedOptions } from "../args.ts";
import { type CommandContext, defineCommand } from "../command.ts";
import { Outcomes } from "./outcomes.ts";
import { serverKeyOf } from "./server-key.ts";
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
    const home = dyncHome(context.environment);
    const store = new UploadStore(home);
    const uploads = selectUploads(await listUnfinished(store, context.output), values.id);
    const outcomes = new Outcomes(uploads, context);
    for (const upload of uploads) {
      try {
        const outcome = await cancelOne(upload, { home, store, local: values.local, context });
        outcomes.note(upload, { outcome });
      } catch (error) {
        outcomes.failed(upload, error);
      }
    }
    return outcomes.status;
  },
});

interface CancelOptions {
  readonly home: string;
  readonly store: UploadStore;
  /** Only forget it here. */
  readonly local: boolean;
  readonly context: CommandContext;
}

async function cancelOne(
  upload: UnfinishedUpload,
  { home, store, local, context }: CancelOptions,
): Promise<"dropped" | "forgotten" | "finished"> {
  const { output } = context;
  const lock = await store.lock(upload.identity);
  if (lock === null) {
    const hint = "stop that process first, with Ctrl-C";
    throw new DyncError("failed", `Another dync process is sending ${describe(upload)}`, { hint });
  }
  try {
    const outcome = local ? "forgotten" : await cancelOnServer(upload, home, context);
    await store.remove(upload.identity);
    const finished = outcome === "finished" ? ": the server had stored it already, and keeps it" : "";
    output.say(`Dropped ${describe(upload)}${finished}`);
    return outcome;
  } finally {
    lock.release();
  }
}

async function cancelOnServer(
  upload: UnfinishedUpload,
  home: string,
  { clock, signal }: CommandContext,
): Promise<"dropped" | "finished"> {
  const { host, port, serverKeyFile } = upload;
  const keys = await loadKeyPair(home, "client");
  const serverKey = await serverKeyOf({ home, host, port, serverKeyFile });
  const { openZmqTransport } = await import("../../transport/zmq/zmq-transport.ts");
  const transport = await openZmqTransport({ clock });
  try {
    const identity = Buffer.from(upload.identity, "hex");
    return await cancelUpload({ host, port, serverKey, keys, identity }, { transport, clock }, signal);
  } finally {
    await transport.close();
  }
}
