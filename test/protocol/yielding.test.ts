// Uploads that make way for a more urgent one: how much they have, when they rest, and when that is over.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { limits } from "../../src/protocol/limits.ts";
import { priorities } from "../../src/protocol/priority.ts";
import { CreditOffice } from "../../src/protocol/server/credit-office.ts";

function joinAs(office: CreditOffice, id: string, window = 8): void {
  office.join(id, id.split("/")[0]!);
  office.want(id, window);
}

function granted(office: CreditOffice, now: number): Readonly<Record<string, number>> {
  return Object.fromEntries(office.distribute(now).grants.map(({ id, amount }) => [id, amount]));
}

/** Everything that `id` may send comes, and is stored. */
function useAll(office: CreditOffice, id: string, now: number): void {
  for (let left = office.heldBy(id); left > 0; left--) {
    office.use(id, now);
    office.stored(id);
  }
}

/** An office in which the first ones have their whole windows, and then an urgent one comes. */
function urgentBeside(others: readonly string[], capacity = 100): CreditOffice {
  const office = new CreditOffice({ capacity });
  for (const id of others) joinAs(office, id);
  for (let round = 0; round < 6; round++) {
    for (const id of others) useAll(office, id, 0);
    office.distribute(0);
  }
  joinAs(office, "urgent/1");
  office.prioritise("urgent/1", "high");
  return office;
}

describe("beside a more urgent upload", () => {
  test("others get nothing before what they had is stored, and they had a rest", () => {
    const office = urgentBeside(["a/1", "b/1"]);
    expect(granted(office, 0)).toEqual({ "urgent/1": limits.firstGrantChunks });
    for (let chunk = 0; chunk < 7; chunk++) {
      office.use("a/1", 5);
      office.stored("a/1");
    }
    expect(granted(office, 5)).toEqual({});
    office.use("a/1", 10);
    office.stored("a/1");
    // As long as that took, five times: then there is a third of a chunk of both.
    expect(granted(office, 10)).toEqual({});
    expect(office.wakeAt).toBe(60);
    expect(granted(office, 59)).toEqual({});
    expect(granted(office, 60)).toEqual({ "a/1": 1 });
  });

  test("one chunk at a time is all that each has, or an eighth of a larger window", () => {
    const office = urgentBeside(["a/1"]);
    joinAs(office, "b/1", 64);
    for (let round = 0; round < 20; round++) {
      useAll(office, "a/1", round * 100);
      useAll(office, "b/1", round * 100);
      useAll(office, "urgent/1", round * 100);
      office.distribute(round * 100);
      expect(office.heldBy("a/1")).toBeLessThanOrEqual(round === 0 ? 8 : 1);
      expect(office.heldBy("b/1")).toBeLessThanOrEqual(8);
    }
    expect(office.heldBy("urgent/1")).toBe(8);
  });

  test("what is free goes to the urgent one first, where there is not enough for all", () => {
    const office = urgentBeside(["a/1"], 8);
    for (let chunk = 0; chunk < 3; chunk++) {
      office.use("a/1", 1);
      office.stored("a/1");
    }
    joinAs(office, "b/1");
    expect(granted(office, 1)).toEqual({ "urgent/1": 3 });
  });

  test("they have all that they had as soon as it ends, is as usual, or uses nothing for long", () => {
    for (const end of ["leave", "usual", "silence"] as const) {
      const office = urgentBeside(["a/1"]);
      office.distribute(0);
      useAll(office, "a/1", 10);
      expect(granted(office, 10)).toEqual({});
      if (end === "leave") office.leave("urgent/1");
      if (end === "usual") office.prioritise("urgent/1", "normal");
      const later = end === "silence" ? 2 * limits.reclaimAfterMs : 11;
      expect(granted(office, later)["a/1"]).toBe(end === "silence" ? 8 : 8);
    }
  });

  test("the urgent one's user makes way for it as well, and one that is low for all", () => {
    const office = urgentBeside(["urgent/2", "low/1"]);
    office.prioritise("low/1", "low");
    useAll(office, "urgent/2", 10);
    useAll(office, "low/1", 10);
    expect(granted(office, 10)).toEqual({ "urgent/1": limits.firstGrantChunks, "urgent/2": 1, "low/1": 1 });
  });
});

test("whatever happens, the budget holds, and all get on", () => {
  const events = fc.array(fc.tuple(fc.nat(5), fc.nat(3), fc.integer({ min: 0, max: 60 })), {
    minLength: 200,
    maxLength: 400,
  });
  fc.assert(
    fc.property(events, fc.integer({ min: 1, max: 30 }), (all, capacity) => {
      const office = new CreditOffice({ capacity });
      const ids = ["a/1", "a/2", "b/1", "c/1", "c/2", "d/1"];
      const stored = new Map(ids.map((id) => [id, 0]));
      for (const id of ids) joinAs(office, id);
      let now = 0;
      const turn = (): void => {
        office.distribute(now);
        expect(office.held).toBeLessThanOrEqual(capacity);
      };
      const use = (id: string): void => {
        stored.set(id, (stored.get(id) ?? 0) + office.heldBy(id));
        useAll(office, id, now);
      };
      for (const [index, what, ms] of all) {
        now += ms;
        const id = ids[index]!;
        if (what === 3) office.prioritise(id, priorities[ms % 3]!);
        else use(id);
        turn();
      }
      const before = new Map(stored);
      for (let round = 0; round < 400; round++) {
        now += 10;
        for (const id of ids) use(id);
        turn();
      }
      for (const id of ids) expect(stored.get(id)! - before.get(id)!).toBeGreaterThan(0);
    }),
    { numRuns: 30 },
  );
});
