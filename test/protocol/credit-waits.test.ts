// What an upload without credit is told: what it waits for, and behind how many others.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { CreditOffice } from "../../src/protocol/server/credit-office.ts";
import { withWait } from "../../src/protocol/server/told-waits.ts";
import { type Wait, waitCauses } from "../../src/protocol/wait.ts";

function officeOf(capacity: number, ids: readonly string[], window = 8): CreditOffice {
  const office = new CreditOffice({ capacity });
  for (const id of ids) join(office, id, window);
  return office;
}

function join(office: CreditOffice, id: string, window = 8): void {
  office.join(id, id.split("/")[0]!);
  office.want(id, window);
}

describe("an upload", () => {
  test("that has credit, or wants none, waits for nothing", () => {
    const office = officeOf(10, ["a/1"]);
    office.distribute(0);
    expect(office.waitOf("a/1")).toBeNull();
    join(office, "b/1", 0);
    expect(office.waitOf("b/1")).toBeNull();
  });

  test("waits for the disk when all that it may send has come", () => {
    const office = officeOf(10, ["a/1"]);
    office.distribute(0);
    for (let left = office.heldBy("a/1"); left > 0; left--) office.use("a/1", 0);
    expect(office.waitOf("a/1")).toEqual({ cause: "disk" });
  });

  test("waits for memory where others have all of it, behind those whose turn is before it", () => {
    const office = officeOf(3, ["hog/1"]);
    office.distribute(0);
    for (const id of ["a/1", "a/2", "b/1", "c/1"]) join(office, id);
    office.distribute(0);
    expect(["a/1", "b/1", "a/2"].map((id) => office.waitOf(id)?.cause)).toEqual([
      "memory",
      "memory",
      "memory",
    ]);
    expect(["a/1", "a/2"].map((id) => office.waitOf(id)?.ahead)).toEqual([0, 3]);
  });

  test("waits for the other uploads of its user where these have what the user may have", () => {
    const office = officeOf(8, ["a/1", "a/2", "b/1"], 8);
    for (let round = 0; round < 8; round++) {
      office.distribute(0);
      for (const id of ["a/1", "a/2", "b/1"])
        for (let left = office.heldBy(id); left > 0; left--) {
          office.use(id, 0);
          office.stored(id);
        }
    }
    office.distribute(0);
    join(office, "a/3");
    office.distribute(0);
    expect(office.waitOf("a/3")).toEqual({ cause: "own", ahead: expect.any(Number) });
  });

  test("waits for a more urgent one", () => {
    const office = officeOf(3, ["a/1"]);
    office.distribute(0);
    for (let left = office.heldBy("a/1"); left > 0; left--) office.use("a/1", 0);
    join(office, "urgent/1");
    office.prioritise("urgent/1", "high");
    office.distribute(0);
    expect(office.waitOf("a/1")).toEqual({ cause: "urgent" });
    office.leave("urgent/1");
    office.distribute(20);
    expect(office.waitOf("a/1")).toEqual({ cause: "disk" });
  });

  test("is given some when all that were ahead of it were, one after the other", () => {
    const users = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(users, (uploads) => {
        const office = officeOf(uploads.length * 6 + 6, ["hog/1"], 100);
        // All that there is, though one chunk at a time.
        for (let round = 0; round < 40; round++) {
          office.distribute(0);
          for (let left = office.heldBy("hog/1"); left > 0; left--) {
            office.use("hog/1", 0);
            office.stored("hog/1");
          }
        }
        office.distribute(0);
        const waiting = uploads.flatMap((count, user) =>
          Array.from({ length: count }, (_, upload) => `user${user}/${upload}`),
        );
        for (const id of waiting) join(office, id, 1);
        office.distribute(0);
        const places = new Map(waiting.map((id) => [id, office.waitOf(id)?.ahead]));
        const served: string[] = [];
        for (let turn = 0; turn < 2 * waiting.length && office.heldBy("hog/1") > 0; turn++) {
          office.use("hog/1", 0);
          office.stored("hog/1");
          const given = office.distribute(0).grants.filter(({ id }) => id !== "hog/1");
          served.push(...given.map(({ id }) => id));
          // It is short: its place is free again.
          for (const { id } of given) office.leave(id);
        }
        expect(served).toHaveLength(waiting.length);
        expect(served.map((id) => places.get(id))).toEqual(served.map((_, place) => place));
      }),
      { numRuns: 50 },
    );
  });

  test("costs little to be told, also where a thousand wait", () => {
    const ids = Array.from({ length: 1000 }, (_, index) => `user${index % 100}/${index}`);
    const office = officeOf(4, ids);
    office.distribute(0);
    for (const id of ids) expect(office.waitOf(id)?.ahead ?? 0).toBeLessThan(1000);
  });
});

describe("what is told", () => {
  const wait: Wait = { cause: "memory", ahead: 12 };
  const told = { info: { waits: "memory", ahead: 12 } } as const;

  test("stands beside what gives no credit and answers, and nowhere else", () => {
    const find = () => wait;
    expect(withWait({ type: "transfer-credit", amount: 0 }, find)).toMatchObject(told);
    expect(withWait({ type: "status-report", seek: 1, credit: 0, tag: 2 }, find)).toMatchObject(told);
    for (const message of [
      { type: "transfer-credit", amount: 1 },
      { type: "status-report", seek: 1, credit: 1, tag: 2 },
      { type: "status-report", seek: 1, credit: 0 },
      { type: "upload-finished", uploadId: "u" },
    ] as const)
      expect(withWait(message, () => expect.unreachable("nobody asks what it waits for"))).toBe(message);
  });

  test("leaves what else is said", () => {
    const report = { type: "status-report", seek: 8, credit: 0, tag: 2, info: { stored: 4 } } as const;
    expect(withWait(report, () => wait)).toEqual({ ...report, info: { stored: 4, ...told.info } });
  });

  test("is nothing where nothing is short, and a short frame where something is", () => {
    const poke = { type: "transfer-credit", amount: 0 } as const;
    expect(withWait(poke, () => null)).toBe(poke);
    for (const cause of waitCauses)
      expect(JSON.stringify(withWait(poke, () => ({ cause, ahead: 999_999 }))).length).toBeLessThan(120);
  });
});
