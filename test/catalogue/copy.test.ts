// All that a catalogue has goes from SQLite to PostgreSQL and back as it is.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { metadataBytesKept } from "../../src/catalogue/catalogue.ts";
import { copyCatalogue } from "../../src/catalogue/copy.ts";
import { connect, migratePostgres, openPostgresCatalogue } from "../../src/catalogue/postgres.ts";
import { isEmpty, PostgresCopySource, PostgresCopyTarget } from "../../src/catalogue/postgres-copy.ts";
import { openSqliteCatalogue, openSqliteTables } from "../../src/catalogue/sqlite.ts";
import { SqliteCopySource, SqliteCopyTarget } from "../../src/catalogue/sqlite-copy.ts";
import { openPostgres, type Postgres, postgresMissing } from "../support/postgres.ts";
import { silentLogger } from "../support/silent-logger.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { admit, bring, newUpload, noBounds, owner, timeOf } from "./contract.ts";

const named = `a catalogue that is copied${postgresMissing === null ? "" : ` (${postgresMissing})`}`;

describe.skipIf(postgresMissing !== null)(named, () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await openPostgres();
  });
  afterAll(async () => await postgres[Symbol.asyncDispose]());

  /** Makes a file with everything in it that there can be. */
  async function fill(file: string): Promise<void> {
    const catalogue = await openSqliteCatalogue({ file, log: silentLogger });
    const odd = "caf\u00e9 \u{1f9ec} \u0000 \u0001 ' \" \\ \n";
    const all = Array.from({ length: 600 }, async (_, index) => {
      const number = index + 1;
      const hold = await admit(catalogue, newUpload(number, { user: number % 2 === 0 ? "anna" : odd }));
      const at = timeOf(number);
      if (number % 3 !== 0) return bring(catalogue, hold, number % 7 === 0 ? "failed" : "finished", number);
      if (number % 2 !== 0) return;
      const complete = { sha256: "ab", content: "ab", receivedAt: at, at };
      await catalogue.change(hold, { verb: "begin-publish", ...complete });
      const deliveries = [{ hook: "told", body: `{"number":${number}}` }];
      await catalogue.change(hold, { verb: "finish", deliveries, at });
    });
    await Promise.all(all);
    const large = { metadataText: JSON.stringify({ x: "y".repeat(metadataBytesKept) }), added: '["x"]' };
    const ended = await admit(catalogue, newUpload(5001, large));
    await bring(catalogue, ended, "finished", 9);
    const place = { folder: "lab/2026", name: "a.raw", manner: { mode: 0o640 } };
    await admit(
      catalogue,
      newUpload(5002, { ...large, place, held: "no sample", wantsReceipt: true, size: 2 ** 52 }),
    );
    await catalogue.alarms.step({
      changed: [{ alarm: "disk", subject: odd, since: timeOf(1), toldAt: 5, times: 2, text: odd }],
      ...{ gone: [], notices: [] },
    });
    await catalogue.alarms.readAgain(newUpload(1).id, false, timeOf(4));
    await catalogue.instruments.keep({ user: "anna", label: odd, seenAt: timeOf(3), report: "{}" }, 8);
    for (const { id } of await catalogue.outbox.page(0, 3, null)) await catalogue.outbox.delivered(id, odd);
    await catalogue.recount("carl", { stored: 2 ** 50, files: 7 }, timeOf(1), timeOf(5));
    catalogue.close();
  }

  // Whether anybody looked for escapes is nothing that a catalogue has.
  const tables = {
    ...{ uploads: "*", metadata: "sequence, text", names: "*", usage: "*", outbox: "*", outbox_bodies: "*" },
    ...{ told_hooks: "*", alarms: "*", damaged: "*", instruments: "*" },
  };
  const contents = (database: DatabaseSync) =>
    Object.entries(tables).map(([table, columns]) => [
      table,
      database.prepare(`SELECT ${columns} FROM ${table} ORDER BY 1, 2`).all(),
    ]);

  /** Copies the file to a new database, and that to another file; returns what both files have, and the database. */
  async function thereAndBack(from: string, to: string) {
    const url = postgres.url(await postgres.newDatabase());
    await migratePostgres({ url, log: silentLogger });
    const { database } = await connect({ url, log: silentLogger });
    const source = openSqliteTables(from, silentLogger);
    const target = openSqliteTables(to, silentLogger);
    expect(await database.once(isEmpty)).toBe(true);
    const copied = await database.once((transaction) =>
      copyCatalogue(new SqliteCopySource(source), new PostgresCopyTarget(transaction)),
    );
    expect(await database.once(isEmpty)).toBe(false);
    const back = await database.once((transaction) =>
      copyCatalogue(new PostgresCopySource(transaction), new SqliteCopyTarget(target)),
    );
    expect(back).toEqual(copied);
    const both = [contents(source), contents(target)] as const;
    for (const it of [source, target]) it.close();
    await database.end();
    return { copied, both, url };
  }

  test("comes back as it was", async () => {
    await using folder = await tempFolder();
    const [from, to] = [folder.file("from.sqlite"), folder.file("to.sqlite")];
    await fill(from);
    const { copied, both } = await thereAndBack(from, to);
    expect(copied).toEqual({ uploads: 602, deliveries: 97 });
    expect(both[1]).toEqual(both[0]);
    for (const [table, rows] of both[0]) expect([table, rows?.length]).not.toEqual([table, 0]);
  });

  test("has each table looked at that there is", async () => {
    await using folder = await tempFolder();
    using database = openSqliteTables(folder.file("c.sqlite"), silentLogger);
    const found = database
      .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
      .all();
    expect(found.map(({ name }) => String(name)).sort()).toEqual(Object.keys(tables).sort());
  });

  test("is gone on with in PostgreSQL: names are held, numbers go on, and what finishes is found by what was sent", async () => {
    await using folder = await tempFolder();
    const from = folder.file("from.sqlite");
    await fill(from);
    const { url } = await thereAndBack(from, folder.file("to.sqlite"));
    const { catalogue } = await openPostgresCatalogue({ url, log: silentLogger });
    const open = await catalogue.get(newUpload(3).id);
    expect(open).toMatchObject({ state: "open" });
    const again = newUpload(9001, { user: open?.user ?? "", name: "run-3.raw" });
    expect(await catalogue.admit(again, owner, noBounds)).toMatchObject({ type: "name-taken" });
    const hold = { id: newUpload(3).id, fence: open?.fence ?? 0, owner };
    await bring(catalogue, hold, "finished", 77);
    const same = (await catalogue.get(newUpload(1).id))?.metadataDigest;
    expect(await catalogue.get(hold.id)).toMatchObject({ state: "finished", metadataDigest: same });
    await admit(catalogue, again);
    expect((await catalogue.find("aa", again.user, "key-1"))?.id).toBe(again.id);
    expect(await catalogue.usageOf("carl")).toMatchObject({ stored: 2 ** 50, files: 7 });
    await catalogue.close();
  });

  test("of an earlier version is brought to this one before", async () => {
    await using folder = await tempFolder();
    const from = folder.file("from.sqlite");
    copyFileSync(join(import.meta.dir, "files", "version-5.sqlite"), from);
    const { both } = await thereAndBack(from, folder.file("to.sqlite"));
    expect(both[1]).toEqual(both[0]);
  });
});
