// What an earlier server process left, made by hand: records and partials, on a clock that a test moves.

import { createHash } from "node:crypto";
import type { LogFields, LogLevel } from "../../src/base/log.ts";
import type { UploadRecord } from "../../src/catalogue/catalogue.ts";
import { owner } from "../catalogue/contract.ts";
import { bytesOf, idOf } from "../storage/contract.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { MemoryCatalogue } from "../support/memory/catalogue.ts";
import { MemoryStorage, type StorageOperation } from "../support/memory/storage.ts";

/** For uploads of which nobody wants to hear. */
export const noEvents = {
  onStored() {},
  onNote() {},
  onFailed() {},
  onRefused() {},
  abandoned: new AbortController().signal,
  asking: { during: <T>(_: string, work: Promise<T>): Promise<T> => work },
};

export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

/** A calendar that can be set, as an administrator or a time server does. */
export class SettableClock extends ManualClock {
  offsetMs = 0;

  override date(): Date {
    return new Date(super.date().getTime() + this.offsetMs);
  }
}

/** Of every record that a `RecoveryWorld` makes: what only text keeps as it was. */
export const recordedMetadata = '{"10":12345678901234567890,"sample":"A1","2":1.0}';

export class RecoveryWorld {
  readonly clock = new SettableClock();
  /** Thrown by the storage's operations of these types. */
  readonly failures = new Map<StorageOperation["type"], Error>();
  readonly storage = new MemoryStorage({
    clock: this.clock,
    before: ({ type }) => {
      const failure = this.failures.get(type);
      if (failure !== undefined) throw failure;
    },
  });
  readonly catalogue = new MemoryCatalogue();
  readonly log: { readonly level: LogLevel; readonly message: string; readonly fields: LogFields }[] = [];
  readonly logger = {
    log: (level: LogLevel, message: string, fields: LogFields = {}) =>
      void this.log.push({ level, message, fields }),
  };
  readonly owner = owner;

  now(): string {
    return this.clock.date().toISOString();
  }

  /** An upload's record, as it was when it was admitted and after `change`. */
  record(number: number, change: Partial<UploadRecord> = {}, name = `${number}.raw`) {
    this.catalogue.put(
      {
        id: idOf(number),
        identity: `8${number}`,
        user: "anna",
        origin: "key-1",
        name,
        place: null,
        held: null,
        form: "file",
        metadataText: recordedMetadata,
        size: null,
        modified: "2020-01-02T03:04:05.678901234Z",
        client: "test 1",
        createdAt: this.now(),
        mark: this.storage.emptyNote.mark,
      },
      { updatedAt: this.now(), ...change },
    );
    return this.stateOf(number);
  }

  stateOf(number: number) {
    const record = this.catalogue.peek(idOf(number));
    if (record === null) throw new Error("the record is there");
    return record;
  }

  /** A partial with this content. */
  async partial(number: number, content: string): Promise<void> {
    const partial = await this.storage.create(idOf(number));
    await partial.append(bytesOf(content));
    await partial.sync();
    await partial.close();
  }

  async partials(): Promise<readonly string[]> {
    return Array.fromAsync(this.storage.ids());
  }
}
