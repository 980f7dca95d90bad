// SHA-256 whose state can be saved where the system has no library for that: slower than the runtime's, and everywhere.

import { createSHA256, type IHasher } from "hash-wasm";
import { lengthOfState, type Sha256, type Sha256Maker, stateBytes } from "./sha256.ts";

// What hash-wasm saves: four bytes by which it knows its own, the last block, the length, the eight words, and the length of the digest; numbers with
// the least significant byte first.
const [blockAt, lengthAt, wordsAt, sizeAt, savedBytes] = [4, 68, 76, 108, 116];
const [words, digestBytes, blockBytes] = [8, 32, 64];

/** Makes hashes that share one instance of WebAssembly. */
export async function openWasmSha256(): Promise<Sha256Maker> {
  const hasher = await createSHA256();
  const empty = hasher.init().save();
  return {
    create: () => new WasmSha256(hasher, empty),
    load: (state) => (state.length === stateBytes ? new WasmSha256(hasher, savedOf(state, empty)) : null),
  };
}

class WasmSha256 implements Sha256 {
  readonly #hasher: IHasher;
  #saved: Uint8Array;

  constructor(hasher: IHasher, saved: Uint8Array) {
    this.#hasher = hasher;
    this.#saved = saved;
  }

  update(bytes: Uint8Array): void {
    this.#saved = this.#hasher.load(this.#saved).update(bytes).save();
  }

  digest(): Buffer {
    return Buffer.from(this.#hasher.load(this.#saved).digest("binary"));
  }

  save(): Uint8Array {
    const [from, state] = [viewOf(this.#saved), new Uint8Array(stateBytes)];
    const to = viewOf(state);
    for (let word = 0; word < words; word++) to.setUint32(4 * word, from.getUint32(wordsAt + 4 * word, true));
    const length = from.getBigUint64(lengthAt, true);
    to.setBigUint64(digestBytes, length);
    const rest = Number(length % BigInt(blockBytes));
    state.set(this.#saved.subarray(blockAt, blockAt + rest), digestBytes + 8);
    return state;
  }
}

function savedOf(state: Uint8Array, empty: Uint8Array): Uint8Array {
  const saved = new Uint8Array(savedBytes);
  saved.set(empty.subarray(0, blockAt));
  saved.set(empty.subarray(sizeAt), sizeAt);
  const [from, to] = [viewOf(state), viewOf(saved)];
  for (let word = 0; word < words; word++) to.setUint32(wordsAt + 4 * word, from.getUint32(4 * word), true);
  to.setBigUint64(lengthAt, BigInt(lengthOfState(state)), true);
  saved.set(state.subarray(digestBytes + 8), blockAt);
  return saved;
}

function viewOf({ buffer, byteOffset }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset);
}
