// What a chunk that arrived is to the server's position: the table of doc/protocol.md, section 5, as a function.
// Called by `server-upload.ts`, which acts on the verdict.

import { errorMeanings } from "../../base/error.ts";
import type { Bytes } from "../../base/memory/far-bytes.ts";
import type { PostChunkOf } from "../wire/message.ts";

/** What a chunk is compared with. */
export interface Receiving {
  /** Offset up to which chunks were accepted. */
  readonly expected: number;
  /** Chunks that the client may still send. */
  readonly outstanding: number;
  /** Most bytes in a chunk. */
  readonly chunkBytes: number;
  /** Announced size of the file, if any. */
  readonly size: number | undefined;
}

export type ChunkVerdict =
  | { readonly type: "accept" }
  /** All of it is here already. */
  | { readonly type: "duplicate" }
  /** Something before it is missing, or it begins before and ends after the position. */
  | { readonly type: "out-of-sequence" }
  | { readonly type: "oversize"; readonly code: number; readonly text: string }
  | { readonly type: "without-credit"; readonly code: number; readonly text: string }
  /** It contradicts what the client announced. */
  | { readonly type: "wrong-size"; readonly code: number; readonly text: string };

const malformed = errorMeanings.malformed.wire;

export function judgeChunk(chunk: PostChunkOf<Bytes>, receiving: Receiving): ChunkVerdict {
  const { seek, data, checksum } = chunk;
  const { expected, outstanding, chunkBytes, size } = receiving;
  const end = seek + data.length;
  if (seek !== expected) return end <= expected ? { type: "duplicate" } : { type: "out-of-sequence" };
  if (data.length > chunkBytes) {
    const text = `Chunk of ${data.length} bytes, at most ${chunkBytes} are allowed`;
    return { type: "oversize", code: malformed, text };
  }
  if (outstanding === 0) {
    return {
      type: "without-credit",
      code: malformed,
      text: `Chunk at offset ${seek} was sent without credit`,
    };
  }
  if (size !== undefined && end > size) {
    const text = `Data up to offset ${end}, but ${size} bytes were announced`;
    return { type: "wrong-size", code: errorMeanings["too-large"].wire, text };
  }
  if (size !== undefined && end < size && checksum !== null) {
    const text = `Last chunk ends at offset ${end}, but ${size} bytes were announced`;
    return { type: "wrong-size", code: malformed, text };
  }
  return { type: "accept" };
}
