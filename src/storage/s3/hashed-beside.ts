// Checksums that go on over bytes on another thread.

import { assert } from "../../base/assert.ts";
import type { Sha256 } from "../sha256/sha256.ts";
import { ThreadGone } from "./client/body-work.ts";
import type { S3Home } from "./home.ts";

/**
 * What `hashes` are behind `data`: others, which take their place; they themselves stay as they are. `null`: it is not worth another thread, and
 * whoever asks has them go on himself.
 */
export function hashedBeside(
  home: Pick<S3Home, "beside" | "sha256">,
  hashes: readonly Sha256[],
  data: Uint8Array,
): Promise<readonly Sha256[]> | null {
  return home.beside?.takes(data.length) === true ? goOn(home, hashes, data) : null;
}

async function goOn(
  { beside, sha256 }: Pick<S3Home, "beside" | "sha256">,
  hashes: readonly Sha256[],
  data: Uint8Array,
): Promise<readonly Sha256[]> {
  assert(beside !== null, "there are threads");
  const loaded = (state: Uint8Array | null): Sha256 => {
    const hash = state === null ? null : sha256.load(state);
    assert(hash !== null, "a state that was saved can be loaded");
    return hash;
  };
  const states = hashes.map((hash) => hash.save() as Uint8Array);
  try {
    return (await beside.hash(states, data)).map(loaded);
  } catch (error) {
    if (!(error instanceof ThreadGone)) throw error;
    const own = states.map(loaded);
    for (const hash of own) hash.update(data);
    return own;
  }
}
