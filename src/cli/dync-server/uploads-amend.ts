// `dync-server uploads amend`: gives an upload other metadata than it was sent with.

import { sharedOptions } from "../args.ts";
import { defineCommand } from "../command.ts";
import { loadMembers, metadataFaults, metadataOf } from "../metadata-file.ts";
import { printable } from "../printable.ts";
import { ask } from "./ask.ts";
import { amendments } from "./upload-commands.ts";
import { idFaults, readId } from "./upload-text.ts";
import { uploadsAmendUsage } from "./usage-uploads.ts";

export const uploadsAmendCommand = defineCommand({
  name: "uploads amend",
  usage: uploadsAmendUsage,
  options: {
    ...sharedOptions,
    metadata: { type: "string", alias: "m" },
    "key-value": { type: "string", alias: "k", repeat: true },
    json: { type: "boolean" },
    id: { type: "positional", required: true },
  },
  check: ({ values, positionals }) => ({
    misread: null,
    others: [
      ...idFaults(positionals.slice(0, 1)),
      ...metadataFaults(values.metadata?.[0], values["key-value"] ?? []),
    ],
  }),
  async run({ id, metadata, "key-value": pairs }, context) {
    const { output } = context;
    const metadataText = metadataOf(loadMembers(metadata, pairs));
    const amended = await ask(context, "uploads amend", { id: readId(id), metadataText }, amendments);
    output.summarise({ ...amended });
    const { state, path, kept } = amended;
    const where = printable(JSON.stringify(path));
    if (state === "waiting")
      output.result(`Amended: it is held no more, and goes to ${where} when the rest of it has come`);
    else if (kept === null) output.result(`Amended: it is held no more, and stored as ${where}`);
    else output.result(`Amended: ${where}; the metadata of before are in ${printable(JSON.stringify(kept))}`);
    return 0;
  },
});
