// A part that is filled: bytes in memory, and, in front of them, pieces that are stored by themselves because somebody could not wait until the
// part is whole. Those are read again when it is stored, unless they are in memory still.

import { lengthOf } from "./client/http-call.ts";
import { NoAnswer } from "./client/s3-error.ts";

/** Where a piece begins in the upload, and how long it is. */
export interface PiecePlace {
  readonly offset: number;
  readonly bytes: number;
}

/** A piece that is stored by itself. */
interface Piece {
  readonly bytes: number;
  /** What is in it; `null`: it is in the store alone. */
  data: readonly Uint8Array[] | null;
}

export class GrowingPart {
  /** Where it begins in the upload. */
  readonly start: number;
  /** How long it becomes, unless the upload ends before. */
  readonly wanted: number;
  readonly #pieces: Piece[] = [];
  #fresh: Uint8Array[] = [];
  #freshBytes = 0;

  constructor(start: number, wanted: number, stored: readonly number[] = []) {
    this.start = start;
    this.wanted = wanted;
    for (const bytes of stored) this.#pieces.push({ bytes, data: null });
  }

  get length(): number {
    return this.#pieces.reduce((sum, { bytes }) => sum + bytes, 0) + this.#freshBytes;
  }

  /** Bytes that are nowhere but in memory. */
  get freshBytes(): number {
    return this.#freshBytes;
  }

  /** Bytes that it has in memory. */
  get heldBytes(): number {
    return (
      this.#pieces.reduce((sum, { bytes, data }) => sum + (data === null ? 0 : bytes), 0) + this.#freshBytes
    );
  }

  get isWhole(): boolean {
    return this.length >= this.wanted;
  }

  /** Where its pieces are. */
  get pieces(): readonly PiecePlace[] {
    const places: PiecePlace[] = [];
    let offset = this.start;
    for (const { bytes } of this.#pieces) {
      places.push({ offset, bytes });
      offset += bytes;
    }
    return places;
  }

  /** Forgets what is in the store as well; returns how many bytes that was. */
  letGo(): number {
    let bytes = 0;
    for (const piece of this.#pieces) {
      if (piece.data !== null) bytes += piece.bytes;
      piece.data = null;
    }
    return bytes;
  }

  add(data: Uint8Array): void {
    this.#fresh.push(data);
    this.#freshBytes += data.length;
  }

  /** What is to be stored by itself, where it begins, and what to call when it is: it stays in memory where `keeps`. */
  nextPiece(): PiecePlace & { readonly body: readonly Uint8Array[]; done(keeps: boolean): void } {
    const [body, bytes] = [[...this.#fresh], this.#freshBytes];
    const offset = this.start + this.length - bytes;
    const done = (keeps: boolean): void => {
      this.#pieces.push({ bytes, data: keeps ? body : null });
      this.#fresh = this.#fresh.slice(body.length);
      this.#freshBytes -= bytes;
    };
    return { offset, bytes, body, done };
  }

  /** All that is in it; `read` gives what is in the store alone. */
  async body(read: (place: PiecePlace) => Promise<Uint8Array>): Promise<readonly Uint8Array[]> {
    const all: Uint8Array[] = [];
    let offset = this.start;
    for (const { bytes, data } of this.#pieces) {
      const found = data ?? [await read({ offset, bytes })];
      if (lengthOf(found) !== bytes)
        throw new NoAnswer(`a stored piece has ${lengthOf(found)} bytes, not ${bytes}`);
      all.push(...found);
      offset += bytes;
    }
    return [...all, ...this.#fresh];
  }
}
