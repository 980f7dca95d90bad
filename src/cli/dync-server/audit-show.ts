// `dync-server audit show`: what is in the audit log, in its files and, where servers share a catalogue, in those of all of them.

import { hostname } from "node:os";
import { basename, dirname } from "node:path";
import * as v from "valibot";
import { auditEvents } from "../../audit/audit.ts";
import { LogLines } from "../../audit/file/log-lines.ts";
import { readLines } from "../../audit/file/read-lines.ts";
import { localTime } from "../../base/local-time.ts";
import type { AuditPlace, SharedAuditLine } from "../../catalogue/shared-audit.ts";
import { defineCommand } from "../command.ts";
import { faultsOf } from "../command-line-error.ts";
import { optionText, usageError } from "../option-value.ts";
import type { Output } from "../output.ts";
import { printable } from "../printable.ts";
import { auditOptions, auditSource, type SharedLogs } from "./audit-source.ts";
import { auditText, type ShownLine } from "./audit-text.ts";
import { type Period, periodFaults, periodOf, periodOptions } from "./period.ts";
import { idFaults, readId } from "./upload-text.ts";
import { auditShowUsage } from "./usage-audit.ts";

const lines = v.looseObject({
  schema: v.literal(1),
  type: v.literal("audit"),
  sequence: v.number(),
  time: v.string(),
  event: v.string(),
});

interface Wanted extends Period {
  readonly user: string | undefined;
  readonly events: readonly string[];
  readonly upload: string | undefined;
}

export const auditShowCommand = defineCommand({
  name: "audit show",
  usage: auditShowUsage,
  options: {
    ...auditOptions,
    user: { type: "string" },
    event: { type: "string", repeat: true, values: auditEvents },
    upload: { type: "string" },
    ...periodOptions,
  },
  check: (line) => {
    const { event = [], upload = [] } = line.values;
    const others = [
      ...event.flatMap((it) => faultsOf(() => readEvent(it))),
      ...idFaults(upload),
      ...periodFaults(line),
    ];
    return { misread: null, others };
  },
  async run(values, context) {
    const { output, clock, signal } = context;
    const { user, event, upload } = values;
    const wanted: Wanted = {
      ...{ user, events: event.map(readEvent), ...periodOf(values, clock.date()) },
      upload: upload === undefined ? undefined : readId(upload),
    };
    const { files, shared } = await auditSource(values, context);
    await using _ = shared;
    let shown = 0;
    let unreadable = 0;
    const tell = (bytes: Buffer, of: Place = {}): void => {
      const line = lineIn(bytes);
      if (line === null) unreadable++;
      else if (isWanted(line, wanted)) {
        shown++;
        tellLine({ ...line, ...of }, output);
      }
    };
    if (shared === null) {
      for (const path of files) {
        if (isBefore(path, wanted.since)) continue;
        const onLines = async (raw: readonly Buffer[]): Promise<void> => {
          for (const bytes of raw) tell(bytes);
          // However long it is, what nobody has read yet does not pile up.
          await output.flush();
        };
        if ((await readLines({ path, clock, signal, onLines })) > 0) unreadable++;
      }
    } else {
      let told = 0;
      for await (const { line, chain, server } of linesOfAll(shared, files, wanted)) {
        tell(line, { chain, server });
        if (++told % linesPerFlush === 0) await output.flush();
        signal.throwIfAborted();
      }
    }
    output.summarise({ shown });
    if (unreadable > 0) {
      const hint = '"dync-server audit verify" tells which';
      output.warn(unreadable === 1 ? "1 line is damaged" : `${unreadable} lines are damaged`, hint);
    }
    if (shown === 0) output.say("No such line is in the audit log");
    return 0;
  },
});

/** Where a line is from, where that is not said by the file. */
interface Place {
  readonly server?: string;
  readonly chain?: number | undefined;
}

interface PlacedLine extends Place {
  readonly line: Buffer;
  readonly time: string;
  readonly server: string;
}

const pageLines = 1000;
const linesPerFlush = 1000;

/** The lines of all servers by their times, and those of this one that the others do not have yet. */
async function* linesOfAll(
  shared: SharedLogs,
  files: readonly string[],
  wanted: Wanted,
): AsyncGenerator<PlacedLine> {
  const [theirs, ours] = [sharedLines(shared, wanted), ownLines(shared, files)];
  let [here, there] = [await ours.next(), await theirs.next()];
  while (here.done !== true || there.done !== true) {
    if (there.done === true || (here.done !== true && here.value.time < there.value.time)) {
      yield here.value as PlacedLine;
      here = await ours.next();
    } else {
      yield there.value;
      there = await theirs.next();
    }
  }
}

async function* sharedLines(
  { audit, nameOf }: SharedLogs,
  { since, until }: Wanted,
): AsyncGenerator<PlacedLine, undefined> {
  for (let after: AuditPlace | null = null; ; ) {
    const page: readonly SharedAuditLine[] = await audit.page(after, pageLines, since);
    for (const { time, chain, line } of page) {
      if (until !== undefined && time >= until) return;
      yield { time, chain, line, server: nameOf(chain) };
    }
    const last = page.at(-1);
    if (last === undefined) return;
    after = last;
  }
}

/** What is on the disk here behind what the others have. */
async function* ownLines(
  { own, nameOf }: SharedLogs,
  files: readonly string[],
): AsyncGenerator<PlacedLine, undefined> {
  const server = own === null ? hostname() : nameOf(own.chain);
  const reader = new LogLines(dirname(files[0] as string));
  for (let next = await reader.next(); next.length > 0; next = await reader.next()) {
    for (const line of next) {
      const read = lineIn(line);
      if (read !== null && read.sequence > (own?.sequence ?? 0))
        yield { time: read.time, chain: own?.chain, line, server };
    }
    reader.pass(next);
  }
}

/** Whether all lines of the file at `path` are older: its month is over before. */
function isBefore(path: string, since: string | undefined): boolean {
  const [, month] = /^audit-(\d{4}-\d\d)\.jsonl$/.exec(basename(path)) ?? [];
  return since !== undefined && month !== undefined && month < since.slice(0, 7);
}

function lineIn(bytes: Buffer): ShownLine | null {
  try {
    return v.parse(lines, JSON.parse(bytes.toString()));
  } catch {
    return null;
  }
}

function isWanted(line: ShownLine, { user, events, upload, since, until }: Wanted): boolean {
  if (user !== undefined && line.user !== user) return false;
  if (events.length > 0 && !events.includes(line.event)) return false;
  if (upload !== undefined && !String(line.upload ?? "").startsWith(upload)) return false;
  return (since === undefined || line.time >= since) && (until === undefined || line.time < until);
}

function tellLine(line: ShownLine, output: Output): void {
  const { schema: _, type, ...members } = line;
  output.record(type, members);
  const server = line.server === undefined ? "" : `${printable(String(line.server)).padEnd(serverColumns)}  `;
  const first = `${localTime(line.time)}  ${server}${printable(line.event).padEnd(eventColumns)}  `;
  output.row(first, printable(auditText(line)));
}

const serverColumns = 8;
const eventColumns = 12;

function readEvent(text: string): string {
  if (auditEvents.some((it) => it === text)) return text;
  const wanted = `one of ${auditEvents.join(", ")}`;
  throw usageError({ wanted, found: `"${text}"` }, optionText("event"));
}
