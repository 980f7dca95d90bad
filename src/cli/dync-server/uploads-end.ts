// `dync-server uploads expire | cancel`: ends uploads before their time.

import * as v from "valibot";
import { DyncError } from "../../base/error.ts";
import { parseDuration } from "../../config/duration.ts";
import { formatSize } from "../../config/size.ts";
import { sharedOptions } from "../args.ts";
import { type CommandLine, defineCommand } from "../command.ts";
import { faultsOf } from "../command-line-error.ts";
import { optionText, unwrap } from "../option-value.ts";
import type { Output } from "../output.ts";
import { ask } from "./ask.ts";
import { endedOnes, endedUploads, shownUploads } from "./upload-commands.ts";
import { idFaults, nameOf, readId, uploadsText } from "./upload-text.ts";
import { uploadsCancelUsage, uploadsExpireUsage } from "./usage-uploads.ts";

type Shown = v.InferOutput<typeof shownUploads>;

export const uploadsCancelCommand = defineCommand({
  name: "uploads cancel",
  usage: uploadsCancelUsage,
  options: {
    ...sharedOptions,
    json: { type: "boolean" },
    id: { type: "positional", required: true, repeat: true },
  },
  check: (line) => ({ misread: null, others: idFaults(line.positionals) }),
  async run(values, context) {
    const { output } = context;
    const { ended } = await ask(context, "uploads cancel", { ids: values.id.map(readId) }, endedOnes);
    for (const upload of ended) tell(upload, "Cancelled", output);
    output.summarise(sumOf(ended));
    return 0;
  },
});

export const uploadsExpireCommand = defineCommand({
  name: "uploads expire",
  usage: uploadsExpireUsage,
  options: {
    ...sharedOptions,
    "older-than": { type: "string" },
    user: { type: "string" },
    "dry-run": { type: "boolean" },
    json: { type: "boolean" },
    id: { type: "positional", required: false, repeat: true },
  },
  check: (line) => ({
    misread: null,
    others: [
      ...idFaults(line.positionals),
      ...faultsOf(() => readAge(line.values["older-than"]?.[0])),
      ...(line.isComplete ? choiceFaults(line) : []),
    ],
  }),
  async run(values, context) {
    const { output, clock } = context;
    const { user, "dry-run": isTrial } = values;
    const ageMs = readAge(values["older-than"]);
    if (ageMs === null) {
      const { ended } = await ask(context, "uploads expire", { ids: values.id.map(readId) }, endedOnes);
      for (const upload of ended) tell(upload, "Given up", output);
      output.summarise({ isTrial: false, ...sumOf(ended) });
      return 0;
    }
    const before = new Date(Math.max(0, clock.date().getTime() - ageMs)).toISOString();
    const given = { before, isTrial, ...(user === undefined ? {} : { user }) };
    const onLine = (line: unknown) =>
      tell(v.parse(shownUploads, line), isTrial ? "Would be given up" : "Given up", output);
    const ended = await ask(context, "uploads expire all", given, endedUploads, onLine);
    output.summarise({ isTrial, ...ended });
    output.say(
      `${uploadsText(ended.uploads)} ${isTrial ? "would be given up" : "given up"}, ${formatSize(ended.bytes)}`,
    );
    return 0;
  },
});

function tell(upload: Shown, what: string, output: Output): void {
  output.record("stored-upload", { ...upload });
  output.result(`${what}: ${upload.id.slice(0, 8)}  ${nameOf(upload)}, ${formatSize(upload.bytes)}`);
}

function sumOf(ended: readonly Shown[]) {
  return { uploads: ended.length, bytes: ended.reduce((sum, { bytes }) => sum + bytes, 0) };
}

function choiceFaults({ values, switches, positionals }: CommandLine): readonly DyncError[] {
  const isByAge = values["older-than"] !== undefined;
  if (positionals.length === 0 && !isByAge)
    return [
      new DyncError("usage", "It is not said which uploads", {
        hint: "give ids, or --older-than DURATION for all of which nothing was heard for so long",
      }),
    ];
  const others = ["older-than", "user"].filter((name) => values[name] !== undefined);
  const [other] = [...others, ...switches.filter((name) => name === "dry-run")];
  if (positionals.length === 0 || other === undefined) return [];
  return [new DyncError("usage", `Ids and the option "--${other}" do not go together`)];
}

function readAge(text: string | undefined): number | null {
  return text === undefined ? null : unwrap(parseDuration(text), optionText("older-than"));
}
