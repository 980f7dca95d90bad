// `dync-server audit verify`: whether the audit log is as it was written, in its files and, where servers share a catalogue, all of theirs.

import { Chain } from "../../audit/chain.ts";
import { readLines } from "../../audit/file/read-lines.ts";
import type { Head } from "../../audit/line.ts";
import { DyncError } from "../../base/error.ts";
import type { AuditChain } from "../../catalogue/shared-audit.ts";
import { type CommandContext, defineCommand } from "../command.ts";
import { faultsOf, throwFaults } from "../command-line-error.ts";
import { optionText, usageError } from "../option-value.ts";
import { printable } from "../printable.ts";
import { auditOptions, auditSource, type SharedLogs } from "./audit-source.ts";
import { auditVerifyUsage } from "./usage-audit.ts";

export const auditVerifyCommand = defineCommand({
  name: "audit verify",
  usage: auditVerifyUsage,
  options: { ...auditOptions, expect: { type: "string" } },
  check: ({ values }) => ({ misread: null, others: faultsOf(() => readExpected(values.expect?.[0])) }),
  async run(values, context) {
    const { output } = context;
    const expected = readExpected(values.expect);
    const { files, shared } = await auditSource(values, context);
    await using _ = shared;
    output.summarise({ files });
    // What went to the others is there as well.
    const copied = shared?.own == null || shared.own.sequence === 0 ? [] : [shared.own];
    const { first, head } = await verified(
      files,
      [...(expected === null ? [] : [expected]), ...copied],
      context,
    );
    output.summarise({ first, last: head.sequence, hash: head.hash });
    output.result(`${linesText(first, head.sequence)} as written. The last one is`);
    output.result(`${head.sequence}:${head.hash}`);
    if (first > 1) output.say(`What was before line ${first} is not there to be looked at`);
    if (shared !== null) await verifyShared(shared, context);
    return 0;
  },
});

function linesText(first: number, last: number): string {
  return first === last ? `OK: line ${last} is` : `OK: lines ${first} to ${last} are`;
}

/** The chain in these files. Throws `DyncError` ("failed") with the first line that does not belong. */
async function verified(
  files: readonly string[],
  expected: readonly Head[],
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
        if (expected.some((it) => sequence === it.sequence && hash !== it.hash))
          fail(path, number, `This is another line ${sequence} than the one that was expected`);
      }
    };
    const rest = await readLines({ path, clock, signal, onLines });
    const hint = "a crash, or a full disk, leaves that; the server mends it when it starts or goes on";
    if (rest > 0) fail(path, number + 1, `The file ends within this line, after ${rest} bytes`, hint);
  }
  const { head, first } = chain;
  if (head === null || first === null) throw new DyncError("failed", "There are no lines in the audit log");
  for (const { sequence } of expected) {
    if (sequence > head.sequence) {
      const text = `Line ${sequence} is expected, and the log ends with ${head.sequence}: its end was cut off`;
      throw new DyncError("failed", text);
    }
    if (sequence < first)
      throw new DyncError("failed", `Line ${sequence} is expected, and the log begins with ${first}`);
  }
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

const pageLines = 1000;

/** Looks at what the catalogue has of all servers. Throws `DyncError` ("failed") with the first line of each that does not belong. */
async function verifyShared(shared: SharedLogs, { output, signal }: CommandContext): Promise<void> {
  const faults: DyncError[] = [];
  const chains: Record<string, unknown>[] = [];
  output.result("The logs of all servers, in the catalogue that they share:");
  for (const chain of shared.chains.filter(({ sequence }) => sequence > 0)) {
    const server = printable(shared.nameOf(chain.chain));
    const { first, fault } = await faultOfChain(shared, chain, signal);
    const { sequence: last, hash } = chain;
    chains.push({
      chain: chain.chain,
      server: chain.name,
      first,
      last,
      hash,
      ...(fault === null ? {} : { fault }),
    });
    if (fault !== null) faults.push(new DyncError("failed", `${server}: ${fault}`));
    else output.result(`${server}: ${linesText(first, last)} as written. The last one is\n${last}:${hash}`);
  }
  output.summarise({ chains });
  throwFaults(faults);
}

async function faultOfChain(
  { audit }: SharedLogs,
  { chain: id, sequence: last, hash }: AuditChain,
  signal: AbortSignal,
): Promise<{ readonly first: number; readonly fault: string | null }> {
  const chain = new Chain();
  for (let after = 0; after < last; ) {
    signal.throwIfAborted();
    const page = await audit.linesOf(id, after, pageLines);
    // What comes meanwhile is not looked at.
    for (const { sequence, line } of page.filter((it) => it.sequence <= last)) {
      const fault = chain.add(line);
      if (fault !== null) return { first: chain.first ?? sequence, fault: `${fault} (line ${sequence})` };
    }
    after = page.at(-1)?.sequence ?? last;
  }
  const isWhole = chain.head?.sequence === last && chain.head.hash === hash;
  const fault = isWhole ? null : `Line ${last} is expected, and another one is the last: its end was cut off`;
  return { first: chain.first ?? last, fault };
}
