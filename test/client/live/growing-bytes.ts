// A source in memory that grows when a test says so.

import type { Growing } from "../../../src/client/live/growing-reader.ts";
import { GrowingReader } from "../../../src/client/live/growing-reader.ts";
import { SavedHash } from "../../../src/client/live/saved-hash.ts";
import type { Growth, Source } from "../../../src/client/source.ts";

export class GrowingBytes implements Source, Growth, Growing {
  readonly size = null;
  readonly canSeek = true;
  readonly modified = null;
  readonly #hash: SavedHash;
  #bytes: Uint8Array = new Uint8Array(0);
  #isEnded = false;
  #waiters: (() => void)[] = [];
  whole: Growth["whole"] = null;
  /** How much the server is known to have. */
  known = 0;
  /** Bytes that were read only to be hashed. */
  readAgainBytes = 0;

  constructor(hash: SavedHash) {
    this.#hash = hash;
  }

  static async open(file: string): Promise<GrowingBytes> {
    return new GrowingBytes(await SavedHash.open(file));
  }

  get growth(): Growth {
    return this;
  }

  append(bytes: Uint8Array): void {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    for (const wake of this.#waiters.splice(0)) wake();
  }

  end(): void {
    this.#isEnded = true;
    for (const wake of this.#waiters.splice(0)) wake();
  }

  async begin(): Promise<void> {}

  reader(allocate: Parameters<Growth["reader"]>[0]): GrowingReader {
    return new GrowingReader(this, this.#hash, allocate);
  }

  taken(offset: number): void {
    this.known = offset;
  }

  async confirmed(): Promise<void> {}

  async ahead(offset: number, signal: AbortSignal): Promise<number> {
    while (offset >= this.#bytes.length && !this.#isEnded) {
      await new Promise<void>((resolve, reject) => {
        this.#waiters.push(resolve);
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
    }
    return this.#bytes.length - offset;
  }

  async read(offset: number, into: Uint8Array): Promise<number> {
    const found = this.#bytes.subarray(offset, offset + into.length);
    into.set(found);
    return found.length;
  }

  async readAgain(offset: number, into: Uint8Array): Promise<number> {
    const count = await this.read(offset, into);
    this.readAgainBytes += count;
    return count;
  }

  async ended(whole: NonNullable<Growth["whole"]>): Promise<void> {
    this.whole = whole;
  }

  async verifyUnchanged(): Promise<void> {}

  async close(): Promise<void> {
    this.#hash.close();
  }
}
