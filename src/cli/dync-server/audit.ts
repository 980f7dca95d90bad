// `dync-server audit verify | show`: the audit log, read from its files. No server is asked, and none needs to run.

import { basename, join, resolve } from "node:path";
import * as v from "valibot";
import { auditEvents } from "../../audit/audit.ts";
import { Chain } from "../../audit/chain.ts";
import { auditFilesIn } from "../../audit/file/audit-files.ts";
import { readLines } from "../../audit/file/read-lines.ts";
import type { Head } from "../../audit/line.ts";
import { DyncError, systemCode } from "../../base/error.ts";
import { localTime } from "../../base/local-time.ts";
import { whyUnreadable } from "../../base/system-errors.ts";
import { auditFolder } from "../../storage/state-folder.ts";
import { sharedOptions } from "../args.ts";
import { type CommandContext, defineCommand, type OptionsDef } from "../command.ts";
import { faultsOf } from "../command-line-error.ts";
import { optionText, usageError } from "../option-value.ts";
import type { Output } from "../output.ts";
import { printable } from "../printable.ts";
import { auditText, type ShownLine } from "./audit-text.ts";
import { givenOptions, readConfiguration } from "./configuration.ts";
import { type Period, periodFaults, periodOf, periodOptions } from "./period.ts";
import { idFaults, readId } from "./upload-text.ts";
import { auditShowUsage, auditVerifyUsage } from "./usage-audit.ts";

const fileOptions = {
  ...sharedOptions,
  data: { type: "string" },
  config: { type: "string" },
  json: { type: "boolean" },
  files: { type: "positional", repeat: true },
} as const satisfies OptionsDef;

export const auditVerifyCommand = defineCommand({
  name: "audit verify",
  usage: auditVerifyUsage,
  options: { ...fileOptions, expect: { type: "string" } },
  check: ({ values }) => ({ misread: null, others: faultsOf(() => readExpected(values.expect?.[0])) }),
  async run(values, context) {
    const { output } = context;
    const expected = readExpected(values.expect);
    const files = await filesOf(values, context);
    output.summarise({ files });
    const { first, head } = await verified(files, expected, context);
    output.summarise({ first, last: head.sequence, hash: head.hash });
    output.result(`${linesText(first, head.sequence)} as written. The last one is`);
    output.result(`${head.sequence}:${head.hash}`);
    if (first > 1) output.say(`What was before line ${first} is not there to be looked at`);
    return 0;
  },
});

function linesText(first: number, last: number): string {
  return first === last ? `OK: line ${last} is` : `OK: lines ${first} to ${last} are`;
}

/** The chain in these files. Throws `DyncError` ("failed") with the first line that does not belong. */
async function verified(
  files: readonly string[],
  expected: Head | null,
  { clock, signal, output }: CommandContext,
): Promise<{ readonly first: number; readonly head: Head }> {
  const chain = new Chain();
  const fail = (file: string, line: number, text: string, hint?: string): never => {
    output.summarise({ fault: { file, line, message: text } });
    throw new DyncError("failed", printable(`${file}:${line}: ${text}`), { hint });
  };
  for (const path of files) {
    let number = 0;
    const onLines = (lines: readonly Buffer[]): void => {
      for (const line of lines) {
        number++;
        const fault = chain.add(line);
        if (fault !== null) fail(path, number, fault);
        const { sequence, hash } = chain.head as Head;
        if (sequence === expected?.sequence && hash !== expected.hash)
          fail(path, number, `This is another line ${sequence} than the one that was expected`);
      }
    };
    const rest = await readLines({ path, clock, signal, onLines });
    const hint = "a crash, or a full disk, leaves that; the server mends it when it starts or goes on";
    if (rest > 0) fail(path, number + 1, `The file ends within this line, after ${rest} bytes`, hint);
  }
  const { head, first } = chain;
  if (head === null || first === null) throw new DyncError("failed", "There are no lines in the audit log");
  if (expected !== null && expected.sequence > head.sequence) {
    const text = `Line ${expected.sequence} is expected, and the log ends with ${head.sequence}: its end was cut off`;
    throw new DyncError("failed", text);
  }
  if (expected !== null && expected.sequence < first)
    throw new DyncError("failed", `Line ${expected.sequence} is expected, and the log begins with ${first}`);
  return { first, head };
}

/** `1234:HASH`, as `verify` prints it. Throws `DyncError` ("usage"). */
function readExpected(text: string | undefined): Head | null {
  if (text === undefined) return null;
  const [, sequence, hash] = /^([1-9]\d{0,14}):([0-9a-f]{64})$/i.exec(text) ?? [];
  if (sequence !== undefined && hash !== undefined)
    return { sequence: Number(sequence), hash: hash.toLowerCase() };
  const wanted = 'the number of a line with its SHA-256, NUMBER:HASH, as "audit verify" prints it';
  throw usageError({ wanted, found: `"${text}"` }, optionText("expect"));
}

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
    ...fileOptions,
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
    let shown = 0;
    let unreadable = 0;
    for (const path of await filesOf(values, context)) {
      if (isBefore(path, wanted.since)) continue;
      const onLines = async (raw: readonly Buffer[]): Promise<void> => {
        for (const bytes of raw) {
          const line = lineIn(bytes);
          if (line === null) unreadable++;
          else if (isWanted(line, wanted)) {
            shown++;
            tellLine(line, output);
          }
        }
        // However long it is, what nobody has read yet does not pile up.
        await output.flush();
      };
      if ((await readLines({ path, clock, signal, onLines })) > 0) unreadable++;
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
  const first = `${localTime(line.time)}  ${printable(line.event).padEnd(eventColumns)}  `;
  output.row(first, printable(auditText(line)));
}

const eventColumns = 12;

function readEvent(text: string): string {
  if (auditEvents.some((it) => it === text)) return text;
  const wanted = `one of ${auditEvents.join(", ")}`;
  throw usageError({ wanted, found: `"${text}"` }, optionText("event"));
}

interface FileValues {
  readonly data: string | undefined;
  readonly config: string | undefined;
  readonly files: readonly string[];
}

/** Paths of the files that are meant: those that were given, or all of the server's. */
async function filesOf(values: FileValues, context: CommandContext): Promise<readonly string[]> {
  if (values.files.length > 0) return values.files.map((file) => resolve(file));
  const { data, config } = values;
  // A configuration that is wrong just now keeps nobody from the log of a folder that was named.
  const given = givenOptions({ config }, context);
  const dataFolder = data ?? (await readConfiguration(given, context.environment)).settings.dataFolder;
  const folder = auditFolder(resolve(dataFolder));
  try {
    const names = auditFilesIn(folder);
    if (names.length > 0) return names.map((name) => join(folder, name));
  } catch (cause) {
    if (systemCode(cause) !== "ENOENT") {
      const hint = "run this command as the user of the server";
      const text = `The audit log in ${folder} cannot be read: ${whyUnreadable(cause)}`;
      throw new DyncError("failed", printable(text), { cause, hint });
    }
  }
  const hint =
    "say where the data are, with --data FOLDER or --config FILE as the server has it, or name files";
  throw new DyncError("failed", printable(`There is no audit log in ${folder}`), { hint });
}
