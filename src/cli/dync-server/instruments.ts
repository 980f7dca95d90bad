// `dync-server instruments [remove]`: how watched folders are, asked of the running server.

import * as v from "valibot";
import { formatDuration } from "../../config/duration.ts";
import { formatSize } from "../../config/size.ts";
import type { JsonObject } from "../../control/control-lines.ts";
import type { InstrumentFault } from "../../server/instrument-states.ts";
import { sharedOptions } from "../args.ts";
import { inColumns } from "../columns.ts";
import { defineCommand } from "../command.ts";
import { printable } from "../printable.ts";
import { ask } from "./ask.ts";
import { type InstrumentLine, instrumentLines } from "./instrument-commands.ts";
import { instrumentsRemoveUsage, instrumentsUsage } from "./usage-instruments.ts";

const head = [
  ...["USER", "INSTRUMENT", "STATE", "SEEN", "BACKLOG", "OLDEST", "LAST STORED", "USUALLY", "CLOCK"],
  ...["FREE", "VERSION"],
];

export const instrumentsCommand = defineCommand({
  name: "instruments",
  usage: instrumentsUsage,
  options: { ...sharedOptions, json: { type: "boolean" } },
  async run(_values, context) {
    const { output, clock } = context;
    const lines: InstrumentLine[] = [];
    const onLine = (line: JsonObject): void => {
      const instrument = v.parse(instrumentLines, line);
      output.record("instrument", { ...instrument });
      lines.push(instrument);
    };
    const { listed } = await ask(context, "instruments list", {}, v.object({ listed: v.number() }), onLine);
    output.summarise({ listed });
    const now = clock.date();
    if (lines.length === 0)
      output.say('No instrument is known yet: "dync watch" reports, and whoever sends is listed');
    else for (const line of inColumns([head, ...lines.map((it) => rowOf(it, now))])) output.result(line);
    for (const line of lines) for (const fault of line.faults) output.result(faultText(line, fault, now));
    return 0;
  },
});

export const instrumentsRemoveCommand = defineCommand({
  name: "instruments remove",
  usage: instrumentsRemoveUsage,
  options: {
    ...sharedOptions,
    json: { type: "boolean" },
    user: { type: "positional", required: true },
    label: { type: "positional", required: true },
  },
  async run({ user, label }, context) {
    const answer = v.object({ user: v.string(), label: v.string() });
    const removed = await ask(context, "instruments remove", { user, label }, answer);
    context.output.summarise({ ...removed });
    context.output.say(`"${printable(label)}" of ${printable(user)} is forgotten`);
    return 0;
  },
});

function rowOf(it: InstrumentLine, now: Date): readonly string[] {
  const { entries, bytes } = it;
  const backlog = entries === null ? "" : entries === 0 ? "none" : `${entries} (${formatSize(bytes ?? 0)})`;
  return [
    ...[printable(it.user), printable(it.label ?? "(sends only)"), it.state, agoText(it.seenAt, now)],
    ...[backlog, it.oldestSeconds === null ? "" : formatDuration(it.oldestSeconds * 1000)],
    ...[agoText(it.lastAt, now), rhythmText(it), clockText(it), sizeText(it.freeBytes)],
    printable(it.client ?? ""),
  ];
}

function agoText(at: string | null, now: Date): string {
  return at === null ? "" : `${formatDuration(Math.max(0, now.getTime() - Date.parse(at)))} ago`;
}

function rhythmText({ rhythmSeconds }: InstrumentLine): string {
  return rhythmSeconds === null ? "" : `every ${formatDuration(rhythmSeconds * 1000)}`;
}

function sizeText(bytes: number | null): string {
  return bytes === null ? "" : formatSize(bytes);
}

/** What is less than a second, or than it may be wrong, is nothing. */
function clockText({ clockOffsetSeconds: offset, clockErrorSeconds: error }: InstrumentLine): string {
  if (offset === null) return "";
  if (Math.abs(offset) < Math.max(1, error ?? 0)) return "right";
  return `${offset > 0 ? "+" : "-"}${formatDuration(Math.abs(offset) * 1000)}`;
}

/** A sentence for what is wrong. */
function faultText(it: InstrumentLine, fault: InstrumentFault, now: Date): string {
  const name = `${it.user}${it.label === null ? "" : ` "${it.label}"`}`;
  const about: Readonly<Record<InstrumentFault, () => string>> = {
    silent: () => `reported ${agoText(it.seenAt, now)} last, and was to report every few minutes`,
    lost: () => `cannot reach its folder: ${it.lost ?? ""}`,
    waiting: () =>
      `has ${it.troubles} that ${it.troubles === 1 ? "waits" : "wait"} for a person${reasons(it)}`,
    clock: () => `has a clock that is wrong: ${clockText(it)}`,
    disk: () => `has ${sizeText(it.freeBytes)} left on a disk of ${sizeText(it.diskBytes)}`,
    late: () => `sent something ${agoText(it.lastAt, now)} last, and usually does ${rhythmText(it)}`,
  };
  return printable(`${name} ${about[fault]()}`);
}

function reasons({ waiting }: InstrumentLine): string {
  const all = Object.entries(waiting ?? {}).map(([reason, entries]) => `${reason} ${entries}`);
  return all.length === 0 ? "" : ` (all that wait: ${all.join(", ")})`;
}
