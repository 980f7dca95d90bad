// The checksum of what is stored already: taken up from the last state of it that was kept, and read from there on.

import { assert } from "../base/assert.ts";
import type { PartialUpload } from "./partial.ts";
import type { Sha256, Sha256Maker } from "./sha256/sha256.ts";

// Big enough to hash at full speed, small enough that other uploads get their turn in between.
const readBytes = 1024 * 1024;

/** A hash of the first `length` bytes of `partial`: as many as can be had without reading them, at most `limit`. */
export async function hashFrom(
  partial: PartialUpload,
  limit: number,
  sha256: Sha256Maker,
): Promise<{ readonly hash: Sha256; readonly length: number }> {
  const saved = (await partial.states?.last(limit)) ?? null;
  const hash = saved === null ? null : sha256.load(saved.state);
  if (saved === null || hash === null) return { hash: sha256.create(), length: 0 };
  return { hash, length: saved.length };
}

/** Reads `partial` from `from` on into `hash`, to its end; `check` is called before each read, and may throw. */
export async function hashRest(
  partial: PartialUpload,
  hash: Sha256,
  from: number,
  check: () => void,
): Promise<void> {
  const end = partial.length;
  const buffer = new Uint8Array(Math.min(readBytes, end - from));
  for (let offset = from; offset < end; ) {
    check();
    const count = await partial.read(offset, buffer.subarray(0, end - offset));
    assert(count > 0, "a partial ends where its length says");
    hash.update(buffer.subarray(0, count));
    offset += count;
  }
}
