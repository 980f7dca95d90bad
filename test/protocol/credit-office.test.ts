// The credit office: never above its capacity, fair by user, quick with those who use credit, and nobody starves.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { limits } from "../../src/protocol/limits.ts";
import { CreditOffice } from "../../src/protocol/server/credit-office.ts";
import { jainIndex } from "../simulation/jain-index.ts";
import { Random } from "../simulation/random.ts";

const first = limits.firstGrantChunks;
const stale = limits.reclaimAfterMs;

/** Uploads named USER/NUMBER that want `window` chunks each. */
function officeOf(capacity: number, windows: Readonly<Record<string, number>>): CreditOffice {
  const office = new CreditOffice({ capacity });
  for (const [id, window] of Object.entries(windows)) joinAs(office, id, window);
  return office;
}

function joinAs(office: CreditOffice, id: string, window: number): void {
  office.join(id, id.split("/")[0]!);
  office.want(id, window);
}

function granted(office: CreditOffice, now = 0): Readonly<Record<string, number>> {
  return Object.fromEntries(office.distribute(now).grants.map(({ id, amount }) => [id, amount]));
}

/** Everything that `id` may send comes, and is stored. */
function useAll(office: CreditOffice, id: string, now: number): void {
  for (let left = office.heldBy(id); left > 0; left--) {
    office.use(id, now);
    office.stored(id);
  }
}

/** Uses credit until the upload has all it wants. */
function warmUp(office: CreditOffice, id: string, now = 0): void {
  for (let round = 0; round < 6; round++) {
    useAll(office, id, now);
    office.distribute(now);
  }
}

describe("one upload alone", () => {
  test("begins with two chunks and the last one, and has its window as soon as it used them", () => {
    const office = officeOf(100, { "a/1": 8 });
    expect(granted(office)).toEqual({ "a/1": first });
    office.use("a/1", 5);
    expect(granted(office, 5)).toEqual({ "a/1": 3 });
    office.use("a/1", 6);
    office.stored("a/1");
    office.stored("a/1");
    expect(granted(office, 6)).toEqual({ "a/1": 4 });
    expect(office.heldBy("a/1")).toBe(8);
  });

  test("is topped up when half of its window is back, in one grant", () => {
    const office = officeOf(100, { "a/1": 64 });
    office.distribute(0);
    warmUp(office, "a/1");
    expect(office.heldBy("a/1")).toBe(64);
    for (let chunk = 0; chunk < 31; chunk++) {
      office.use("a/1", 1);
      office.stored("a/1");
    }
    expect(granted(office)).toEqual({});
    office.use("a/1", 1);
    office.stored("a/1");
    expect(granted(office)).toEqual({ "a/1": 32 });
  });

  test("runs low when what is left to it is no more than half of its window, whatever waits to be stored", () => {
    const office = officeOf(100, { "a/1": 8 });
    expect(office.isRunningLow("a/1")).toBe(true);
    office.distribute(0);
    warmUp(office, "a/1");
    for (let chunk = 0; chunk < 3; chunk++) office.use("a/1", 1);
    expect(office.isRunningLow("a/1")).toBe(false);
    office.use("a/1", 1);
    expect(office.isRunningLow("a/1")).toBe(true);
    // It gets more when that is stored, and not before.
    expect(granted(office)).toEqual({});
    for (let chunk = 0; chunk < 4; chunk++) office.stored("a/1");
    expect(granted(office)).toEqual({ "a/1": 4 });
  });

  test("keeps what it does not use as long as nobody waits", () => {
    const office = officeOf(8, { "a/1": 8 });
    office.distribute(0);
    warmUp(office, "a/1");
    expect(office.distribute(10 * stale).reclaims).toEqual([]);
    expect(office.wakeAt).toBeNull();
  });

  test("that lets its credit lie for long begins anew", () => {
    const office = officeOf(100, { "a/1": 8 });
    office.distribute(0);
    warmUp(office, "a/1");
    office.use("a/1", 10 * stale);
    for (let chunk = 1; chunk < 8; chunk++) office.use("a/1", 10 * stale);
    for (let chunk = 0; chunk < 8; chunk++) office.stored("a/1");
    expect(granted(office, 10 * stale)).toEqual({ "a/1": 8 });
    office.use("a/1", 20 * stale);
    expect(granted(office, 20 * stale)).toEqual({});
  });
});

