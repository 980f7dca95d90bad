// How much a page of a list looks at: what is few is found at once among very many, and a search goes on for as long as it may.

import { describe, expect, spyOn, test } from "bun:test";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Clock } from "../../src/base/clock.ts";
import type { UploadFilter, UploadRecord } from "../../src/catalogue/catalogue.ts";
import { newRecord } from "../../src/catalogue/change.ts";
import { openSqliteCatalogue } from "../../src/catalogue/sqlite.ts";
import { ThreadShare } from "../../src/catalogue/thread-share.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { silentLogger } from "../support/silent-logger.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { admit, bring, newUpload, owner, timeOf } from "./contract.ts";
import { listed } from "./list-contract.ts";

const many = 10_000;
const original = DatabaseSync.prototype.prepare;

/** 10,000 stored uploads of anna; before all of them three of bert, of which one failed. */
async function filled(clock: Clock) {
  const folder = await tempFolder();
  const catalogue = await openSqliteCatalogue({ file: folder.file("c.sqlite"), log: silentLogger, clock });
  const ended = (number: number, change: Partial<UploadRecord> = {}) => {
    const upload = newUpload(number, { user: number < 3 ? "bert" : "anna" });
    const record: UploadRecord = { ...newRecord(upload, owner, 0), state: "finished", ...change };
    return { record, metadataText: `{"number":${number}}` };
  };
  const rest = Array.from({ length: many }, (_, index) => ended(index + 3));
  catalogue.restore([
    ended(0),
    ended(1, { state: "failed", errorCode: 409, reason: "taken" }),
    ended(2),
    ...rest,
  ]);
  return Object.assign(catalogue, {
    [Symbol.asyncDispose]: async () => {
      catalogue.close();
      await folder[Symbol.asyncDispose]();
    },
  });
}

/** One on which everything takes longer than a question may. */
function slowClock(): Clock {
  const clock = new ManualClock();
  const now = (): number => {
    clock.advance(1000);
    return clock.now();
  };
  return { now, date: () => clock.date(), after: (ms, act) => clock.after(ms, act) };
}

describe("one page", () => {
  const firstPage = async (clock: Clock, filter: UploadFilter) => {
    await using catalogue = await filled(clock);
    const { uploads, next } = await catalogue.listPage(filter, null, 100);
    return { names: uploads.map(({ record }) => record.name), isLast: next === null };
  };

  test("has all of a user who has few, and of one who has none, however many others have", async () => {
    const all = { names: ["run-2.raw", "run-1.raw", "run-0.raw"], isLast: true };
    expect(await firstPage(slowClock(), { user: "bert" })).toEqual(all);
    expect(await firstPage(slowClock(), { user: "bert", name: (name) => name.includes("run-") })).toEqual(
      all,
    );
    expect(await firstPage(slowClock(), { user: "nobody" })).toEqual({ names: [], isLast: true });
  });

  test("has all in a state that few are in", async () => {
    const one = { names: ["run-1.raw"], isLast: true };
    expect(await firstPage(slowClock(), { states: ["failed", "open"] })).toEqual(one);
    expect(await firstPage(slowClock(), { states: ["failed"], user: "bert" })).toEqual(one);
    expect(await firstPage(slowClock(), { states: ["failed"], user: "anna" })).toEqual({
      names: [],
      isLast: true,
    });
    expect(await firstPage(slowClock(), { states: ["failed"], since: timeOf(2) })).toMatchObject({
      names: [],
    });
  });

  test("looks at some thousands where that takes long, and at all of them where it does not", async () => {
    const filter = { name: (name: string) => name === "run-1.raw" };
    expect(await firstPage(slowClock(), filter)).toEqual({ names: [], isLast: false });
    expect(await firstPage(new ManualClock(), filter)).toEqual({ names: ["run-1.raw"], isLast: true });
  });
});

test("pages of any size have the same, whichever index they go by", async () => {
  for (const clock of [slowClock(), new ManualClock()]) {
    await using catalogue = await filled(clock);
    for (const limit of [1, 2, 3, 4]) {
      expect(await listed(catalogue, { user: "bert" }, limit)).toEqual([
        "run-2.raw",
        "run-1.raw",
        "run-0.raw",
      ]);
      const fields = [{ path: "number", value: "1" }];
      expect(await listed(catalogue, { fields, user: "bert" }, limit)).toEqual(["run-1.raw"]);
      expect(await listed(catalogue, { fields, states: ["failed"] }, limit)).toEqual(["run-1.raw"]);
    }
    expect(await listed(catalogue, { states: ["finished"] }, 3000)).toHaveLength(many + 2);
    expect(await listed(catalogue, { user: "anna" }, 3000)).toHaveLength(many);
  }
});

