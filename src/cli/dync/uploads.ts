// `dync uploads`: what was begun on this computer and is not confirmed yet.

import { localTime } from "../../base/local-time.ts";
import { formatDuration } from "../../config/duration.ts";
import { formatSize } from "../../config/size.ts";
import { sharedOptions } from "../args.ts";
import { defineCommand } from "../command.ts";
import { JsonText } from "../printable.ts";
import { openClient } from "./open-client.ts";
import { describe, listUnfinished, shortId } from "./unfinished.ts";
import { uploadsUsage } from "./usage-unfinished.ts";

export const uploadsCommand = defineCommand({
  name: "uploads",
  usage: uploadsUsage,
  options: { ...sharedOptions, json: { type: "boolean" } },
  async run(_values, context) {
    const { output, clock } = context;
    await using client = openClient(context);
    const now = clock.date().getTime();
    const uploads = await listUnfinished(client.store, output);
    output.summarise({
      uploads: uploads.map(({ identity, host, port, path, name, version, metadataText, startedAt, sent }) => {
        const metadata = new JsonText(metadataText);
        const { size } = version;
        return { id: identity, host, port, path, name, size, sent: sent ?? null, metadata, startedAt };
      }),
    });
    for (const upload of uploads) {
      const { sent, startedAt, version } = upload;
      const share = `${sent === undefined ? "?" : formatSize(sent)} of ${formatSize(version.size)}`;
      const age = formatDuration(Math.max(0, now - Date.parse(startedAt)));
      output.result(`${shortId(upload)}  ${localTime(startedAt)}  ${age} old  ${share}  ${describe(upload)}`);
    }
    if (uploads.length === 0) output.say("Nothing is unfinished");
    return 0;
  },
});
