// SHA-256 by the system's library: the same as the runtime's, and with a state that any process can take up.

import { beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import fc from "fast-check";
import { type Libcrypto, libraryName, makerBy } from "../../src/storage/sha256/libcrypto.ts";
import { openSha256 } from "../../src/storage/sha256/open-sha256.ts";
import {
  lengthOfState,
  plainSha256,
  type Sha256,
  type Sha256Maker,
  stateBytes,
} from "../../src/storage/sha256/sha256.ts";

const hasLibrary = ["/usr/lib", "/lib", "/usr/lib64", "/lib64"].some((folder) =>
  [`${process.arch === "x64" ? "x86_64" : "aarch64"}-linux-gnu/`, ""].some((inner) =>
    existsSync(`${folder}/${inner}${libraryName}`),
  ),
);

let sha256: Sha256Maker = plainSha256;
beforeAll(async () => {
  sha256 = await openSha256();
});

const expected = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");
const hexOf = (hash: Sha256): string => hash.digest().toString("hex");

describe.skipIf(!hasLibrary)(`the system's (${hasLibrary ? libraryName : `no ${libraryName}`})`, () => {
  test("is the runtime's, and goes on from its state after any number of bytes", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 12 }),
        fc.nat(12),
        (pieces, at) => {
          let hash = sha256.create();
          for (const [index, piece] of pieces.entries()) {
            if (index === at) {
              const state = hash.save() as Uint8Array;
              expect(state).toHaveLength(stateBytes);
              expect(lengthOfState(state)).toBe(Buffer.concat(pieces.slice(0, at)).length);
              // It is in other memory, at another place in it.
              const copy = Buffer.concat([Buffer.alloc(3), state]).subarray(3);
              hash = sha256.load(copy) as Sha256;
              expect(hash.save()).toEqual(state);
            }
            hash.update(piece);
          }
          expect(hexOf(hash)).toBe(expected(Buffer.concat(pieces)));
        },
      ),
      { numRuns: 500 },
    );
  });

  test("has the state that the standard says", () => {
    const hash = sha256.create();
    const initial = "6a09e667bb67ae853c6ef372a54ff53a510e527f9b05688c1f83d9ab5be0cd19";
    expect(Buffer.from(hash.save() as Uint8Array).toString("hex")).toBe(initial + "00".repeat(72));
    hash.update(Buffer.from("abc"));
    const state = `${initial}0000000000000003${"616263".padEnd(128, "0")}`;
    expect(Buffer.from(hash.save() as Uint8Array).toString("hex")).toBe(state);
    expect(hexOf(hash)).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  });

  // Lengths in bits need both words from 512 MiB on.
  test("counts more bytes than a word holds", () => {
    const state = sha256.create().save() as Uint8Array;
    for (const length of [2 ** 29 - 64, 2 ** 29, 2 ** 40 + 64, 2 ** 46]) {
      new DataView(state.buffer).setBigUint64(32, BigInt(length));
      const hash = sha256.load(state) as Sha256;
      hash.update(new Uint8Array(64));
      expect(lengthOfState(hash.save() as Uint8Array)).toBe(length + 64);
      const again = sha256.load(hash.save() as Uint8Array) as Sha256;
      expect(hexOf(again)).toBe(hexOf(hash));
    }
  });

  test("takes up nothing that is no state", () => {
    const hash = sha256.create();
    hash.update(Buffer.from("abc"));
    const state = hash.save() as Uint8Array;
    expect(sha256.load(state.subarray(1))).toBeNull();
    expect(sha256.load(Buffer.concat([state, state]))).toBeNull();
    expect(sha256.load(state.with(stateBytes - 1, 1))).toBeNull();
    expect(sha256.load(state.with(32, 0xff))).toBeNull();
    expect(sha256.load(state)).not.toBeNull();
  });
});

test("the runtime's has no state that could be had", () => {
  const hash = plainSha256.create();
  hash.update(Buffer.from("abc"));
  expect(hash.save()).toBeNull();
  expect(hexOf(hash)).toBe(expected(Buffer.from("abc")));
  expect(plainSha256.load(new Uint8Array(stateBytes))).toBeNull();
});

describe("a library whose functions are others is not used", () => {
  const right = (): Libcrypto => {
    const words = new Map<Uint8Array, ReturnType<typeof createHash>>();
    return {
      SHA256_Init: (context) => {
        words.set(context, createHash("sha256"));
        return 1;
      },
      SHA256_Update: (context, data, length) => {
        words.get(context)?.update(data.subarray(0, length));
        return 1;
      },
      SHA256_Final: (digest, context) => {
        digest.set(words.get(context)?.digest() as Buffer);
        return 1;
      },
    };
  };

  test.each([
    ["keeps its state elsewhere", right()],
    ["says that it failed", { ...right(), SHA256_Init: () => 0 }],
    ["does nothing", { SHA256_Init: () => 1, SHA256_Update: () => 1, SHA256_Final: () => 1 }],
  ])("one that %s", (_what, library) => {
    expect(makerBy(library)).toBe(plainSha256);
  });
});
