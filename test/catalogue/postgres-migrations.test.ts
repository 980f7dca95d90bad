// Catalogues in PostgreSQL that earlier versions made, with data in them, are brought to the newest version, whatever that is: nothing of what was
// in them changes, their tables are those of a new one, and every question and every verb works. The dumps are real ones.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { jsonDigest } from "../../src/base/json-digest.ts";
import type { Catalogue } from "../../src/catalogue/catalogue.ts";
import { migratePostgres, openPostgresCatalogue } from "../../src/catalogue/postgres.ts";
import { PostgresAudit } from "../../src/catalogue/postgres-audit.ts";
import { PostgresKeys } from "../../src/catalogue/postgres-keys.ts";
import { schemaSteps, schemaVersion } from "../../src/catalogue/postgres-migrations.ts";
import { PostgresSettings } from "../../src/catalogue/postgres-settings.ts";
import type { SharedFiles } from "../../src/catalogue/servers.ts";
import { openPostgres, type Postgres, postgresMissing } from "../support/postgres.ts";
import { silentLogger } from "../support/silent-logger.ts";
import { admit, bring, newUpload, noBounds, owner, timeOf } from "./contract.ts";

const named = `a catalogue in PostgreSQL${postgresMissing === null ? "" : ` (${postgresMissing})`}`;
// From each version that there was before this one.
const olderVersions = Array.from({ length: schemaVersion - 1 }, (_, at) => at + 1);
// What the column "version" says from version 5 on.
const worksFrom = schemaSteps.at(-1)?.worksFrom ?? schemaVersion;
const odd = "caf\u00e9 \u{1f9ec} \u0000 \u0001 ' \" \\ \n";
const idOf = (number: number) => newUpload(number).id;

type Row = Readonly<Record<string, unknown>>;

describe.skipIf(postgresMissing !== null)(named, () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await openPostgres();
  });
  afterAll(async () => await postgres[Symbol.asyncDispose]());

  /** A database as a program of that version left it. */
  async function restored(version: number): Promise<string> {
    const database = await postgres.newDatabase();
    await postgres.run(
      readFileSync(join(import.meta.dir, "files", `postgres-${version}.sql`), "utf8"),
      database,
    );
    return database;
  }

  async function migrated(version: number): Promise<string> {
    const database = await restored(version);
    const options = { url: postgres.url(database), log: silentLogger };
    expect(await migratePostgres(options)).toMatchObject({ from: version, to: schemaVersion });
    return database;
  }

  /** What its tables are. */
  async function structureOf(database: string): Promise<readonly (readonly Row[])[]> {
    const questions = [
      `SELECT table_name, ordinal_position, column_name, data_type, is_nullable, column_default, collation_name, is_identity,
         identity_generation, is_generated
       FROM information_schema.columns WHERE table_schema = 'dync' ORDER BY 1, 2`,
      `SELECT conrelid::regclass::text AS of, conname, pg_get_constraintdef(oid) AS is
       FROM pg_constraint WHERE connamespace = 'dync'::regnamespace ORDER BY 1, 2`,
      "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'dync' ORDER BY 1, 2",
      `SELECT tgrelid::regclass::text AS of, tgname, pg_get_triggerdef(oid) AS is
       FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2`,
      `SELECT proname, pg_get_functiondef(oid) AS is FROM pg_proc WHERE pronamespace = 'dync'::regnamespace ORDER BY 1`,
    ];
    return await Promise.all(questions.map((question) => postgres.run(question, database)));
  }

  /** All rows, by table, with the columns that `like` has of them where that is given. */
  async function contentsOf(database: string, like: ReadonlyMap<string, string> | null = null) {
    const columns = new Map<string, string>();
    for (const { table_name: table, names } of await postgres.run(
      `SELECT table_name::text, string_agg(quote_ident(column_name), ', ' ORDER BY ordinal_position) AS names
       FROM information_schema.columns WHERE table_schema = 'dync' GROUP BY 1`,
      database,
    ))
      columns.set(table as string, names as string);
    const rows = new Map<string, readonly Row[]>();
    for (const [table, names] of like ?? columns)
      rows.set(table, await postgres.run(`SELECT ${names} FROM dync.${table} ORDER BY 1, 2`, database));
    return { columns, rows };
  }

  async function open(database: string) {
    const opened = await openPostgresCatalogue({ url: postgres.url(database), log: silentLogger });
    return Object.assign(opened, { [Symbol.asyncDispose]: () => opened.catalogue.close() });
  }

  describe.each(olderVersions)("of version %i", (version) => {
    test("has the tables of a new one, and all that was in it, as it was", async () => {
      const before = await contentsOf(await restored(version));
      for (const [table, rows] of before.rows) expect([table, rows.length]).not.toEqual([table, 0]);
      const database = await migrated(version);
      const after = await contentsOf(database, before.columns);
      for (const [table, rows] of before.rows) {
        const wanted = table === "catalogue" ? rows.map((it) => ({ ...it, version: worksFrom })) : rows;
        expect([table, after.rows.get(table)]).toEqual([table, wanted]);
      }
      const made = await postgres.newDatabase();
      await migratePostgres({ url: postgres.url(made), log: silentLogger });
      expect(await structureOf(database)).toEqual(await structureOf(made));
    });

    test("answers of its uploads, hooks and alarms, and goes on with them", async () => {
      await using opened = await open(await migrated(version));
      expect(opened.state).toEqual({
        version: schemaVersion,
        worksFrom,
        storage: "storage-1",
        isFilled: true,
      });
      await expectRecords(opened.catalogue);
      await expectDeliveries(opened.catalogue);
      await expectGoesOn(opened.catalogue);
    });

    test("answers of what servers share, and takes more of it", async () => {
      await using opened = await open(await migrated(version));
      await expectKeys(new PostgresKeys(opened.database), version >= 2);
      await expectAudit(new PostgresAudit(opened.database), version >= 3);
      await expectSettings(new PostgresSettings(opened.database), version >= 4);
    });
  });
});