test("a catalogue of the version before lists went by user is taken over: each user's are listed as before", async () => {
  await using folder = await tempFolder();
  const file = folder.file("c.sqlite");
  copyFileSync(join(import.meta.dir, "files", "version-20.sqlite"), file);
  const catalogue = await openSqliteCatalogue({ file, log: silentLogger });
  expect(await listed(catalogue, { user: "anna" }, 2)).toEqual([
    "run-4.raw",
    "run-1.raw",
    "run-6.raw",
    "run-3.raw",
  ]);
  expect(await listed(catalogue, { user: "bert" }, 2)).toEqual(["run-5.raw", "run-2.raw"]);
  const all = ["run-5.raw", "run-4.raw", "run-1.raw", "run-6.raw", "run-3.raw", "run-2.raw"];
  expect(await listed(catalogue, {}, 10)).toEqual(all);
  catalogue.close();
});

test("what is asked for each upload goes by no index of all that a user ever had", async () => {
  const plans = new Map<string, string>();
  const prepare = spyOn(DatabaseSync.prototype, "prepare").mockImplementation(function (
    this: DatabaseSync,
    sql,
  ) {
    if (/\bFROM uploads\b/.test(sql)) {
      const steps = original.call(this, `EXPLAIN QUERY PLAN ${sql}`).all();
      plans.set(sql, steps.map(({ detail }) => detail).join("; "));
    }
    return original.call(this, sql);
  });
  await using folder = await tempFolder();
  (await openSqliteCatalogue({ file: folder.file("c.sqlite"), log: silentLogger })).close();
  prepare.mockRestore();
  expect(plans.size).toBeGreaterThan(20);
  const byUser = [...plans].filter(([, plan]) => plan.includes("uploads_by_user")).map(([sql]) => sql);
  expect(byUser.filter((sql) => !sql.includes("INDEXED BY uploads_by_user"))).toEqual([]);
});

test("what is asked for each upload is planned once, and not again for each", async () => {
  const opened = new Set<DatabaseSync>();
  const prepare = spyOn(DatabaseSync.prototype, "prepare").mockImplementation(function (
    this: DatabaseSync,
    sql,
  ) {
    opened.add(this);
    return original.call(this, sql);
  });
  await using folder = await tempFolder();
  const catalogue = await openSqliteCatalogue({ file: folder.file("c.sqlite"), log: silentLogger });
  prepare.mockRestore();
  const database = [...opened].at(-1) as Authorized;
  const upload = async (number: number): Promise<void> => {
    await catalogue.find("aa", "anna", "key-1");
    await catalogue.trim("anna", "failed", 10, 10);
    await bring(catalogue, await admit(catalogue, newUpload(number)), "finished", number);
  };
  let planned: number[] = [];
  // From here on each statement is planned once more.
  database.setAuthorizer((action) => {
    planned.push(action);
    return 0;
  });
  await upload(1);
  planned = [];
  for (let number = 2; number < 5; number++) await upload(number);
  // The beginnings and ends of transactions are new each time.
  const transaction = 22;
  expect(planned).toContain(transaction);
  expect(planned.filter((action) => action !== transaction)).toEqual([]);
  catalogue.close();
});

/** As Bun has it; its types do not. */
type Authorized = DatabaseSync & { setAuthorizer(authorize: (action: number) => number): void };

describe("the share of the thread that a question has", () => {
  /** How long the question may take that begins now. */
  function shareOf(share: ThreadShare, clock: ManualClock): number {
    const isOver = share.begin();
    let ms = 0;
    for (; !isOver(); ms++) clock.advance(1);
    share.end();
    return ms;
  }

  test("is what all else had since the last one, within bounds", () => {
    const clock = new ManualClock();
    const share = new ThreadShare(clock);
    expect(shareOf(share, clock)).toBe(20);
    for (const [passed, allowed] of [
      [0, 4],
      [3, 4],
      [11, 11],
      [500, 20],
    ] as const) {
      clock.advance(passed);
      expect(shareOf(share, clock)).toBe(allowed);
    }
  });

  test("is one for all who ask in a turn", () => {
    const clock = new ManualClock();
    const share = new ThreadShare(clock);
    shareOf(share, clock);
    clock.advance(15);
    expect([1, 2, 3].map(() => shareOf(share, clock))).toEqual([15, 4, 4]);
  });
});
