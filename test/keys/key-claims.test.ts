// Whatever is done to the folder of authorised keys: what was there first stays, what is gone is gone, and what
// comes back within a moment never ended.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { foldName } from "../../src/base/file-name.ts";
import { type KeyClaim, KeyClaims, leavingMs } from "../../src/keys/key-claims.ts";

function claim(file: string, key: string, change: Partial<KeyClaim> = {}): KeyClaim {
  return { file, key, user: file, inode: `${file}/${key}`, madeAt: 0, expiresAt: null, ...change };
}

describe("files that are seen for the first time together", () => {
  test("count in the order in which they were made, not by name", () => {
    const claims = new KeyClaims();
    const { refused } = claims.update(
      [claim("a", "k", { madeAt: 2 }), claim("b", "k", { madeAt: 1 }), claim("B", "l", { madeAt: 3 })],
      0,
    );
    expect(claims.granted().map(({ file }) => file)).toEqual(["b"]);
    expect(refused.map(({ claim, reason }) => `${claim.file}: ${reason}`)).toEqual([
      "a: its key is in b already, as that of the user b",
      "B: its user B differs from b of b only in case or Unicode form",
    ]);
  });
});

test("a file that is renamed takes its key with it at once; its uploads under the old user have their moment", () => {
  const claims = new KeyClaims();
  claims.update([claim("a", "k", { inode: "1" })], 0);
  const { added, removed } = claims.update([claim("b", "k", { inode: "1" })], 1);
  expect([added.map(({ user }) => user), removed.map(({ user }) => user)]).toEqual([["b"], ["a"]]);
  expect([claims.isOf("k", "a"), claims.isOf("k", "b"), claims.isLeaving("k")]).toEqual([true, true, false]);
  const { ended } = claims.update([claim("b", "k", { inode: "1" })], 1 + leavingMs);
  expect(ended.map(({ user }) => user)).toEqual(["a"]);
});

test("a file whose user waits for an older one of another spelling gets it when that is gone for good", () => {
  const claims = new KeyClaims();
  claims.update([claim("lab1", "k")], 0);
  claims.update([claim("lab1", "k"), claim("LAB1", "l")], 1);
  claims.update([claim("LAB1", "l")], 2);
  expect(claims.granted()).toEqual([]);
  claims.update([claim("lab1", "k"), claim("LAB1", "l")], 3);
  expect(claims.granted().map(({ file }) => file)).toEqual(["lab1"]);
  claims.update([claim("LAB1", "l")], 4);
  claims.update([claim("LAB1", "l")], 4 + leavingMs);
  expect(claims.granted().map(({ file }) => file)).toEqual(["LAB1"]);
});

const files = ["a", "A", "b", "c"];
const keys = ["k", "l", "m"];
const step = fc.record({
  /** What each file holds now: a key, or nothing. */
  lie: fc.array(fc.option(fc.constantFrom(...keys), { nil: null }), { minLength: 4, maxLength: 4 }),
  waitMs: fc.constantFrom(1, leavingMs / 2, leavingMs),
});

test("holds for every history of a folder", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      const claims = new KeyClaims();
      let now = 0;
      let before: readonly KeyClaim[] = [];
      for (const { lie, waitMs } of steps) {
        now += waitMs;
        const there = files.flatMap((file, index) => {
          const key = lie[index] ?? null;
          return key === null ? [] : [claim(file, key)];
        });
        claims.update(there, now);
        const granted = claims.granted();
        // One holder for each key, one spelling for each user, and nothing that does not lie there.
        expect(new Set(granted.map(({ key }) => key)).size).toBe(granted.length);
        expect(new Set(granted.map(({ user }) => foldName(user))).size).toBe(granted.length);
        for (const held of granted) expect(there).toContainEqual(held);
        for (const held of before) {
          const stays = there.some(({ file, key }) => file === held.file && key === held.key);
          // What was there first stays; what vanished goes on for its moment, and nobody else has its key meanwhile.
          if (stays) expect(granted).toContainEqual(held);
          expect(claims.isOf(held.key, held.user)).toBe(true);
          const holder = claims.holder(held.key);
          if (!stays) expect([null, held.file]).toContain(holder?.file ?? null);
        }
        before = granted;
      }
      // In the end everything is settled: each key that lies somewhere has a holder, unless its user has another one.
      const last = files.flatMap((file, index) => {
        const key = steps.at(-1)?.lie[index] ?? null;
        return key === null ? [] : [claim(file, key)];
      });
      claims.update(last, now + leavingMs);
      const { refused } = claims.update(last, now + 2 * leavingMs);
      expect(claims.granted().length + refused.length).toBe(last.length);
      expect(claims.nextEnd).toBeNull();
    }),
  );
});