async function expectRecords(catalogue: Catalogue): Promise<void> {
  const get = async (number: number) => await catalogue.get(idOf(number));
  expect(await get(1)).toMatchObject({
    ...{ name: "open.raw", state: "open", durable: 700, mark: '{"part":1}', bytes: 1000, owner: owner.id },
    ...{ resumes: 1, resumedAt: timeOf(21), updatedAt: timeOf(21), fence: 1 },
  });
  expect(await get(2)).toMatchObject({
    ...{ user: "bert", name: "straße.raw", state: "publishing", size: null, bytes: 500 },
    ...{ sha256: "ab", receivedAt: timeOf(22) },
  });
  const done = await get(3);
  expect(done).toMatchObject({ state: "finished", size: 1000, storedAt: timeOf(24), wantsReceipt: true });
  expect(done?.metadataDigest).toBe(jsonDigest('{"sample":"A1","note":"ü"}'));
  expect(await get(4)).toMatchObject({ name: odd, state: "failed", errorCode: 507, reason: "No space" });
  expect(await get(5)).toMatchObject({
    ...{ form: "bagit", held: "no sample", added: '["x"]', origin: null, state: "open" },
    place: { folder: "lab/2026", name: "run", manner: { mode: 0o640 } },
  });
  expect(await get(6)).toMatchObject({ user: "bert", state: "finished", amendedAt: timeOf(28) });
  expect(await catalogue.metadataOf(idOf(1))).toBe(
    '{"sample":"S-17","note":"Größe 1","id":12345678901234567890}',
  );
  expect(await catalogue.metadataOf(idOf(6))).toBe('{"sample":"A2"}');
  const { uploads } = await catalogue.listPage({}, null, 10);
  expect(uploads.map(({ record }) => record.id)).toEqual([6, 5, 4, 3, 2, 1].map(idOf));
  const found = await catalogue.listPage({ fields: [{ path: "sample", value: "A2" }] }, null, 10);
  expect(found.uploads.map(({ record }) => record.id)).toEqual([idOf(6)]);
  expect((await catalogue.withContent("anna", "ab", "", 10)).map(({ id }) => id)).toEqual([idOf(3)]);
  expect(await catalogue.usages(null, 10)).toMatchObject([
    { user: "anna", stored: 1000, files: 1, unfinished: 2, lastAt: timeOf(24) },
    { user: "bert", stored: 1000, files: 1, unfinished: 1, lastAt: timeOf(27) },
    { user: "carl", stored: 2 ** 50, files: 7, unfinished: 0, lastAt: null },
  ]);
}

async function expectDeliveries({ outbox, alarms, instruments }: Catalogue): Promise<void> {
  const waiting = await outbox.page(0, 10, null);
  expect(waiting).toMatchObject([
    { hook: "copy", upload: idOf(3), user: "anna", name: "done.raw", attempts: 0, error: null },
    { hook: "page", upload: idOf(3), attempts: 2, nextAt: 5000, error: "503" },
    { hook: "mail", upload: "n1", user: "disk", name: "s" },
  ]);
  expect(await outbox.bodyOf(waiting[1]?.id ?? 0)).toBe(`{"odd":${JSON.stringify(odd)}}`);
  expect(await outbox.toldOf(idOf(3))).toEqual([{ hook: "told", at: timeOf(25), attempts: 1 }]);
  expect(await alarms.firing()).toEqual([
    { alarm: "disk", subject: odd, since: timeOf(1), toldAt: 5, times: 2, text: odd },
  ]);
  expect(await alarms.damagedSince(idOf(3))).toBe(timeOf(29));
  expect(await alarms.damage(10)).toEqual({ uploads: 1, some: [{ user: "anna", name: "done.raw" }] });
  expect(await instruments.page(null, 10)).toEqual([
    { user: "anna", label: "Orbitrap", seenAt: timeOf(30), report: '{"free":1}' },
  ]);
}

