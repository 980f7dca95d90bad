// Our own code for CURVE's boxes on wide processors (build/libzmq-patches/wide_box.hpp) against libsodium's, call by call: a box that a peer
// opens has a ciphertext and an authenticator that nobody chose, and carries between limbs are rare in such.

import { dlopen, FFIType, ptr } from "bun:ffi";
import { afterAll, describe, expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import fc from "fast-check";
import { addonPaths } from "../../src/transport/zmq/addon.ts";

const root = resolve(import.meta.dir, "../..");
const addon = join(root, "node_modules/zeromq", addonPaths["linux-x64"] ?? "");
const folder = mkdtempSync(join(tmpdir(), "dync-wide-box-"));
afterAll(() => rmSync(folder, { recursive: true }));

const { ptr: pointer, u64, i32, void: nothing } = FFIType;
const wideBytes = 1024;

function missing(): string | null {
  if (process.platform !== "linux" || process.arch !== "x64" || !existsSync(addon)) return "no Linux on x64";
  if (Bun.which("g++") === null) return "no g++";
  return /\bavx512ifma\b/.test(readFileSync("/proc/cpuinfo", "utf8")) ? null : "no processor with IFMA";
}

function openOurs() {
  const library = join(folder, "wide-box.so");
  const source = join(import.meta.dir, "wide-box.cpp");
  const flags = ["-std=c++11", "-O3", "-fPIC", "-shared", "-w", "-I", join(root, "build/libzmq-patches")];
  const made = Bun.spawnSync(["g++", ...flags, source, "-o", library]);
  if (made.exitCode !== 0) throw new Error(made.stderr.toString());
  return dlopen(library, {
    can: { args: [], returns: i32 },
    authenticate: { args: [pointer, pointer, u64, u64, pointer], returns: nothing },
    cipher: { args: [pointer, pointer, u64, pointer, u64, pointer], returns: nothing },
  }).symbols;
}

function openSodium() {
  // Under its own name Bun would take the addon for one of Node's.
  const library = join(folder, "libsodium.so");
  copyFileSync(addon, library);
  const { symbols } = dlopen(library, {
    sodium_init: { args: [], returns: i32 },
    crypto_onetimeauth_poly1305: { args: [pointer, pointer, u64, pointer], returns: i32 },
    crypto_stream_salsa20_xor_ic: { args: [pointer, pointer, u64, pointer, u64, pointer], returns: i32 },
  });
  if (symbols.sodium_init() < 0) throw new Error("libsodium does not start");
  return symbols;
}

const reason = missing();

describe.skipIf(reason !== null)(`a wide box (${reason ?? "as libsodium's"})`, () => {
  const [ours, sodium] = reason === null ? [openOurs(), openSodium()] : [];

  /** Bytes of which whole runs are at an end of their range: sums that are near 2^130 - 5, and carries through all limbs. */
  const bytes = (minLength: number, maxLength: number): fc.Arbitrary<Uint8Array> =>
    fc
      .record({
        length: fc.integer({ min: minLength, max: maxLength }),
        kind: fc.constantFrom("any", "same", "runs"),
        fill: fc.constantFrom(0, 0xff, 0xfb, 0xfa, 0x80),
        seed: fc.infiniteStream(fc.integer({ min: 0, max: 255 })),
      })
      .map(({ length, kind, fill, seed }) => {
        const next = seed[Symbol.iterator]();
        const any = (): number => next.next().value ?? 0;
        return Uint8Array.from({ length }, (_none, at) => {
          if (kind === "any" || (kind === "runs" && (at >> 4) % 3 === 0)) return any();
          return fill;
        });
      });

  function expectSodiums(text: Uint8Array, cut: number, key: Uint8Array): void {
    const [mac, expected] = [new Uint8Array(16), new Uint8Array(16)];
    // Of an empty array there is no address.
    const memory = text.length === 0 ? new Uint8Array(1) : text;
    ours?.authenticate(ptr(mac), ptr(memory), text.length, cut, ptr(key));
    sodium?.crypto_onetimeauth_poly1305(ptr(expected), ptr(memory), text.length, ptr(key));
    expect(mac).toEqual(expected);
  }

  test("is what this processor makes", () => {
    expect(ours?.can()).toBe(1);
  });

  test("has libsodium's authenticator, of any text in any two parts", () => {
    const parts = fc.record({ text: bytes(0, 3000), key: bytes(32, 32), cut: fc.nat() });
    fc.assert(
      fc.property(parts, ({ text, key, cut }) => expectSodiums(text, cut % (text.length + 1), key)),
      { numRuns: 2000 },
    );
  });

  // As the vectors of RFC 8439, A.3: with a small factor the sum of some blocks of ones is just above that number, or just below.
  test("has libsodium's authenticator where the sum is near 2^130 - 5", () => {
    for (let factor = 1; factor <= 8; factor++)
      for (let blocks = 1; blocks <= 40; blocks++)
        for (const last of [0, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff]) {
          const text = new Uint8Array(16 * blocks).fill(0xff).fill(last, -16, -15);
          expectSodiums(text, 0, new Uint8Array(32).fill(factor, 0, 1).fill(0xff, 16));
        }
  });

  test("has libsodium's ciphertext, from any block on, also where it is put over the text from before", () => {
    const block = fc.oneof(fc.bigInt(0n, 2n ** 63n), fc.constantFrom(0n, 2n ** 32n - 3n, 2n ** 64n - 3n));
    const parts = fc.record({
      pieces: fc.integer({ min: 1, max: 5 }),
      before: fc.integer({ min: 0, max: 80 }),
      ...{ nonce: bytes(8, 8), key: bytes(32, 32), block, seed: bytes(64, 64) },
    });
    fc.assert(
      fc.property(parts, ({ pieces, before, nonce, key, block, seed }) => {
        const length = pieces * wideBytes;
        const text = Uint8Array.from({ length }, (_none, at) => (seed[at % 64] ?? 0) ^ (at >> 6));
        const expected = new Uint8Array(length);
        const how = [ptr(nonce), block, ptr(key)] as const;
        sodium?.crypto_stream_salsa20_xor_ic(ptr(expected), ptr(text), length, ...how);
        const memory = new Uint8Array(before + length);
        memory.set(text, before);
        ours?.cipher(ptr(memory), ptr(memory, before), length, ...how);
        expect(Buffer.compare(memory.subarray(0, length), expected)).toBe(0);
      }),
      { numRuns: 300 },
    );
  });
});
