// The ledger: never above its capacity, in turn, in batches, and nobody starves.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { CreditLedger } from "../../src/protocol/credit-ledger.ts";

function ledgerOf(capacity: number, windows: Readonly<Record<string, number>>): CreditLedger {
  const ledger = new CreditLedger({ capacity });
  for (const [id, window] of Object.entries(windows)) {
    ledger.join(id);
    ledger.want(id, window);
  }
  return ledger;
}

test("one upload gets its window", () => {
  expect(ledgerOf(100, { a: 64 }).distribute()).toEqual([{ id: "a", amount: 64 }]);
});

test("an upload is topped up when half of its share is back, in one grant", () => {
  const ledger = ledgerOf(100, { a: 64 });
  ledger.distribute();
  ledger.release("a", 31);
  expect(ledger.distribute()).toEqual([]);
  ledger.release("a", 1);
  expect(ledger.distribute()).toEqual([{ id: "a", amount: 32 }]);
});

test("small windows are filled, and large ones share what is left", () => {
  const ledger = ledgerOf(100, { small: 10, large: 64, huge: 200 });
  expect(ledger.distribute()).toEqual([
    { id: "small", amount: 10 },
    { id: "large", amount: 45 },
    { id: "huge", amount: 45 },
  ]);
});

test("more uploads than capacity have one chunk each, in turn", () => {
  const ledger = ledgerOf(2, { a: 8, b: 8, c: 8 });
  expect(ledger.distribute()).toEqual([
    { id: "a", amount: 1 },
    { id: "b", amount: 1 },
  ]);
  expect(ledger.isStarving()).toBe(true);
  ledger.release("a", 1);
  expect(ledger.distribute()).toEqual([{ id: "c", amount: 1 }]);
  ledger.release("c", 1);
  expect(ledger.distribute()).toEqual([{ id: "a", amount: 1 }]);
});

test("who joins later gets a share of what comes back", () => {
  const ledger = ledgerOf(10, { a: 10 });
  ledger.distribute();
  ledger.join("b");
  ledger.want("b", 10);
  expect(ledger.distribute()).toEqual([]);
  expect(ledger.isStarving()).toBe(true);
  ledger.release("a", 6);
  expect(ledger.distribute()).toEqual([{ id: "b", amount: 5 }]);
});

test("what an upload held is free when it leaves, and its place in the queue with it", () => {
  const ledger = ledgerOf(4, { a: 4, b: 4 });
  ledger.distribute();
  ledger.leave("a");
  expect(ledger.held).toBe(2);
  expect(ledger.heldBy("a")).toBe(0);
  ledger.release("b", 2);
  expect(ledger.distribute()).toEqual([{ id: "b", amount: 4 }]);
  ledger.leave("nobody");
});

test("an upload that wants nothing gets nothing, and keeps what it holds", () => {
  const ledger = ledgerOf(4, { a: 4 });
  ledger.distribute();
  ledger.want("a", 0);
  ledger.release("a", 3);
  expect(ledger.distribute()).toEqual([]);
  expect(ledger.heldBy("a")).toBe(1);
});

describe("our own faults", () => {
  test.each<[string, (ledger: CreditLedger) => void]>([
    ["releasing more than is held", (ledger) => ledger.release("a", 5)],
    ["joining twice", (ledger) => ledger.join("a")],
    ["wanting without having joined", (ledger) => ledger.want("b", 1)],
    ["a window that is no number of chunks", (ledger) => ledger.want("a", -1)],
  ])("%s", (_, act) => {
    const ledger = ledgerOf(4, { a: 4 });
    ledger.distribute();
    expect(() => act(ledger)).toThrow("Internal error");
  });
});

const operation = fc.record({
  kind: fc.constantFrom("join", "leave", "want", "release", "distribute"),
  id: fc.constantFrom("a", "b", "c", "d", "e", "f"),
  amount: fc.nat({ max: 12 }),
});

test("no sequence of calls takes more than the capacity, or gives more than a window", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 20 }),
      fc.array(operation, { maxLength: 80 }),
      (capacity, operations) => {
        const ledger = new CreditLedger({ capacity });
        const windows = new Map<string, number>();
        for (const { kind, id, amount } of operations) {
          const joined = windows.has(id);
          if (kind === "join" && !joined) {
            ledger.join(id);
            windows.set(id, 0);
          } else if (kind === "leave") {
            ledger.leave(id);
            windows.delete(id);
          } else if (kind === "want" && joined) {
            ledger.want(id, amount);
            windows.set(id, amount);
          } else if (kind === "release" && joined) {
            ledger.release(id, Math.min(amount, ledger.heldBy(id)));
          } else if (kind === "distribute") {
            for (const grant of ledger.distribute()) {
              expect(grant.amount).toBeGreaterThan(0);
              expect(ledger.heldBy(grant.id)).toBeLessThanOrEqual(windows.get(grant.id) ?? 0);
            }
          }
          expect(ledger.held).toBeLessThanOrEqual(capacity);
          expect(ledger.held).toBe([...windows.keys()].reduce((sum, one) => sum + ledger.heldBy(one), 0));
        }
      },
    ),
    { numRuns: 1000 },
  );
});

test("whoever wants credit gets some, as long as held credit comes back in any order", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 12 }),
      fc.infiniteStream(fc.nat()),
      (capacity, windows, choices) => {
        const ids = windows.map((_, index) => `u${index}`);
        const ledger = ledgerOf(
          capacity,
          Object.fromEntries(ids.map((id, index) => [id, windows[index] ?? 1])),
        );
        const served = new Set<string>();
        for (let turn = 0; turn < 4 * windows.reduce((sum, window) => sum + window, 0) + 50; turn += 1) {
          for (const { id } of ledger.distribute()) served.add(id);
          const holders = ids.filter((id) => ledger.heldBy(id) > 0);
          const holder = holders[(choices.next().value ?? 0) % Math.max(1, holders.length)];
          if (holder !== undefined) ledger.release(holder, 1);
        }
        expect([...served].toSorted()).toEqual(ids.toSorted());
      },
    ),
    { numRuns: 300 },
  );
});
