// SHA-256 of bytes that come in pieces, with a state that can be written down where the system's library for it is there: what
// goes on in another process need not be read again from its start.

import { createHash } from "node:crypto";

/** Of all bytes that went into it. */
export interface Sha256 {
  update(bytes: Uint8Array): void;
  /** The checksum, 32 bytes. Nothing may go into it afterwards. */
  digest(): Buffer;
  /** Its state (`stateBytes`), from which `load` makes another one like it; `null` where that cannot be had. */
  save(): Uint8Array | null;
}

export interface Sha256Maker {
  /** One into which nothing went yet. */
  create(): Sha256;
  /** One as it was when `state` was saved, by whatever machine; `null` where `state` is none, or cannot be taken up here. */
  load(state: Uint8Array): Sha256 | null;
}

/** The runtime's, which keeps its state to itself. */
export const plainSha256: Sha256Maker = {
  create: () => new PlainSha256(),
  load: () => null,
};

class PlainSha256 implements Sha256 {
  readonly #hash = createHash("sha256");

  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }

  digest(): Buffer {
    return this.#hash.digest();
  }

  save(): null {
    return null;
  }
}

/**
 * Length of a state: the eight words of the hash (FIPS 180-4), how many bytes went into it, and those of the last block, which is
 * not whole, filled up with zeros; numbers with the most significant byte first.
 */
export const stateBytes = 32 + 8 + 64;

/** How many bytes had gone into it when `state` was saved. */
export function lengthOfState(state: Uint8Array): number {
  const { buffer, byteOffset } = state;
  return Number(new DataView(buffer, byteOffset).getBigUint64(32));
}
