// Keys that several servers refused, in one catalogue: who changes them sees what the others made of them, and they are told as they were noted.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { PostgresPendingKeys } from "../../src/catalogue/postgres-pending-keys.ts";
import type { PendingRow, PendingState, SharedPendingKeys } from "../../src/catalogue/servers.ts";
import { MemoryPendingKeys } from "../support/memory/pending-keys.ts";
import { openPostgres, type Postgres, postgresMissing } from "../support/postgres.ts";
import { timeOf } from "./contract.ts";
import { newCatalogue } from "./new-catalogue.ts";

interface Opened extends AsyncDisposable {
  readonly pending: SharedPendingKeys;
}

/** A key that was refused last at that time. */
const row = (name: string, time: number, more: Partial<PendingRow> = {}): PendingRow => ({
  ...{ key: name, address: "10.0.0.1", firstAt: timeOf(0), lastAt: timeOf(time), times: 1 },
  ...more,
});

const nothing: PendingState = { keys: [], dismissed: [] };

function contract(open: () => Promise<Opened>): void {
  test("what one makes of them all read, those first that were refused the longest ago", async () => {
    await using opened = await open();
    const { pending } = opened;
    expect(await pending.read()).toEqual(nothing);
    const odd = "0&.'\"\\x00{}<>()!\u00e9";
    const keys = [row("B", 1), row(odd, 2, { address: "fe80::1%eth0", times: 7 }), row("a", 3)];
    const state = { keys, dismissed: ["SHA256:z", "SHA256:a"] };
    expect(await pending.change(() => state)).toEqual(state);
    expect(await pending.read()).toEqual(state);
  });

  test("each is changed, added or taken away by itself", async () => {
    await using opened = await open();
    const { pending } = opened;
    await pending.change(() => ({ keys: [row("a", 1), row("b", 2), row("c", 3)], dismissed: ["1", "2"] }));
    const changed = row("a", 4, { address: "10.0.0.2", times: 2 });
    const after = { keys: [row("c", 3), changed, row("d", 5)], dismissed: ["2", "0"] };
    await pending.change(({ keys, dismissed }) => {
      expect([keys.map(({ key }) => key), dismissed]).toEqual([
        ["a", "b", "c"],
        ["1", "2"],
      ]);
      return after;
    });
    expect(await pending.read()).toEqual(after);
    await pending.change(() => nothing);
    expect(await pending.read()).toEqual(nothing);
  });

  test("of many that change something at once each sees what the one before made of it", async () => {
    await using opened = await open();
    const { pending } = opened;
    const once = () =>
      pending.change(({ keys: [before] }) => ({
        keys: [row("a", 1, { times: (before?.times ?? 0) + 1 })],
        dismissed: [],
      }));
    await Promise.all(Array.from({ length: 20 }, once));
    expect((await pending.read()).keys).toEqual([row("a", 1, { times: 20 })]);
  });

  test("nothing is changed where who judges fails", async () => {
    await using opened = await open();
    const { pending } = opened;
    await pending.change(() => ({ keys: [row("a", 1)], dismissed: [] }));
    const failing = pending.change(() => {
      throw new RangeError("No");
    });
    await expect(failing).rejects.toThrow("No");
    expect((await pending.read()).keys).toEqual([row("a", 1)]);
  });
}

describe("refused keys in memory", () => {
  contract(async () => ({ pending: new MemoryPendingKeys(), [Symbol.asyncDispose]: async () => {} }));
});

describe.skipIf(postgresMissing !== null)(`refused keys in PostgreSQL (${postgresMissing ?? "here"})`, () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await openPostgres();
  });
  afterAll(async () => await postgres[Symbol.asyncDispose]());

  contract(async () => {
    const { catalogue, database } = await newCatalogue(postgres);
    return { pending: new PostgresPendingKeys(database), [Symbol.asyncDispose]: () => catalogue.close() };
  });
});
