// The checksum of something that can be read again from its beginning: a source of the client, a partial of the server.

import { createHash } from "node:crypto";

export interface Readable {
  /** Fills `into` from `offset` as far as there are bytes; returns how many, 0 only at the end. */
  read(offset: number, into: Uint8Array): Promise<number>;
}

const readBytes = 1024 * 1024;

/** SHA-256 (32 bytes) of everything in `readable`, which is read in order and never held as a whole. */
export async function sha256Of(readable: Readable): Promise<Buffer> {
  const hash = createHash("sha256");
  const buffer = new Uint8Array(readBytes);
  for (let offset = 0; ; ) {
    const count = await readable.read(offset, buffer);
    if (count === 0) return hash.digest();
    hash.update(buffer.subarray(0, count));
    offset += count;
  }
}
