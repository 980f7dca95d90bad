// SHA-256 by the system's OpenSSL, as fast as the runtime's own. What it works in (SHA256_CTX) is plain memory of a known
// layout, so its state can be written down and taken up again; that the layout is the known one is found out before it is used.

import { createHash } from "node:crypto";
import { lengthOfState, plainSha256, type Sha256, type Sha256Maker, stateBytes } from "./sha256.ts";

/** Functions of libcrypto, each of which returns 1 when it went well. */
export interface Libcrypto {
  SHA256_Init(context: Uint8Array): number;
  SHA256_Update(context: Uint8Array, data: Uint8Array, length: number): number;
  SHA256_Final(digest: Uint8Array, context: Uint8Array): number;
}

/** Its name where OpenSSL 3 is installed, with glibc and with musl. */
export const libraryName = "libcrypto.so.3";

// Words of SHA256_CTX: h[8], Nl and Nh (bits), data[16], num (bytes in data), md_len.
const [lowAt, highAt, dataAt, numberAt, lengthAt] = [8, 9, 10, 26, 27];
const words = 28;
// Room behind it, should a library have more there than is known.
const contextBytes = 256;
const blockBytes = 64;
const digestBytes = 32;
const perWord = 2 ** 32;

/** Makes hashes by `library`, where those are what they should be; else by the runtime. */
export function makerBy(library: Libcrypto): Sha256Maker {
  const maker: Sha256Maker = {
    create: () => new LibcryptoSha256(library),
    load: (state) => (isState(state) ? new LibcryptoSha256(library, state) : null),
  };
  return isRight(maker) ? maker : plainSha256;
}

class LibcryptoSha256 implements Sha256 {
  readonly #library: Libcrypto;
  readonly #context = new Uint8Array(contextBytes);

  constructor(library: Libcrypto, state?: Uint8Array) {
    this.#library = library;
    expectDone(library.SHA256_Init(this.#context));
    if (state !== undefined) this.#setTo(state);
  }

  update(bytes: Uint8Array): void {
    // Of an empty one there is no address.
    if (bytes.length > 0) expectDone(this.#library.SHA256_Update(this.#context, bytes, bytes.length));
  }

  digest(): Buffer {
    const digest = Buffer.alloc(digestBytes);
    expectDone(this.#library.SHA256_Final(digest, this.#context));
    return digest;
  }

  save(): Uint8Array {
    const context = new Uint32Array(this.#context.buffer, 0, words);
    const state = new Uint8Array(stateBytes);
    const view = new DataView(state.buffer);
    for (let word = 0; word < 8; word++) view.setUint32(4 * word, context[word]!);
    const bits = BigInt(context[highAt]!) * BigInt(perWord) + BigInt(context[lowAt]!);
    view.setBigUint64(digestBytes, bits / 8n);
    state.set(this.#context.subarray(4 * dataAt, 4 * dataAt + context[numberAt]!), digestBytes + 8);
    return state;
  }

  #setTo(state: Uint8Array): void {
    const context = new Uint32Array(this.#context.buffer, 0, words);
    const view = new DataView(state.buffer, state.byteOffset);
    const length = lengthOfState(state);
    for (let word = 0; word < 8; word++) context[word] = view.getUint32(4 * word);
    context[lowAt] = Number(BigInt.asUintN(32, BigInt(length) * 8n));
    context[highAt] = Math.floor((length * 8) / perWord);
    context[numberAt] = length % blockBytes;
    this.#context.set(state.subarray(digestBytes + 8), 4 * dataAt);
    context[lengthAt] = digestBytes;
  }
}

function expectDone(result: number): void {
  if (result !== 1) throw new Error("SHA-256 of the system's library failed");
}

function isState(state: Uint8Array): boolean {
  if (state.length !== stateBytes) return false;
  const length = lengthOfState(state);
  if (!Number.isSafeInteger(length * 8)) return false;
  return state.subarray(digestBytes + 8 + (length % blockBytes)).every((byte) => byte === 0);
}

// A library without these functions cannot be opened; one that has others by their names gives another checksum, or state.
function isRight(maker: Sha256Maker): boolean {
  const data = Uint8Array.from({ length: 1000 }, (_, index) => (index * 37) % 251);
  const expected = createHash("sha256").update(data).digest();
  try {
    for (const cut of [0, 1, 100, 640, 999]) {
      const first = maker.create();
      first.update(data.subarray(0, cut));
      const state = first.save();
      const second = state === null ? null : maker.load(state);
      if (state === null || second === null || lengthOfState(state) !== cut) return false;
      for (const hash of [first, second]) {
        hash.update(data.subarray(cut));
        if (!hash.digest().equals(expected)) return false;
      }
    }
    return true;
  } catch {
    // It is of no use, whatever is wrong with it.
    return false;
  }
}
