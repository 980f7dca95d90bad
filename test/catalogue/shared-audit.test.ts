// The audit logs of several servers in one catalogue: each is a chain of its own, a line is there once, and all of them are read by time.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { PostgresAudit } from "../../src/catalogue/postgres-audit.ts";
import type { AuditLine, SharedAudit } from "../../src/catalogue/shared-audit.ts";
import { MemoryAudit } from "../support/memory/shared-audit.ts";
import { openPostgres, type Postgres, postgresMissing } from "../support/postgres.ts";
import { timeOf } from "./contract.ts";
import { newCatalogue } from "./new-catalogue.ts";

interface Opened extends AsyncDisposable {
  readonly audit: SharedAudit;
}

const hash = (digit: string) => digit.repeat(64);
const line = (sequence: number, time: number, text = `line ${sequence}`): AuditLine => ({
  ...{ sequence, time: timeOf(time), line: Buffer.from(text) },
});

function contract(open: () => Promise<Opened>): void {
  test("a chain goes on behind its last line, and nowhere else", async () => {
    await using opened = await open();
    const { audit } = opened;
    expect(await audit.chainOf("a")).toBeNull();
    const begun = await audit.begin("a", "host-a");
    expect(begun).toEqual({ ...begun, server: "a", name: "host-a", sequence: 0, hash: hash("0") });
    const added = await audit.add(begun, "host-b", [line(1, 1), line(2, 2)], hash("1"));
    expect(added).toEqual({ ...begun, name: "host-b", sequence: 2, hash: hash("1") });
    expect(await audit.chainOf("a")).toEqual(added);
    // Once more, and by somebody who knows another line there.
    expect(await audit.add(begun, "host-a", [line(1, 1)], hash("2"))).toBeNull();
    if (added === null) return;
    expect(await audit.add({ ...added, hash: hash("3") }, "host-a", [line(3, 1)], hash("2"))).toBeNull();
    expect(await audit.linesOf(begun.chain, 0, 10)).toEqual([line(1, 1), line(2, 2)]);
    expect(await audit.linesOf(begun.chain, 1, 10)).toEqual([line(2, 2)]);
    expect(await audit.linesOf(begun.chain, 0, 1)).toEqual([line(1, 1)]);
    const other = await audit.begin("a", "host-a");
    expect(await audit.chainOf("a")).toEqual(other);
    expect(await audit.chains()).toEqual([added, other]);
  });

  test("lines of all are told by their times, page by page, as they were written", async () => {
    await using opened = await open();
    const { audit } = opened;
    const [a, b] = [await audit.begin("a", "host-a"), await audit.begin("b", "host-b")];
    const odd = { ...line(7, 2), line: Buffer.from([0, 1, 0xff, 0x22, 0x5c]) };
    await audit.add(a, "host-a", [line(1, 1), line(2, 3), line(3, 3)], hash("1"));
    await audit.add(b, "host-b", [odd, line(8, 3)], hash("2"));
    const all = [
      { ...line(1, 1), chain: a.chain },
      { ...odd, chain: b.chain },
      { ...line(2, 3), chain: a.chain },
      { ...line(3, 3), chain: a.chain },
      { ...line(8, 3), chain: b.chain },
    ];
    expect(await audit.page(null, 10, undefined)).toEqual(all);
    expect(await audit.page(null, 2, undefined)).toEqual(all.slice(0, 2));
    expect(await audit.page(all[2] ?? null, 10, undefined)).toEqual(all.slice(3));
    expect(await audit.page(null, 10, timeOf(2))).toEqual(all.slice(1));
    expect(await audit.page(all[4] ?? null, 10, undefined)).toEqual([]);
  });
}

describe("audit logs in memory", () => {
  contract(async () => ({ audit: new MemoryAudit(), [Symbol.asyncDispose]: async () => {} }));
});

describe.skipIf(postgresMissing !== null)(`audit logs in PostgreSQL (${postgresMissing ?? "here"})`, () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await openPostgres();
  });
  afterAll(async () => await postgres[Symbol.asyncDispose]());

  contract(async () => {
    const { catalogue, database } = await newCatalogue(postgres);
    return { audit: new PostgresAudit(database), [Symbol.asyncDispose]: () => catalogue.close() };
  });
});
