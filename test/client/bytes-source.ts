// Sources in memory for tests: a file that can be read at any offset, and a stream that comes in pieces.

import { createHash } from "node:crypto";
import { type Source, StreamSource } from "../../src/client/source.ts";

/** A file, as far as a reader can tell. Reads can be made to fail. */
export class BytesSource implements Source {
  readonly canSeek = true;
  readonly modified = null;
  readonly size: number;
  /** Thrown by every read that begins at or behind `failAt`. */
  failAt = Number.POSITIVE_INFINITY;
  /** Thrown when it is asked whether it changed. */
  changed: Error | null = null;
  reads = 0;
  isClosed = false;

  constructor(readonly bytes: Uint8Array) {
    this.bytes = bytes;
    this.size = bytes.length;
  }

  async read(offset: number, into: Uint8Array): Promise<number> {
    this.reads++;
    if (offset + into.length > this.failAt) throw new Error("The disk reports an error");
    const found = this.bytes.subarray(offset, offset + into.length);
    into.set(found);
    return found.length;
  }

  async verifyUnchanged(): Promise<void> {
    if (this.changed !== null) throw this.changed;
  }

  async close(): Promise<void> {
    this.isClosed = true;
  }
}

/** `length` bytes of which no two neighbourhoods are alike. */
export function patternOf(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (at * 31 + (at >> 8) * 7 + (at >> 3)) & 0xff);
}

/** A stream of `bytes` in pieces of these lengths, over and over. */
export function streamOf(bytes: Uint8Array, pieces: readonly number[] = [bytes.length]): StreamSource {
  return new StreamSource(piecesOf(bytes, pieces));
}

async function* piecesOf(bytes: Uint8Array, pieces: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const end = at + Math.max(1, pieces[turn % pieces.length] ?? 1);
    yield bytes.slice(at, end);
    at = end;
  }
}

export function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** The code of the error that `promise` ends with, or "none". */
export async function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => "none",
    (error: { code?: string }) => error.code ?? String(error),
  );
}
