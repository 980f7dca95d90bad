// Reads an object from its start to its end, for its checksum.

import { createHash } from "node:crypto";
import type { Reading } from "../storage.ts";
import { NoAnswer } from "./client/s3-error.ts";
import { type S3Home, soon } from "./home.ts";

// A store that is away for a moment need not have all of a large object read again from its start.
const triesMax = 5;

/** SHA-256 of an object of `size` bytes. */
export async function readAll(
  { client }: S3Home,
  key: string,
  size: number,
  { pace }: Pick<Reading, "pace">,
): Promise<Buffer> {
  const hash = createHash("sha256");
  let bytes = 0;
  for (let times = 1; bytes < size; times++) {
    try {
      for await (const piece of (await client.open(key, bytes, soon)) ?? []) {
        await pace(piece.length);
        hash.update(piece);
        bytes += piece.length;
      }
      if (bytes < size) throw new NoAnswer(`${bytes} of ${size} bytes came`);
    } catch (error) {
      if (!(error instanceof NoAnswer) || times >= triesMax) throw error;
    }
  }
  return hash.digest();
}