/** What was under way ends, and what comes next is new. */
async function expectGoesOn(catalogue: Catalogue): Promise<void> {
  const other = { id: "server-2", leaseMs: 0 };
  const taken = await catalogue.take(idOf(1), other);
  if (taken.type !== "taken") throw new Error(`what is open can be taken, and is not ${taken.type}`);
  expect(taken.record).toMatchObject({ fence: 2, owner: "server-2", durable: 700 });
  expect(await catalogue.change(taken.hold, { verb: "resume", at: timeOf(50) })).toBe(true);
  const complete = { sha256: "cd", content: "cd", receivedAt: timeOf(51), at: timeOf(51) };
  expect(await catalogue.change(taken.hold, { verb: "begin-publish", ...complete })).toBe(true);
  const deliveries = [{ hook: "copy", body: '{"n":2}' }];
  expect(await catalogue.change(taken.hold, { verb: "finish", deliveries, at: timeOf(52) })).toBe(true);
  expect(await catalogue.get(idOf(1))).toMatchObject({ state: "finished", resumes: 2, storedAt: timeOf(52) });
  const publishing = await catalogue.take(idOf(2), other);
  if (publishing.type !== "taken") throw new Error(`what is published can be taken, not ${publishing.type}`);
  // Names of before are held.
  const clash = newUpload(20, { user: "bert", name: "STRASSE.raw" });
  expect(await catalogue.admit(clash, owner, noBounds)).toMatchObject({
    type: "name-taken",
    holders: [{ id: idOf(2) }],
  });
  expect(await catalogue.change(publishing.hold, { verb: "finish", size: 300, at: timeOf(53) })).toBe(true);
  await bring(catalogue, await admit(catalogue, clash), "finished", 54);
  const place = { folder: "lab/2026", name: "run" };
  const amendment = { at: timeOf(55), metadataText: '{"x":2}', place };
  const held = await catalogue.get(idOf(5));
  const hold = { id: idOf(5), fence: held?.fence ?? 0, owner };
  expect(await catalogue.amend(hold, amendment)).toMatchObject({
    type: "amended",
    record: { held: null, releasedAt: timeOf(55), added: null },
  });
  const waiting = await catalogue.outbox.page(0, 10, "copy");
  expect(waiting.map(({ upload }) => upload)).toEqual([idOf(3), idOf(1)]);
  for (const { id } of waiting) await catalogue.outbox.delivered(id, timeOf(56));
  expect(await catalogue.outbox.toldOf(idOf(1))).toEqual([{ hook: "copy", at: timeOf(56), attempts: 1 }]);
  expect(await catalogue.usages(null, 10)).toMatchObject([
    { user: "anna", stored: 2000, files: 2, unfinished: 1 },
    { user: "bert", stored: 2300, files: 3, unfinished: 0 },
    { user: "carl" },
  ]);
  expect(await catalogue.forget(timeOf(60), 100)).toBe(6);
}

async function expectKeys(keys: PostgresKeys, isThere: boolean): Promise<void> {
  let seen: SharedFiles | null = null;
  const share = new Map([["carl.key", "carl\n"]]);
  const version = await keys.change((shared) => {
    seen = shared;
    return { share, unshare: [] };
  });
  const texts: [string, string][] = isThere ? [["anna.key", "# caf\u00e9\n"]] : [];
  const before = isThere ? 2 : 0;
  expect(seen as SharedFiles | null).toEqual({ version: before, texts: new Map(texts) });
  expect(version).toBe(before + 1);
}

async function expectAudit(audit: PostgresAudit, isThere: boolean): Promise<void> {
  const chains = await audit.chains();
  const [first] = chains;
  expect(chains.map(({ server, name, sequence }) => [server, name, sequence])).toEqual(
    isThere
      ? [
          ["a", "host-a", 2],
          ["b", "host-b", 1],
        ]
      : [],
  );
  if (first !== undefined)
    expect(await audit.linesOf(first.chain, 1, 10)).toEqual([
      { sequence: 2, time: timeOf(2), line: Buffer.from([0, 1, 255, 34, 92]) },
    ]);
  const begun = await audit.begin("c", "host-c");
  expect(begun.chain).toBe(chains.length + 1);
  const line = { sequence: 1, time: timeOf(9), line: Buffer.from("line c") };
  expect(await audit.add(begun, "host-c", [line], "3".repeat(64))).toMatchObject({ sequence: 1 });
  expect((await audit.page(null, 10, undefined)).at(-1)).toEqual({ ...line, chain: begun.chain });
}

async function expectSettings(settings: PostgresSettings, isThere: boolean): Promise<void> {
  const newest = await settings.newest();
  const text = '# caf\u00e9 \u0001\nexpire = "4d"\n';
  expect(newest).toEqual(isThere ? { version: 2, text, server: "host-b", at: timeOf(32) } : null);
  const before = newest?.version ?? 0;
  expect(await settings.put("", before, { server: "host-c", at: timeOf(40) })).toBe(before + 1);
}
