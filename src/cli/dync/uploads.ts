// `dync uploads`: what was begun on this computer and is not confirmed yet.

import { localTime } from "../../base/local-time.ts";
import { sizeOf } from "../../client/origin.ts";
import { formatDuration } from "../../config/duration.ts";
import { formatSize } from "../../config/size.ts";
import { sharedOptions } from "../args.ts";
import { defineCommand } from "../command.ts";
import { JsonText } from "../printable.ts";
import { openClient } from "./open-client.ts";
import { describe, isBatch, isUpload, listUnfinished, shortId, type Unfinished } from "./unfinished.ts";
import { uploadsUsage } from "./usage-unfinished.ts";

export const uploadsCommand = defineCommand({
  name: "uploads",
  usage: uploadsUsage,
  options: { ...sharedOptions, json: { type: "boolean" } },
  async run(_values, context) {
    const { output, clock } = context;
    await using client = openClient(context);
    const now = clock.date().getTime();
    const all = await listUnfinished(client, output);
    output.summarise({
      uploads: all
        .filter(isUpload)
        .map(({ identity, host, port, origin, name, metadataText, startedAt, sent, batch }) => {
          const metadata = new JsonText(metadataText);
          const { path } = origin;
          const size = sizeOf(origin);
          const member = batch === undefined ? {} : { batch: batch.id };
          return {
            ...{ id: identity, host, port, path, name, size, sent: sent ?? null, metadata, startedAt },
            ...member,
          };
        }),
      batches: all.filter(isBatch).map(({ id, first, files, bytes, startedAt }) => {
        const { host, port, path } = first;
        return { id, host, port, files, bytes, first: path, startedAt };
      }),
    });
    for (const one of all) {
      const age = formatDuration(Math.max(0, now - Date.parse(one.startedAt)));
      const when = `${localTime(one.startedAt)}  ${age} old`;
      output.result(`${shortId(one)}  ${when}  ${shareOf(one)}  ${describe(one)}`);
    }
    if (all.length === 0) output.say("Nothing is unfinished");
    return 0;
  },
});

/** How much of it is done, or left. */
function shareOf(one: Unfinished): string {
  if (isBatch(one)) return one.files === 1 ? "1 file left" : `${one.files} files left`;
  const { sent, origin } = one;
  const size = sizeOf(origin);
  const done = sent === undefined ? "?" : formatSize(sent);
  return size === null ? `${done} so far` : `${done} of ${formatSize(size)}`;
}
