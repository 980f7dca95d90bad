// What credit costs of the budget: what an upload has, and no more than a full chunk for each.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { limits } from "../../src/protocol/limits.ts";
import { CreditOffice } from "../../src/protocol/server/credit-office.ts";
import { Random } from "../simulation/random.ts";

const first = limits.firstGrantChunks;

/** Everything that `id` may send comes, and is stored. */
function useAll(office: CreditOffice, id: string, now: number): void {
  for (let left = office.heldBy(id); left > 0; left--) {
    office.use(id, now);
    office.stored(id);
  }
}

describe("what credit costs", () => {
  const MiB = 1024 * 1024;
  const chunkCost = 2 * MiB;

  function crowd(
    capacity: number,
    sizes: readonly number[],
  ): { office: CreditOffice; ids: readonly string[] } {
    const office = new CreditOffice({ capacity, chunkCost });
    const ids = sizes.map((size, at) => {
      const id = `user${at % 4}/${at}`;
      office.join(id, id.split("/")[0]!);
      office.announce(id, size);
      office.want(id, Math.ceil(size / chunkCost) + 1);
      return id;
    });
    return { office, ids };
  }

  test("is no more than the upload has: a thousand small ones have credit at once", () => {
    const { office, ids } = crowd(64 * MiB, Array(4000).fill(10_000));
    office.distribute(0);
    // Its chunk, and the empty one at the end.
    expect(ids.every((id) => office.heldBy(id) === 2)).toBe(true);
    expect(office.held).toBe(4000 * 10_000);
  });

  test("is that of full chunks where nobody says how much there is", () => {
    const office = new CreditOffice({ capacity: 64 * MiB, chunkCost });
    office.join("a/1", "a");
    office.want("a/1", 8);
    office.distribute(0);
    expect([office.heldBy("a/1"), office.held]).toEqual([first, first * chunkCost]);
  });

  test("is given back with what is stored", () => {
    const { office, ids } = crowd(64 * MiB, [10_000]);
    office.distribute(0);
    useAll(office, ids[0]!, 0);
    office.end(ids[0]!);
    expect(office.held).toBe(0);
  });

  test("is paid once: where its client sends shorter chunks it is given more before those are stored", () => {
    const { office, ids } = crowd(64 * MiB, [10_000, 10_000, 10_000, 10_000, 10_000]);
    for (const id of ids) office.want(id, 8);
    office.distribute(0);
    const [id] = ids;
    expect(office.heldBy(id!)).toBe(first);
    for (let n = 0; n < first; n += 1) office.use(id!, 1);
    expect(office.distribute(1).grants).toEqual([{ id: id!, amount: 8 - first }]);
    expect(office.heldByUser("user0")).toBe(2 * 10_000);
  });

  test("is given so also where the budget is used up", () => {
    const { office, ids } = crowd(chunkCost, [MiB, 2 * MiB, 2 * MiB]);
    const [id] = ids;
    office.want(id!, 8);
    office.distribute(0);
    for (let n = 0; n < first; n += 1) office.use(id!, 1);
    office.distribute(1);
    expect([office.heldBy(id!), office.heldByUser("user0")]).toEqual([8, MiB]);
  });

  test("lets a large upload have its turn beside small ones that come without end", () => {
    const { office } = crowd(4 * MiB, []);
    let count = 0;
    const small = () => {
      count += 1;
      const id = `small/${count}`;
      office.join(id, "small");
      office.announce(id, MiB);
      office.want(id, 1);
    };
    for (let n = 0; n < 20; n += 1) small();
    office.distribute(0);
    office.join("large/1", "large");
    office.announce("large/1", 2 ** 40);
    office.want("large/1", 8);
    let at = 1;
    for (; office.heldBy("large/1") === 0 && at < 100; at += 1) {
      small();
      const done = Array.from({ length: count }, (_, n) => `small/${n + 1}`).find((id) =>
        hasCredit(office, id),
      );
      if (done !== undefined) {
        useAll(office, done, at);
        office.end(done);
      }
      office.distribute(at);
    }
    expect(at).toBeLessThan(6);
  });

  test.each([1, 2, 3])("never is more than the budget, and nobody starves (%p)", (seed) => {
    const random = new Random(seed);
    const sizes = Array.from({ length: 200 }, () => Math.floor(random.magnitude(1, 64 * MiB)));
    const capacity = random.between(2, 40) * MiB + random.int(MiB);
    const { office, ids } = crowd(Math.max(capacity, chunkCost), sizes);
    const left = new Map(ids.map((id, at) => [id, Math.ceil(sizes[at]! / chunkCost) + 1]));
    for (let now = 0; left.size > 0; now += 50) {
      expect(now).toBeLessThan(3_600_000);
      office.distribute(now);
      expect(office.held).toBeLessThanOrEqual(office.capacity);
      for (const [id, count] of left) {
        const used = Math.min(count, office.heldBy(id), random.between(0, 3));
        for (let n = 0; n < used; n += 1) {
          office.use(id, now);
          office.stored(id);
        }
        left.set(id, count - used);
        if (count > used) continue;
        office.end(id);
        office.leave(id);
        left.delete(id);
      }
    }
    expect(office.held).toBe(0);
  });

  test("of chunks that are shorter is within the budget, and each of them has its turn, whoever else waits", () => {
    const lengths = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 30 });
    const uploads = fc.array(lengths, { minLength: 1, maxLength: 12 });
    const property = fc.property(uploads, fc.integer({ min: 1000, max: 20_000 }), (all, capacity) => {
      const office = new CreditOffice({ capacity, chunkCost: 1000 });
      const left = new Map<string, number[]>();
      const want = (id: string, rest: readonly number[]) => office.want(id, Math.min(8, rest.length));
      for (const [at, chunks] of all.entries()) {
        const id = `user${at % 3}/${at}`;
        const size = chunks.reduce((sum, it) => sum + it, 0);
        office.join(id, `user${at % 3}`);
        office.announce(id, size);
        // The last one is empty.
        left.set(id, [...chunks, 0]);
        want(id, left.get(id)!);
      }
      for (let now = 0; left.size > 0 && now < 100_000; now += 100) {
        office.distribute(now);
        if (office.held > capacity) return false;
        for (const [id, rest] of left) {
          const used = rest.splice(0, office.heldBy(id)).length;
          for (let n = 0; n < used; n += 1) office.use(id, now);
          want(id, rest);
          if (now % 300 === 0) office.distribute(now);
          if (office.held > capacity) return false;
          for (let n = 0; n < used; n += 1) office.stored(id);
          if (rest.length > 0) continue;
          office.end(id);
          office.leave(id);
          left.delete(id);
        }
      }
      return left.size === 0 && office.held === 0;
    });
    fc.assert(property, { numRuns: 300 });
  });

  test("a long line's part of a window counts beside what is kept short for urgent uploads", () => {
    const office = new CreditOffice({ capacity: 1000, mayHurry: () => true });
    office.join("a/1", "a");
    office.want("a/1", 100, 46);
    for (let now = 0; now < 20; now += 1) {
      office.distribute(now);
      useAll(office, "a/1", now);
    }
    office.distribute(20);
    expect(office.heldBy("a/1")).toBe(16 + 46);
  });
});

function hasCredit(office: CreditOffice, id: string): boolean {
  return office.heldBy(id) > 0;
}