describe("users", () => {
  test("who are many have the same, whatever number of uploads each has", () => {
    const windows: Record<string, number> = { "a/1": 8 };
    for (let upload = 1; upload <= 50; upload++) windows[`b/${upload}`] = 8;
    const office = officeOf(16, windows);
    const ids = Object.keys(windows);
    for (let round = 0; round < 50; round++) {
      office.distribute(round);
      for (const id of ids) useAll(office, id, round);
    }
    office.distribute(50);
    expect([office.heldByUser("a"), office.heldByUser("b")]).toEqual([8, 8]);
  });

  test("who begin to use credit get theirs from what comes back, before one who has too much", () => {
    const office = officeOf(16, { "a/1": 16 });
    office.distribute(0);
    warmUp(office, "a/1");
    expect(office.heldByUser("a")).toBe(16);
    joinAs(office, "b/1", 8);
    expect(granted(office)).toEqual({});
    for (let chunk = 0; chunk < 2; chunk++) {
      office.use("a/1", 1);
      office.stored("a/1");
    }
    expect(granted(office, 1)).toEqual({ "b/1": 2 });
  });

  test("with a thousand silent uploads keep nobody from beginning at once", () => {
    const office = new CreditOffice({ capacity: 32 });
    for (let upload = 0; upload < 1000; upload++) joinAs(office, `a/${upload}`, 8);
    office.distribute(0);
    expect(office.heldByUser("a")).toBeLessThanOrEqual(8);
    joinAs(office, "b/1", 8);
    expect(granted(office, 1)).toEqual({ "b/1": first });
    warmUp(office, "b/1", 2);
    expect(office.heldByUser("b")).toBe(8);
  });

  test("who fell silent with all the credit give it up as soon as another waits", () => {
    const office = officeOf(32, { "a/1": 8, "a/2": 8, "a/3": 8, "a/4": 8 });
    office.distribute(0);
    for (const id of ["a/1", "a/2", "a/3", "a/4"]) warmUp(office, id);
    expect(office.held).toBe(32);
    joinAs(office, "b/1", 8);
    const early = office.distribute(stale / 2);
    expect(early).toEqual({ grants: [], reclaims: [] });
    expect(office.wakeAt).toBe(stale);
    const { reclaims } = office.distribute(stale);
    expect(reclaims).toEqual(["a/1"]);
    office.want("a/1", 0);
    office.giveBack("a/1", 8);
    expect(granted(office, stale)).toEqual({ "b/1": first });
  });
});

describe("credit that lies unused", () => {
  test("is taken from one who has too much also for one who got a part of what it may have", () => {
    const office = officeOf(37, { "a/1": 8, "a/2": 8, "a/3": 8, "a/4": 8 });
    office.distribute(0);
    for (const id of ["a/1", "a/2", "a/3", "a/4"]) warmUp(office, id);
    joinAs(office, "b/1", 8);
    for (let now = 2 * stale; now < 2 * stale + 200; now += 20) {
      useAll(office, "b/1", now);
      for (const id of office.distribute(now).reclaims) {
        office.want(id, 0);
        office.giveBack(id, 8);
      }
      office.distribute(now);
    }
    expect(office.heldBy("b/1")).toBe(8);
  });

  test("goes to another upload of the same user that has none", () => {
    const office = officeOf(100, { "a/1": 8 });
    for (let upload = 2; upload <= 30; upload++) joinAs(office, `a/${upload}`, 8);
    office.distribute(0);
    const waiting = Array.from({ length: 30 }, (_, n) => `a/${n + 1}`).filter(
      (id) => office.heldBy(id) === 0,
    );
    expect(waiting.length).toBeGreaterThan(0);
    const { reclaims } = office.distribute(stale);
    expect(reclaims.length).toBeGreaterThan(0);
    for (const id of reclaims) office.giveBack(id, office.heldBy(id));
    const [served] = office.distribute(stale).grants;
    expect(waiting).toContain(served?.id ?? "");
  });

  test("is left to a slow line once a chunk came too late", () => {
    const office = officeOf(3, { "a/1": 3, "b/1": 3 });
    expect(granted(office)).toEqual({ "a/1": 2, "b/1": 1 });
    office.join("c/1", "c");
    office.want("c/1", 3);
    expect(office.distribute(stale).reclaims).toEqual(["a/1"]);
    office.want("a/1", 0);
    office.giveBack("a/1", 2);
    office.distribute(stale);
    office.late("a/1", 3 * stale);
    for (const id of ["b/1", "c/1"]) office.leave(id);
    office.want("a/1", 3);
    expect(granted(office, 3 * stale)).toEqual({ "a/1": 3 });
    joinAs(office, "d/1", 3);
    expect(office.distribute(8 * stale).reclaims).toEqual([]);
    expect(office.distribute(9 * stale).reclaims).toEqual(["a/1"]);
  });
});

