// `dync uploads`: what was begun on this computer and is not confirmed yet.

import { UploadStore } from "../../client/upload-store.ts";
import { dyncHome } from "../../keys/key-files.ts";
import { sharedOptions } from "../args.ts";
import { defineCommand } from "../command.ts";
import { JsonText } from "../printable.ts";
import { formatSize } from "../size.ts";
import { describe, listUnfinished, shortId } from "./unfinished.ts";
import { uploadsUsage } from "./usage-unfinished.ts";

export const uploadsCommand = defineCommand({
  name: "uploads",
  usage: uploadsUsage,
  options: { ...sharedOptions, json: { type: "boolean" } },
  async run(_values, { output, environment }) {
    const uploads = await listUnfinished(new UploadStore(dyncHome(environment)), output);
    output.summarise({
      uploads: uploads.map(({ identity, host, port, path, name, version, metadataText, startedAt }) => {
        const metadata = new JsonText(metadataText);
        return { id: identity, host, port, path, name, size: version.size, metadata, startedAt };
      }),
    });
    for (const upload of uploads) {
      const size = formatSize(upload.version.size);
      output.result(`${shortId(upload)}  ${upload.startedAt}  ${size}  ${describe(upload)}`);
    }
    if (uploads.length === 0) output.say("Nothing is unfinished");
    return 0;
  },
});
