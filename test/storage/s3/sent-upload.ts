// An upload as a storage has it, with who sends it: for tests of storages.

import { expect } from "bun:test";
import type { S3Storage } from "../../../src/storage/s3/s3-storage.ts";
import type { Prospect, Sink, SinkEvents, StoredNote } from "../../../src/storage/storage.ts";
import type { Destination } from "../../../src/upload/destination.ts";
import { descriptionOf, idOf } from "../contract.ts";
import { MiB } from "./s3-world.ts";

/** An upload as a server sees it: what was told of it, and what is in its record. */
export class SentUpload implements SinkEvents {
  readonly id: string;
  readonly all: Buffer;
  readonly prospect: Prospect;
  note: StoredNote;
  stored = 0;
  error: unknown = null;
  /** Another server has it. */
  isLost = false;
  readonly #chunkBytes: number;
  #waiting: { readonly offset: number; readonly go: () => void }[] = [];

  constructor(
    number: number,
    all: Buffer,
    size: number | undefined,
    note: StoredNote,
    chunkBytes: number = 2 * MiB,
  ) {
    this.#chunkBytes = chunkBytes;
    this.id = idOf(number);
    this.all = all;
    this.note = note;
    this.prospect = { destination: { folder: "anna", name: `${number}.raw` }, size };
  }

  get destination(): Destination {
    const { destination } = this.prospect;
    if (destination === undefined) throw new Error("It goes somewhere");
    return destination;
  }

  onStored(offset: number): void {
    this.stored = offset;
    this.#wake();
  }

  onNote(): void {}

  async record(note: StoredNote): Promise<boolean> {
    if (this.isLost) return false;
    this.note = note;
    return true;
  }

  onFailed(error: unknown): void {
    this.error = error;
    this.#wake();
  }

  onRefused(error: unknown): void {
    this.onFailed(error);
  }

  #wake(): void {
    const isReady = ({ offset }: { readonly offset: number }): boolean =>
      this.error !== null || this.stored >= offset;
    for (const { go } of this.#waiting.filter(isReady)) go();
    this.#waiting = this.#waiting.filter((it) => !isReady(it));
  }

  async until(offset: number): Promise<void> {
    if (this.error === null && this.stored < offset)
      await new Promise<void>((go) => this.#waiting.push({ offset, go }));
    if (this.error !== null) throw this.error;
  }

  begin(storage: S3Storage): Promise<Sink> {
    return storage.begin(this.id, "file", this, this.prospect);
  }

  async resume(storage: S3Storage): Promise<Sink | null> {
    const sink = await storage.resume(this.id, "file", this.note, this, this.prospect);
    this.stored = sink?.length ?? 0;
    return sink;
  }

  /** Sends as a client does that has a window of 8 chunks. */
  async send(sink: Sink, from: number, to: number): Promise<void> {
    for (let offset = from; offset < to; offset += this.#chunkBytes) {
      await this.until(offset - 7 * this.#chunkBytes);
      const data = this.all.subarray(offset, Math.min(to, offset + this.#chunkBytes));
      sink.write({ offset, data, release() {} });
    }
    await this.until(to);
  }

  async publish(sink: Sink): Promise<void> {
    const { id, destination, all } = this;
    const digest = await sink.digest();
    const contents = await sink.contents();
    const description = descriptionOf(id, destination.folder, destination.name, all, contents);
    expect(digest).toBe(description.sha256);
    await sink.publish(destination, description);
  }
}
