// A chunk that arrived, as the storage takes it over: where nobody looked at it yet, who stores it in this thread gets a view of it, and who
// has another thread do that needs none.

import type { Bytes, FarBytes } from "../base/memory/far-bytes.ts";
import type { OwnedChunk } from "../storage/storage.ts";

type Known = Pick<OwnedChunk, "offset" | "isAwaited" | "release">;

/** The chunk that is `data`; `release` of `known` gives its memory back. */
export function arrivedChunk(data: Bytes, known: Known): OwnedChunk {
  return data instanceof Uint8Array ? { ...known, data } : new FarChunk(data, known);
}

class FarChunk implements OwnedChunk {
  readonly far: FarBytes;
  readonly offset: number;
  readonly isAwaited: boolean;
  readonly release: () => void;

  constructor(far: FarBytes, { offset, isAwaited = false, release }: Known) {
    this.far = far;
    this.offset = offset;
    this.isAwaited = isAwaited;
    this.release = release;
  }

  get data(): Uint8Array {
    return this.far.view();
  }
}
