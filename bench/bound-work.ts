// Measures on one core what each gigabyte costs in SHA-256 and in the encryption that CURVE uses, and prints the
// processor seconds per GiB as JSON. Started by bound.ts, once per core: bun bench/bound-work.ts LIBRARY

import { dlopen, FFIType, ptr } from "bun:ffi";
import { createHash, randomBytes } from "node:crypto";

const chunkBytes = 256 * 1024;
const macBytes = 16;
const gib = 2 ** 30;
const bytesEach = gib;

const buffer = FFIType.ptr;
const size = FFIType.u64;
const { symbols: sodium } = dlopen(process.argv[2] ?? "", {
  // int sodium_init(void): chooses the fastest implementation for this processor; without it the slowest is used.
  sodium_init: { args: [], returns: FFIType.i32 },
  // int f(unsigned char *out, const unsigned char *in, unsigned long long length, nonce, shared key)
  crypto_box_easy_afternm: { args: [buffer, buffer, size, buffer, buffer], returns: FFIType.i32 },
  crypto_box_open_easy_afternm: { args: [buffer, buffer, size, buffer, buffer], returns: FFIType.i32 },
});

if (sodium.sodium_init() < 0) throw new Error("libsodium does not start");

const plain = randomBytes(chunkBytes);
const sealed = new Uint8Array(chunkBytes + macBytes);
const opened = new Uint8Array(chunkBytes);
const nonce = randomBytes(24);
const key = randomBytes(32);
const hash = createHash("sha256");

const result = {
  sha256: cost(() => hash.update(plain)),
  seal: cost(() => {
    sodium.crypto_box_easy_afternm(ptr(sealed), ptr(plain), chunkBytes, ptr(nonce), ptr(key));
  }),
  open: cost(() => {
    const code = sodium.crypto_box_open_easy_afternm(
      ptr(opened),
      ptr(sealed),
      sealed.length,
      ptr(nonce),
      ptr(key),
    );
    if (code !== 0) throw new Error("What was sealed does not open");
  }),
};
process.stdout.write(`${JSON.stringify(result)}\n`);

/** Processor seconds per GiB of doing `work` on one chunk again and again. */
function cost(work: () => void): number {
  work();
  const before = process.cpuUsage();
  for (let done = 0; done < bytesEach; done += chunkBytes) work();
  const used = process.cpuUsage(before);
  return ((used.user + used.system) / 1e6) * (gib / bytesEach);
}
