// What is read of a source to be sent, piece by piece: the contract between who reads and who sends.

import type { Block } from "../transport/transport.ts";

/** Chunks are read and hashed in pieces of this size (bytes), so that the hash finds them in the processor's own cache. */
export const pieceBytes = 256 * 1024;

export interface Chunk {
  readonly offset: number;
  /** Bytes of the chunk; 0 at the end of the source. */
  readonly length: number;
  /** Memory with the bytes, owned by whoever got the chunk; `null` at the end. */
  readonly block: Block | null;
  /** SHA-256 of the whole source, at its end. */
  readonly checksum: Uint8Array | null;
  /** Set where the source, which grows, had nothing behind it when it was read. */
  readonly isCaughtUp?: boolean;
}

/** A whole source, as it was found when all of it had been read. */
export interface Whole {
  readonly size: number;
  /** SHA-256. */
  readonly checksum: Uint8Array;
}

/** Reads chunks, one at a time, and hashes them. */
export interface ChunkReading {
  /** What the source was when its end was read, `null` before. */
  readonly whole: Whole | null;
  /**
   * The chunk at `offset`, of at most `lengthMax` bytes, which the caller then owns. Not while another one is being read.
   * Throws `DyncError` ("source", "source-changed"), or what the source throws.
   */
  chunkAt(offset: number, lengthMax: number): Promise<Chunk>;
  /** Bytes before `offset` will not be asked for again. */
  forgetBefore(offset: number): void;
  /** The chunk, which was read here, is sent now. */
  sending?(chunk: Chunk): void;
  /** What was read and is not sent will not be sent: the next chunk is elsewhere, and nobody waits any more for one that is being read. */
  abandon?(): void;
  /** Nobody waits any more for the chunk that is being read. */
  stopWaiting?(): void;
  /** Nothing more is read. */
  close?(): void;
}
