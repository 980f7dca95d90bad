// `dync-server uploads list | show`: what became of uploads, asked of the running server.

import * as v from "valibot";
import { indentedJson } from "../../base/json-text.ts";
import { localTime } from "../../base/local-time.ts";
import { formatSize, formatSizeExactly } from "../../base/size-text.ts";
import type { JsonObject } from "../../control/control-lines.ts";
import { sharedOptions } from "../args.ts";
import { defineCommand } from "../command.ts";
import { faultsOf } from "../command-line-error.ts";
import type { Output } from "../output.ts";
import { JsonText, printable } from "../printable.ts";
import { ask } from "./ask.ts";
import { moreText, readLimit } from "./list-limit.ts";
import { detailedUploads, listings, shownUploads } from "./upload-commands.ts";
import { queryFaults, queryOf, queryOptions } from "./upload-query.ts";
import { idFaults, nameOf, readId } from "./upload-text.ts";
import { uploadsListUsage, uploadsShowUsage } from "./usage-uploads.ts";

export const uploadsListCommand = defineCommand({
  name: "uploads list",
  usage: uploadsListUsage,
  options: { ...sharedOptions, ...queryOptions, limit: { type: "string" }, json: { type: "boolean" } },
  check: (line) => ({
    misread: null,
    others: [...queryFaults(line), ...faultsOf(() => readLimit(line.values.limit?.[0]))],
  }),
  async run(values, context) {
    const { output, clock } = context;
    const query = queryOf(values, clock.date());
    const limit = readLimit(values.limit);
    const onLine = (line: JsonObject) => tellShown(v.parse(shownUploads, line), output);
    const { listed, more, unsure } = await ask(context, "uploads list", { query, limit }, listings, onLine);
    output.summarise({ listed, more, unsure });
    if (unsure > 0) {
      const what = unsure === 1 ? "1 more upload is" : `${unsure} more uploads are`;
      output.warn(`Metadata of ${what} not known any more: a value cannot be looked for there`);
    }
    if (listed === 0) output.say("No upload of that kind is known");
    if (more) output.say(moreText(listed));
    return 0;
  },
});

export const uploadsShowCommand = defineCommand({
  name: "uploads show",
  usage: uploadsShowUsage,
  options: { ...sharedOptions, json: { type: "boolean" }, id: { type: "positional", required: true } },
  check: ({ positionals }) => ({ misread: null, others: idFaults(positionals.slice(0, 1)) }),
  async run(values, context) {
    const { output } = context;
    const upload = await ask(context, "uploads show", { id: readId(values.id) }, detailedUploads);
    const { metadataText, ...rest } = upload;
    output.summarise({ ...rest, metadata: metadataText === null ? null : new JsonText(metadataText) });
    for (const [name, text] of linesOf(upload)) output.result(`${`${name}:`.padEnd(14)}${printable(text)}`);
    output.result("Story:");
    for (const { at, text } of upload.story)
      output.result(printable(`  ${(at === null ? "" : localTime(at)).padEnd(storyColumn)}${text}`));
    if (metadataText === null) output.result("Metadata:     not known any more");
    else {
      output.result("Metadata:");
      for (const line of indentedJson(metadataText).split("\n")) output.result(printable(`  ${line}`));
    }
    return 0;
  },
});

type Shown = v.InferOutput<typeof shownUploads>;

// How an id begins, as far as a line shows it: of 100,000 uploads hardly two are alike.
const idColumns = 8;
const stateColumns = 10;
const sizeColumns = 8;

function tellShown(upload: Shown, output: Output): void {
  output.record("stored-upload", { ...upload });
  const { id, state, startedAt, size, bytes } = upload;
  const amount = formatSize(size ?? bytes).padStart(sizeColumns);
  const first = `${id.slice(0, idColumns)}  ${state.padEnd(stateColumns)}  ${localTime(startedAt)}  ${amount}  `;
  output.row(first, nameOf(upload));
}

// "2026-11-27 19:54", and two spaces.
const storyColumn = 18;

function linesOf(upload: v.InferOutput<typeof detailedUploads>): readonly (readonly [string, string])[] {
  const { isThere, location, fingerprint, client, dataset, list, code, reason } = upload;
  const sha256 = upload.sha256 !== null && dataset !== null ? `${upload.sha256} (of its tar)` : upload.sha256;
  const time = (iso: string | null) => (iso === null ? null : localTime(iso));
  const gone = isThere === false ? " (not there any more: moved, removed or replaced)" : "";
  const lines: readonly (readonly [string, string | null])[] = [
    ["Upload", upload.id],
    ["State", upload.state],
    ["User", upload.user],
    ["Name", upload.name],
    ["Dataset", datasetText(upload)],
    [
      upload.state === "stored" ? "Lies at" : "Will lie at",
      upload.state === "failed" ? null : location + gone,
    ],
    ["Size", upload.size === null ? null : formatSizeExactly(upload.size)],
    ["Arrived", arrivedText(upload)],
    ["SHA-256", sha256],
    ["List", list],
    ["Begun", time(upload.startedAt)],
    ["Complete", time(upload.receivedAt)],
    ["Last change", time(upload.changedAt)],
    ["Modified", time(upload.modified)],
    ["Key", fingerprint],
    ["Client", client],
    ["Reason", reason === null ? null : `${reason}${code === null ? "" : ` (${code})`}`],
  ];
  return lines.filter((line): line is readonly [string, string] => line[1] !== null);
}

function datasetText({ dataset, files }: v.InferOutput<typeof detailedUploads>): string | null {
  if (dataset === null) return null;
  return files === null ? dataset : `${dataset}, ${files === 1 ? "1 file" : `${files} files`}`;
}

function arrivedText(upload: v.InferOutput<typeof detailedUploads>): string | null {
  const { state, size, bytes, bytesPerSecond } = upload;
  if (state === "stored") return null;
  const share = size === null || size === 0 ? [] : [`${Math.floor((bytes / size) * 100)} %`];
  const rate = bytesPerSecond === null ? [] : [`${formatSize(bytesPerSecond)}/s`];
  return [formatSize(bytes), ...share, ...rate].join(", ");
}
