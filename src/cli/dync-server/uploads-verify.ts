// `dync-server uploads verify`: has the running server read stored files again, and says what is not as it was stored.

import * as v from "valibot";
import { DyncError, errorMeanings } from "../../base/error.ts";
import { parseCount } from "../../config/count.ts";
import { formatSize, parseSize } from "../../config/size.ts";
import { sharedOptions } from "../args.ts";
import { type CommandLine, defineCommand, type OptionsDef } from "../command.ts";
import { faultsOf } from "../command-line-error.ts";
import { optionText, unwrap } from "../option-value.ts";
import type { Output } from "../output.ts";
import { printable } from "../printable.ts";
import { openProgress, type ProgressView } from "../progress.ts";
import { ask } from "./ask.ts";
import { sampleMax, verified, verifyingLines } from "./upload-commands.ts";
import { queryFaults, queryOf, queryOptions } from "./upload-query.ts";
import { idFaults, readId, uploadsText } from "./upload-text.ts";
import { uploadsVerifyUsage } from "./usage-uploads.ts";

const MiB = 1024 * 1024;
const rateDefault = 50 * MiB;

const { state: _, ...choosing } = queryOptions;
const options = {
  ...sharedOptions,
  ...choosing,
  all: { type: "boolean" },
  sample: { type: "string" },
  rate: { type: "string" },
  "ignore-missing": { type: "boolean" },
  json: { type: "boolean" },
  id: { type: "positional", required: false, repeat: true },
} as const satisfies OptionsDef;

export const uploadsVerifyCommand = defineCommand({
  name: "uploads verify",
  usage: uploadsVerifyUsage,
  options,
  check: (line) => ({
    misread: null,
    others: [
      ...queryFaults(line),
      ...idFaults(line.positionals),
      ...faultsOf(() => readSample(line.values.sample?.[0])),
      ...faultsOf(() => readRate(line.values.rate?.[0])),
      ...(line.isComplete ? choiceFaults(line) : []),
    ],
  }),
  async run(values, context) {
    const { output, clock } = context;
    const order = {
      ids: values.id.length === 0 ? null : values.id.map(readId),
      query: queryOf(values, clock.date()),
      sample: readSample(values.sample),
      bytesPerSecond: readRate(values.rate),
    };
    const ignoresMissing = values["ignore-missing"];
    const view = output.json ? null : openProgress({ name: "Verifying", output, clock });
    const onLine = (line: unknown) => tellLine(v.parse(verifyingLines, line), ignoresMissing, output, view);
    try {
      const found = await ask(context, "uploads verify", order, verified, onLine);
      view?.end();
      output.summarise(found);
      output.say(summaryText(found));
      const { damaged, missing } = found;
      const isSound = damaged === 0 && (missing === 0 || ignoresMissing);
      return isSound ? 0 : errorMeanings["checksum-mismatch"].exit;
    } finally {
      view?.end();
    }
  },
});

function tellLine(
  line: v.InferOutput<typeof verifyingLines>,
  ignoresMissing: boolean,
  output: Output,
  view: ProgressView | null,
): void {
  const { type, ...fields } = line;
  if (line.type === "progress") {
    output.record("verifying", fields);
    const total = line.bytesTotal === null ? null : Math.max(line.bytes, line.bytesTotal);
    return view?.update({ taken: line.bytes, underWay: 0, total, waiting: null });
  }
  const { kind, path, reason, isGone } = line;
  if (isGone && ignoresMissing) return;
  output.record(type, fields);
  view?.result(printable(`${kind.padEnd(7)}  ${path}: ${reason}`));
}

function summaryText({ uploads, sound, damaged, missing, bytes }: v.InferOutput<typeof verified>): string {
  if (uploads === 0) return "Nothing of that kind is stored";
  const parts = [
    ...(sound > 0 ? [`${sound} as stored`] : []),
    ...(damaged > 0 ? [`${damaged} damaged`] : []),
    ...(missing > 0 ? [`${missing} not there any more`] : []),
  ];
  return `${uploadsText(uploads)} verified, ${formatSize(bytes)} read: ${parts.join(", ")}`;
}

// Nobody reads terabytes because of a word that was left out.
function choiceFaults({ values, switches, positionals }: CommandLine): readonly DyncError[] {
  const chosen = Object.keys(choosing).filter((name) => values[name] !== undefined);
  const others = [
    ...chosen,
    ...["all", "sample"].filter((it) => switches.includes(it) || values[it] !== undefined),
  ];
  const [other] = others;
  if (positionals.length > 0 && other !== undefined)
    return [new DyncError("usage", `Ids and the option "--${other}" do not go together`)];
  if (positionals.length > 0 || other !== undefined) return [];
  return [
    new DyncError("usage", "It is not said what to verify", {
      hint: "give ids, --sample NUMBER, --all, or options that choose uploads",
    }),
  ];
}

function readSample(text: string | undefined): number | null {
  return text === undefined ? null : unwrap(parseCount(text, 1, sampleMax), optionText("sample"));
}

/** Bytes a second; `null`: as fast as it goes. */
function readRate(text: string | undefined): number | null {
  if (text === undefined) return rateDefault;
  const rate = unwrap(parseSize(text), optionText("rate"));
  return rate === 0 ? null : rate;
}
