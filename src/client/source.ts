// What is uploaded, read by offset: the contract that the upload sees, and streams. Files are in `file-source.ts`.

import { assert } from "../base/assert.ts";
import { DyncError, messageOf } from "../base/error.ts";
import type { Block } from "../transport/transport.ts";
import type { ChunkReading } from "./chunk.ts";
import type { FileVersion } from "./file-version.ts";
import type { SourceMark } from "./origin.ts";

/** A file that can be opened a second time. */
export interface FilePlace {
  readonly path: string;
  /** Where in the file the source begins, in bytes. */
  readonly begin: number;
  /** What lies there has to be this version: else it is another file. */
  readonly version: FileVersion;
}

export interface Source {
  /** Bytes in all, or `null` for a stream. */
  readonly size: number | null;
  /** Whether any offset can be read again. */
  readonly canSeek: boolean;
  /** When the content was last modified (RFC 3339, UTC), or `null` where nobody can tell. */
  readonly modified: string | null;
  /** By what another process that opens it again tells whether it is the same; absent where none can. */
  readonly mark?: SourceMark;
  /** Why no bag (RFC 8493) can carry what is in it, `null` when one can; absent where nobody can tell. */
  bagFault?(): DyncError | null;
  /**
   * The digest of the list of its files, as a server tells it of a dataset; absent where there is none. Reads all of them, and tells
   * `onRead` how many bytes were read, of how many in all.
   */
  listDigest?(onRead?: (bytes: number, total: number) => void): Promise<string>;
  /** Fills `into` from `offset` as far as there are bytes; returns how many, 0 only at the end. */
  read(offset: number, into: Uint8Array): Promise<number>;
  /**
   * Throws `DyncError` ("source-changed") when what was read, of which `checksum` is the SHA-256, may be a mixture of
   * what it was at different times, or is not what lies there now.
   */
  verifyUnchanged(checksum: Uint8Array): Promise<void>;
  close(): Promise<void>;
  /** Where another thread can open the same file; `null` while nobody but this source may read it, absent where there is no such file. */
  elsewhere?(): FilePlace | null;
  /** What a failure to read the file, with the system's error `error`, is called. */
  unreadable?(error: unknown): DyncError;
  /** Set where it grows while it is sent. */
  readonly growth?: Growth;
}

/** A source that grows while it is sent, and of which what was sent is remembered, since nobody can read it again. */
export interface Growth {
  /**
   * Takes up what `folder`, which this process alone uses, says of what was sent, or begins there. Before anything is read. Rejects with
   * `DyncError`, with `CannotGoOn` where what it says is of no use.
   */
  begin(folder: string): Promise<void>;
  /** Reads it, in memory of `allocate`. */
  reader(allocate: (length: number) => Block): ChunkReading;
  /** What it was when its end was read, perhaps by an earlier process; `null` before. */
  readonly whole: ChunkReading["whole"];
  /** The server has the bytes before `offset`. */
  taken(offset: number): void;
  /** The server has all of it: what is there still may get a mark by which it is known later. */
  confirmed(): Promise<void>;
}

/** What was sent of a source cannot be gone on with: it has to be begun anew. */
export class CannotGoOn extends DyncError {
  constructor(text: string, options: { readonly cause?: unknown } = {}) {
    super("source-changed", text, options);
  }
}

/** The server takes nothing that grows while it is sent, and has nothing of it. */
export class GrowthRefused extends DyncError {
  constructor(name: string) {
    super(
      "failed",
      `The server takes no run that is still being written: "${name}" goes when it is complete`,
    );
  }
}

/** What to do about a file that has more or fewer bytes than the system tells. */
export const hintOfWrongSize =
  "where the system tells a wrong size, pipe it in: cat FILE | dync -k KEY:VALUE -n NAME SERVER";

/** Throws "source-changed" where `source`, of which nothing more could be read at `offset`, should not end there. */
export function expectEnd({ size }: Pick<Source, "size">, offset: number): void {
  if (size === null || offset === size) return;
  const text = `The file ended at ${offset} bytes, it had ${size}`;
  throw new DyncError("source-changed", text, { hint: hintOfWrongSize });
}

export interface StreamOptions {
  /** What it is called in messages; the standard input unless given. */
  readonly name?: string;
  /** Throws `DyncError` when the `bytes` that were read are not what the stream should have been. */
  readonly verify?: (bytes: number) => Promise<void>;
  /** Lets go of what the stream reads from. */
  readonly close?: () => Promise<void>;
}

/** A stream that can only be read once, from its beginning. */
export class StreamSource implements Source {
  readonly size = null;
  readonly canSeek = false;
  readonly modified = null;
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #options: StreamOptions;
  #rest: Uint8Array = new Uint8Array(0);
  #offset = 0;
  #ended = false;
  /** Why it cannot be read any more: asked once more, a stream that broke says that it is at its end. */
  #broken: DyncError | null = null;

  constructor(stream: AsyncIterable<Uint8Array>, options: StreamOptions = {}) {
    this.#chunks = stream[Symbol.asyncIterator]();
    this.#options = options;
  }

  async read(offset: number, into: Uint8Array): Promise<number> {
    assert(offset === this.#offset, "a stream is read in order");
    let filled = 0;
    while (filled < into.length && (await this.#fill())) {
      const part = this.#rest.subarray(0, into.length - filled);
      into.set(part, filled);
      filled += part.length;
      this.#rest = this.#rest.subarray(part.length);
    }
    this.#offset += filled;
    return filled;
  }

  async #fill(): Promise<boolean> {
    while (this.#rest.length === 0 && !this.#ended) {
      if (this.#broken !== null) throw this.#broken;
      try {
        const next = await this.#chunks.next();
        if (next.done === true) this.#ended = true;
        else this.#rest = next.value;
      } catch (error) {
        const { name = "the standard input" } = this.#options;
        this.#broken = new DyncError("source", `Cannot read ${name}: ${messageOf(error)}`, { cause: error });
      }
    }
    return this.#rest.length > 0;
  }

  async verifyUnchanged(): Promise<void> {
    await this.#options.verify?.(this.#offset);
  }

  // What reads the stream is left alone: a silent pipe would not let it end.
  async close(): Promise<void> {
    await this.#options.close?.();
  }
}