test("what an upload held is free when it leaves, and its place with it", () => {
  const office = officeOf(4, { "a/1": 4, "b/1": 4 });
  office.distribute(0);
  office.leave("a/1");
  expect(office.heldBy("a/1")).toBe(0);
  expect(office.held).toBe(office.heldBy("b/1"));
  office.leave("nobody");
});

test("what is being stored stays in the account of an upload that ended", () => {
  const office = officeOf(4, { "a/1": 4 });
  office.distribute(0);
  office.use("a/1", 1);
  office.end("a/1");
  expect(office.held).toBe(1);
  expect(granted(office, 1)).toEqual({});
  office.leave("a/1");
  expect(office.held).toBe(0);
});

test("bytes that were lost put the credit for them back into the client's hands", () => {
  const office = officeOf(8, { "a/1": 3 });
  office.distribute(0);
  office.use("a/1", 1);
  office.undo("a/1", 2);
  expect(office.heldBy("a/1")).toBe(3);
  for (let chunk = 0; chunk < 3; chunk++) office.use("a/1", 3);
});

describe("our own faults", () => {
  test.each<[string, (office: CreditOffice) => void]>([
    ["giving back more than is unused", (office) => office.giveBack("a/1", 5)],
    ["using what was not granted", (office) => useAll(office, "a/1", office.heldBy("a/1") + 1)],
    ["storing what did not come", (office) => office.stored("a/1")],
    ["joining twice", (office) => office.join("a/1", "a")],
    ["wanting without having joined", (office) => office.want("b/1", 1)],
    ["a window that is no number of chunks", (office) => office.want("a/1", -1)],
  ])("%s", (_, act) => {
    const office = officeOf(4, { "a/1": 4 });
    office.distribute(0);
    const misuse = (): void => {
      act(office);
      for (let chunk = 0; chunk < 9; chunk++) office.use("a/1", 0);
    };
    expect(misuse).toThrow("Internal error");
  });
});

const operation = fc.record({
  kind: fc.constantFrom(
    ...(["join", "leave", "end", "want", "use", "stored", "undo", "late", "give-back", "turn"] as const),
  ),
  upload: fc.constantFrom("a/1", "a/2", "a/3", "b/1", "b/2", "c/1"),
  amount: fc.nat({ max: 12 }),
  ms: fc.constantFrom(0, 1, 300, 1500),
});

test("no sequence of calls takes more than the capacity, or gives more than a window", () => {
  const operations = fc.array(operation, { maxLength: 120 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), operations, (capacity, calls) => {
      const office = new CreditOffice({ capacity });
      const known = new Map<string, { window: number; unstored: number }>();
      let now = 0;
      for (const { kind, upload, amount, ms } of calls) {
        now += ms;
        const one = known.get(upload);
        const unused = office.heldBy(upload) - (one?.unstored ?? 0);
        if (kind === "join" && one === undefined) {
          office.join(upload, upload[0]!);
          known.set(upload, { window: 0, unstored: 0 });
        } else if (kind === "leave") {
          office.leave(upload);
          known.delete(upload);
        } else if (kind === "turn") {
          const { grants, reclaims } = office.distribute(now);
          for (const grant of grants) {
            expect(grant.amount).toBeGreaterThan(0);
            expect(office.heldBy(grant.id)).toBeLessThanOrEqual(known.get(grant.id)?.window ?? 0);
          }
          for (const id of reclaims) office.giveBack(id, office.heldBy(id) - (known.get(id)?.unstored ?? 0));
        } else if (one !== undefined) {
          if (kind === "end") one.window = 0;
          if (kind === "end") office.end(upload);
          if (kind === "want") one.window = amount;
          if (kind === "want") office.want(upload, amount);
          if (kind === "use" && unused > 0) one.unstored += 1;
          if (kind === "use" && unused > 0) office.use(upload, now);
          if (kind === "stored" && one.unstored > 0) {
            one.unstored -= 1;
            office.stored(upload);
          }
          if (kind === "undo") one.unstored = 0;
          if (kind === "undo") office.undo(upload, now);
          if (kind === "late") office.late(upload, now);
          if (kind === "give-back") office.giveBack(upload, Math.min(amount, unused));
        }
        expect(office.held).toBeLessThanOrEqual(capacity);
        expect(office.held).toBe([...known.keys()].reduce((sum, id) => sum + office.heldBy(id), 0));
        for (const user of "abc") {
          const own = [...known.keys()].filter((id) => id.startsWith(user));
          expect(office.heldByUser(user)).toBe(own.reduce((sum, id) => sum + office.heldBy(id), 0));
        }
      }
    }),
    { numRuns: 1000 },
  );
});

