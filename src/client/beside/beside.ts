// What of reading a source goes on beside the main thread: of a file all of it; of a folder, of which the main thread knows what it was when
// it was listed, and of a stream, which is the main thread's, the hash.

import type { ChunkReading } from "../chunk.ts";
import { ChunkReader } from "../chunk-reader.ts";
import { HashHere } from "../hashed-reading.ts";
import { HashBeside, HashOfStream } from "./hash-beside.ts";
import { type BesideParts, ReaderBeside, tell } from "./reader-beside.ts";

/** Reads `source` so. `null` where no thread can be had. */
export function readerBeside(parts: BesideParts): ChunkReading | null {
  const { source, allocate, threads } = parts;
  if (source.elsewhere !== undefined) return ReaderBeside.begin(parts);
  const onFailed = (reason: string): void => tell(parts, reason);
  const begin = (): HashBeside | null => HashBeside.begin(threads, onFailed);
  const hash = source.size === null ? new HashOfStream(() => begin() ?? new HashHere()) : begin();
  return hash === null ? null : new ChunkReader(source, allocate, hash, onFailed);
}
