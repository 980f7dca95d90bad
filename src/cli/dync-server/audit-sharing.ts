// Copies the audit log of this server to the catalogue that it shares with others, line by line as they are on the disk: what the database
// does not take now it is given later. The files are what counts, and are never changed by this.

import { LogLines } from "../../audit/file/log-lines.ts";
import { type Head, headOf, readLine } from "../../audit/line.ts";
import type { CancelTimer, Clock } from "../../base/clock.ts";
import { jsonValue } from "../../base/json-text.ts";
import type { Logger } from "../../base/log.ts";
import { ToldTrouble } from "../../base/told-trouble.ts";
import { within } from "../../base/within.ts";
import type { AuditChain, AuditLine, SharedAudit } from "../../catalogue/shared-audit.ts";

export interface AuditSharingParts {
  /** Of the audit log. */
  readonly folder: string;
  /** Name of the data folder that it lies in, and of this machine. */
  readonly server: string;
  readonly name: string;
  readonly audit: SharedAudit;
  readonly clock: Clock;
  readonly logger: Logger;
}

// Some hundred KiB in one transaction.
const linesMax = 500;
const retryMs = 15_000;
// So long a server that stops waits for a database.
const endMs = 5_000;

export class AuditSharing {
  readonly #parts: AuditSharingParts;
  readonly #trouble: ToldTrouble;
  #lines: LogLines;
  #chain: AuditChain | null = null;
  /** Whether a look found where it goes on. */
  #isFound = false;
  /** Number of the last line that is on the disk. */
  #durable = 0;
  /** Whether that changed since somebody looked. */
  #isNew = false;
  #working: Promise<void> | null = null;
  #cancelRetry: CancelTimer = () => {};
  #isOver = false;

  constructor(parts: AuditSharingParts) {
    this.#parts = parts;
    this.#lines = new LogLines(parts.folder);
    this.#trouble = new ToldTrouble(parts.logger, {
      begins: "The audit log does not go to the shared catalogue just now",
      ends: "The audit log goes to the shared catalogue again",
    });
  }

  /** All lines up to that one are on the disk. */
  durable({ sequence }: Head): void {
    this.#durable = sequence;
    this.#isNew = true;
    this.#workSoon();
  }

  /** Copies what is still to be copied, as far as that goes at once. Never rejects. */
  async end(): Promise<void> {
    this.#cancelRetry();
    this.#isOver = true;
    if (this.#working !== null) await within(this.#parts.clock, endMs, this.#working, () => {});
  }

  #workSoon(): void {
    if (this.#working !== null || this.#isOver) return;
    this.#cancelRetry();
    this.#working = this.#work().then((isDone) => {
      this.#working = null;
      if (this.#isOver) return;
      if (!isDone) this.#cancelRetry = this.#parts.clock.after(retryMs, () => this.#workSoon());
      else if (this.#isNew) this.#workSoon();
    });
  }

  /** Returns whether nothing is left for now. */
  async #work(): Promise<boolean> {
    try {
      while (this.#isNew) {
        this.#isNew = false;
        while (await this.#copySome());
      }
      this.#trouble.over();
      return true;
    } catch (error) {
      this.#isNew = true;
      this.#trouble.met(error);
      return false;
    }
  }

  /** Returns whether there may be more. */
  async #copySome(): Promise<boolean> {
    const { audit, name } = this.#parts;
    this.#chain ??= await this.#chainToGoOn();
    if (!this.#isFound) await this.#find();
    const chain = this.#chain as AuditChain;
    if (chain.sequence >= this.#durable) return false;
    const next = (await this.#lines.next()).slice(0, linesMax);
    const lines = numbered(next, chain.sequence).filter(({ sequence }) => sequence <= this.#durable);
    const last = lines.at(-1);
    if (last === undefined) return false;
    const added = await audit.add(chain, name, lines, headOf(last.sequence, last.line).hash);
    // Somebody else goes on with a copy of this log.
    if (added === null) this.#isFound = false;
    else this.#lines.pass(lines.map(({ line }) => line));
    this.#chain = added;
    return true;
  }

  async #chainToGoOn(): Promise<AuditChain> {
    const { audit, server, name } = this.#parts;
    return (await audit.chainOf(server)) ?? (await audit.begin(server, name));
  }

  /** Goes behind the last line that is in the catalogue. A log that has another one in its place is another log. */
  async #find(): Promise<void> {
    const { audit, server, name, folder, logger } = this.#parts;
    const chain = this.#chain as AuditChain;
    this.#lines = new LogLines(folder);
    if (!(await isBehind(this.#lines, chain))) {
      logger.log("warn", "The audit log is another one than went to the shared catalogue before", {
        hint: "both can be looked at there: dync-server audit verify",
      });
      this.#chain = await audit.begin(server, name);
      this.#lines = new LogLines(folder);
    }
    this.#isFound = true;
  }
}

/** Passes all up to that line. Returns whether it is there, or all that is there is newer. */
async function isBehind(lines: LogLines, { sequence: wanted, hash }: AuditChain): Promise<boolean> {
  if (wanted === 0) return true;
  let before = 0;
  for (let next = await lines.next(); next.length > 0; next = await lines.next()) {
    for (const { sequence, line } of numbered(next, before)) {
      // What came before lies in an archive.
      if (sequence > wanted) return before === 0;
      lines.pass([line]);
      before = sequence;
      if (sequence === wanted) return headOf(sequence, line).hash === hash;
    }
  }
  return false;
}

/** These lines with their numbers, behind number `before`: where one is none, that which it should have. */
function numbered(lines: readonly Buffer[], before: number): readonly AuditLine[] {
  let [sequence, time] = [before, ""];
  return lines.map((line) => {
    const read = readLine(line);
    sequence = read?.isIntact && read.sequence > sequence ? read.sequence : sequence + 1;
    time = timeIn(line) ?? time;
    return { sequence, time, line };
  });
}

function timeIn(line: Buffer): string | null {
  const value = jsonValue(line.toString()) as { readonly time?: unknown } | undefined;
  return typeof value?.time === "string" ? value.time : null;
}