test("whoever wants credit gets some, whichever uploads use theirs and which do not", () => {
  const users = fc.array(fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 8 }), {
    minLength: 1,
    maxLength: 5,
  });
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 12 }),
      users,
      fc.nat(),
      fc.nat(),
      (capacity, windows, silent, seed) => {
        const random = new Random(seed);
        const uploads = windows.flatMap((own, user) =>
          own.map((window, n) => ({ id: `${user}/${n}`, window })),
        );
        const office = new CreditOffice({ capacity });
        for (const { id, window } of uploads) joinAs(office, id, window);
        const served = new Set<string>();
        let now = 0;
        for (let turn = 0; turn < 200 + 30 * uploads.length; turn++) {
          now += 100;
          const { grants, reclaims } = office.distribute(now);
          for (const { id } of grants) served.add(id);
          for (const id of reclaims) office.giveBack(id, office.heldBy(id));
          // Some never send; of the others one sends what it may.
          const senders = uploads.filter(
            ({ id }, index) => (silent >> (index % 20)) % 2 === 0 && office.heldBy(id) > 0,
          );
          const sender = senders[random.int(Math.max(1, senders.length))];
          if (sender !== undefined) useAll(office, sender.id, now);
        }
        expect([...served].toSorted()).toEqual(uploads.map(({ id }) => id).toSorted());
      },
    ),
    { numRuns: 300 },
  );
});

test("twenty users with one to fifty uploads each have as much of a scarce budget as the others", () => {
  for (let seed = 1; seed <= 12; seed++) {
    const random = new Random(seed);
    const counts = Array.from({ length: 20 }, () => random.between(1, 50));
    const uploads = counts.flatMap((count, user) => Array.from({ length: count }, (_, n) => `${user}/${n}`));
    const office = new CreditOffice({ capacity: random.between(8, 200) });
    for (const id of uploads) joinAs(office, id, 8);
    const sent = counts.map(() => 0);
    for (let now = 0; now < 2000; now += 2) {
      office.distribute(now);
      // The disk writes as many chunks as it can in this time, whichever arrived first.
      const units = uploads.flatMap((id) => Array.from({ length: office.heldBy(id) }, () => id));
      for (let write = 0; write < 4 && units.length > 0; write++) {
        const [id] = units.splice(random.int(units.length), 1) as [string];
        office.use(id, now);
        office.stored(id);
        sent[Number(id.split("/")[0])]! += 1;
      }
    }
    expect(jainIndex(sent), `seed ${seed}`).toBeGreaterThan(0.95);
  }
});

describe("where an urgent upload may come", () => {
  function heldByEach(count: number, mayHurry: boolean): readonly number[] {
    const office = new CreditOffice({ capacity: 128, mayHurry: () => mayHurry });
    const ids = Array.from({ length: count }, (_, index) => `user${index}/1`);
    for (const id of ids) {
      office.join(id, id);
      office.want(id, 8);
    }
    for (let round = 0; round < 10; round++) {
      office.distribute(round);
      for (const id of ids)
        for (let left = office.heldBy(id); left > 0; left--) {
          office.use(id, round);
          office.stored(id);
        }
    }
    office.distribute(10);
    return ids.map((id) => office.heldBy(id));
  }

  test("one or two have their whole windows, and many two chunks each", () => {
    expect(heldByEach(2, true)).toEqual([8, 8]);
    expect(heldByEach(8, true)).toEqual(Array(8).fill(2));
    expect(heldByEach(40, true)).toEqual(Array(40).fill(2));
    expect(heldByEach(8, false)).toEqual(Array(8).fill(8));
  });
});
