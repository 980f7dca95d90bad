// Writes the audit log: one line behind the other, in the order of the events, into the file of the month. A line is in the system's
// memory before `record` returns, while the disk is fast; what was written is synced once a second at most. Trouble with the disk
// stops nobody: events wait, the log says so, and when they can be written again a line says what is missing.

import { close, fstatSync, fsync, statSync, write, writeSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { CancelTimer, Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/error.ts";
import { IoPace } from "../../base/io-pace.ts";
import type { Logger } from "../../base/log.ts";
import type { Audit, AuditEvent } from "../audit.ts";
import { type Head, headOf, lineOf, noLine } from "../line.ts";
import { auditFileOf, auditFilesIn, makeAuditFolder, openToAdd } from "./audit-files.ts";
import { foundEnd, type MendedEnd, mendEnd } from "./mend-end.ts";

const syncMs = 1_000;
const retryMs = 5_000;
const dayMs = 24 * 3_600_000;
/** Events that wait for a disk; an event takes some 500 bytes. What is more is counted. */
const waitingMax = 10_000;
const linesPerWrite = 200;
const slowDisk = "the disk did not keep up";

const writePooled = promisify(write);
// What is added changes the size of the file, so that `fdatasync` would write as much.
const fsyncPooled = promisify(fsync);
const closePooled = promisify(close);

export interface AuditFileParts {
  /** Made where it is missing. This process alone writes in it. */
  readonly folder: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** All lines up to that one are on the disk. */
  readonly onDurable?: (head: Head) => void;
}

interface Waiting {
  readonly event: AuditEvent;
  readonly at: Date;
}

/** Why nothing is written just now. */
interface Trouble {
  readonly since: Date;
  readonly reason: string;
  /** Lines that were written before it and may not be on the disk. */
  readonly unsynced: number;
  /** Events that there was no room for. */
  lost: number;
}

/** Lines on their way to the file. */
interface Batch {
  readonly bytes: Buffer;
  /** Of each line, where it ends. */
  readonly ends: readonly { readonly at: number; readonly head: Head }[];
}

interface Written {
  readonly bytes: number;
  readonly error: unknown;
}

export class AuditFile implements Audit, AsyncDisposable {
  readonly #parts: AuditFileParts;
  readonly #pace: IoPace;
  /** In the order in which they happened; those of a batch stay until it is written. */
  #waiting: Waiting[] = [];
  /** `null`: what is there was not read yet. */
  #head: Head | null = null;
  #file: { readonly descriptor: number; readonly name: string } | null = null;
  #trouble: Trouble | null = null;
  #isWriting = false;
  /** Written and not synced yet. */
  #unsynced = 0;
  #cancelSync: CancelTimer | null = null;
  #cancelRetry: CancelTimer | null = null;
  /** What goes on beside it: writing, syncing and closing, one after the other. */
  #work: Promise<void> = Promise.resolve();
  #toldAt: number;
  #isOver = false;

  constructor(parts: AuditFileParts) {
    this.#parts = parts;
    this.#pace = new IoPace(parts.clock);
    this.#toldAt = parts.clock.now();
  }

  /** The last line that was written, or `null`: what is there could not be read yet. */
  get head(): Head | null {
    return this.#head;
  }

  record(event: AuditEvent): void {
    if (this.#isOver) return;
    if (this.#waiting.length < waitingMax) this.#waiting.push({ event, at: this.#parts.clock.date() });
    else if (this.#trouble !== null) this.#trouble.lost++;
    // The disk takes nothing, and has not said why yet.
    else this.#trouble = { since: this.#parts.clock.date(), reason: slowDisk, unsynced: 0, lost: 1 };
    if (this.#cancelRetry === null) this.#pump();
  }

  /** Writes what waits, makes all of it durable, and lets go of the file. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    this.#stopRetrying();
    this.#pump();
    while (this.#isWriting) await this.#work;
    this.#cancelSync?.();
    this.#letGo();
    await this.#work;
    this.#stopRetrying();
    if (this.#waiting.length > 0) {
      const events = this.#waiting.length + (this.#trouble?.lost ?? 0);
      this.#parts.logger.log("error", "Events are missing from the audit log", { events });
    }
    this.#tellHead();
  }

  #stopRetrying(): void {
    this.#cancelRetry?.();
    this.#cancelRetry = null;
  }

  /** Says in the log how the chain ends: kept elsewhere, it shows that nothing was cut off since. */
  #tellHead(): void {
    this.#toldAt = this.#parts.clock.now();
    if (this.#head === null || this.#head.sequence === 0) return;
    const { sequence, hash } = this.#head;
    this.#parts.logger.log("info", "The audit log is written up to here", { line: `${sequence}:${hash}` });
  }

  /** Writes what waits, as far as that goes in place; what does not comes back here. */
  #pump(): void {
    while (!this.#isWriting && this.#waiting.length > 0) {
      let batch: Batch;
      let descriptor: number;
      try {
        descriptor = this.#open();
        batch = this.#nextBatch();
      } catch (error) {
        return this.#fail(error);
      }
      const { bytes } = batch;
      const written = this.#pace.run<Written>(
        () => writtenInPlace(descriptor, bytes),
        () => writtenPooled(descriptor, bytes),
      );
      if (!(written instanceof Promise)) {
        if (!this.#note(batch, written)) return;
        continue;
      }
      this.#isWriting = true;
      const noted = written.then((result) => {
        this.#isWriting = false;
        if (this.#note(batch, result)) this.#pump();
      });
      this.#after(() => noted);
    }
  }

  /** The file for what waits first. Throws the system's error. */
  #open(): number {
    const { folder, clock } = this.#parts;
    const isFirst = this.#head === null;
    if (this.#file === null) {
      makeAuditFolder(folder);
      this.#mend();
    }
    // A clock that goes back begins no file before the last one.
    const last = this.#file?.name ?? auditFilesIn(folder).at(-1) ?? "";
    const name = [last, auditFileOf(clock.date())].toSorted().at(-1) as string;
    if (this.#file?.name !== name) {
      this.#letGo();
      this.#file = { descriptor: openToAdd(folder, name), name };
    }
    if (isFirst) this.#tellHead();
    return this.#file.descriptor;
  }

  /** Reads the end of what is there; half a line that a crash or a full disk left becomes a line that tells of it. */
  #mend(): void {
    const { folder, clock, logger } = this.#parts;
    const end = foundEnd(folder);
    const mended: MendedEnd | null = end === null ? null : mendEnd(end, this.#head, clock.date());
    if (mended?.cutBytes)
      logger.log("warn", "The audit log ended within a line, which is kept as an event", {
        file: mended.path,
        bytes: mended.cutBytes,
      });
    // While it runs it knows better than a file that somebody may have changed.
    this.#head = mended?.head ?? this.#head ?? noLine;
    if (!mended?.isDamaged) return;
    const hint = '"dync-server audit verify" shows it; the log goes on behind it';
    logger.log("error", "The last line of the audit log is damaged", { file: mended.path, hint });
    this.#waiting.unshift({ event: { event: "damaged" }, at: clock.date() });
  }

  #nextBatch(): Batch {
    let head = this.#head as Head;
    let at = 0;
    const ends: { at: number; head: Head }[] = [];
    const texts = this.#waiting.slice(0, linesPerWrite).map(({ event, at: time }) => {
      const line = lineOf(event, time, head);
      head = headOf(head.sequence + 1, line);
      at += Buffer.byteLength(line) + 1;
      ends.push({ at, head });
      return `${line}\n`;
    });
    return { bytes: Buffer.from(texts.join("")), ends };
  }

  /** Takes down how far `batch` came; returns whether it came to its end. */
  #note({ ends }: Batch, { bytes, error }: Written): boolean {
    const done = ends.filter(({ at }) => at <= bytes);
    this.#waiting = this.#waiting.slice(done.length);
    this.#head = done.at(-1)?.head ?? this.#head;
    this.#unsynced += done.length;
    if (done.length > 0) this.#syncSoon();
    if (error !== null) {
      this.#fail(error);
      return false;
    }
    this.#recover();
    return true;
  }

  /** `unsynced` lines were written before, and may not be on the disk. */
  #fail(error: unknown, unsynced = 0): void {
    const { logger, clock } = this.#parts;
    const reason = messageOf(error);
    if (this.#trouble === null) {
      this.#trouble = { since: clock.date(), reason, unsynced, lost: 0 };
      logger.log("error", "The audit log cannot be written: events wait", { reason });
    }
    this.#letGo();
    this.#cancelRetry ??= clock.after(retryMs, () => {
      this.#cancelRetry = null;
      this.#pump();
    });
  }

  /** It is written again: that, and what is missing, is a line behind what waited. */
  #recover(): void {
    if (this.#trouble === null) return;
    const { since, reason, lost, unsynced } = this.#trouble;
    this.#trouble = null;
    this.#parts.logger.log("info", "The audit log is written again", { lost });
    const event: AuditEvent = { event: "gap", since: since.toISOString(), reason, lost, unsynced };
    this.#waiting.push({ event, at: this.#parts.clock.date() });
  }

  #syncSoon(): void {
    this.#cancelSync ??= this.#parts.clock.after(syncMs, () => {
      this.#cancelSync = null;
      this.#sync();
    });
  }

  #sync(): void {
    if (this.#file === null) return;
    const { descriptor } = this.#file;
    const [lines, head] = [this.#unsynced, this.#head];
    this.#unsynced = 0;
    this.#after(async () => {
      try {
        await fsyncPooled(descriptor);
      } catch (error) {
        return this.#fail(error, lines);
      }
      this.#tellDurable(head);
    });
    if (!isStillThere(join(this.#parts.folder, this.#file.name), descriptor)) {
      const { folder: file } = this.#parts;
      this.#parts.logger.log("error", "The file of the audit log was taken away: another one is begun", {
        file,
      });
      this.#letGo();
    }
    if (this.#parts.clock.now() - this.#toldAt >= dayMs) this.#tellHead();
  }

  /** Syncs and closes the file, behind what is being done with it. */
  #letGo(): void {
    if (this.#file === null) return;
    const { descriptor } = this.#file;
    this.#file = null;
    const head = this.#head;
    this.#after(async () => {
      try {
        await fsyncPooled(descriptor);
        this.#tellDurable(head);
      } catch (error) {
        this.#parts.logger.log("error", "The audit log was not made durable", { reason: messageOf(error) });
      }
      await closePooled(descriptor).catch(() => {});
    });
  }

  #tellDurable(head: Head | null): void {
    if (head !== null) this.#parts.onDurable?.(head);
  }

  #after(action: () => Promise<void>): void {
    this.#work = this.#work.then(action);
  }
}

function writtenInPlace(descriptor: number, bytes: Buffer): Written {
  let done = 0;
  try {
    while (done < bytes.length) done += writeSync(descriptor, bytes, done);
    return { bytes: done, error: null };
  } catch (error) {
    return { bytes: done, error };
  }
}

async function writtenPooled(descriptor: number, bytes: Buffer): Promise<Written> {
  let done = 0;
  try {
    while (done < bytes.length)
      done += (await writePooled(descriptor, bytes, done, bytes.length - done)).bytesWritten;
    return { bytes: done, error: null };
  } catch (error) {
    return { bytes: done, error };
  }
}

/** Whether the file at `path` is the one that is open. */
function isStillThere(path: string, descriptor: number): boolean {
  try {
    const [there, open] = [statSync(path), fstatSync(descriptor)];
    return there.ino === open.ino && there.dev === open.dev;
  } catch {
    return false;
  }
}
