// The settings that servers share, in a real database: the newest counts, and of two that come at once one is told.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { PostgresSettings } from "../../src/catalogue/postgres-settings.ts";
import { openPostgres, type Postgres, postgresMissing } from "../support/postgres.ts";
import { timeOf } from "./contract.ts";
import { newCatalogue } from "./new-catalogue.ts";

describe.skipIf(postgresMissing !== null)(`settings in PostgreSQL (${postgresMissing ?? "here"})`, () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await openPostgres();
  });
  afterAll(async () => await postgres[Symbol.asyncDispose]());

  async function open() {
    const { name, catalogue, database } = await newCatalogue(postgres);
    const rows = (sql: string) => postgres.run(sql, name);
    return {
      settings: new PostgresSettings(database),
      rows,
      [Symbol.asyncDispose]: () => catalogue.close(),
    };
  }

  const by = { server: "host-a", at: timeOf(1) };

  test("the newest is told as it was written, with where and when", async () => {
    await using opened = await open();
    const { settings } = opened;
    expect(await settings.newest()).toBeNull();
    const odd = "# caf\u00e9 \u{1f9ec} \u0001\r\n[groups]\n\\x00'\"";
    expect(await settings.put("", 0, by)).toBe(1);
    expect(await settings.put(odd, 1, { ...by, server: "host-b" })).toBe(2);
    expect(await settings.newest()).toEqual({ version: 2, text: odd, server: "host-b", at: timeOf(1) });
  });

  test("who knows an earlier one changes nothing, nor the second of two that come at once", async () => {
    await using opened = await open();
    const { settings } = opened;
    expect(await settings.put("a", 1, by)).toBeNull();
    const puts = await Promise.all(Array.from({ length: 6 }, (_, at) => settings.put(`${at}`, 0, by)));
    expect(puts.filter((it) => it === 1)).toHaveLength(1);
    expect(puts.filter((it) => it === null)).toHaveLength(5);
    expect((await settings.newest())?.text).toBe(String(puts.indexOf(1)));
    expect(await settings.put("late", 0, by)).toBeNull();
  });

  test("a hundred of them stay", async () => {
    await using opened = await open();
    const { settings, rows } = opened;
    for (let version = 0; version < 103; version++) await settings.put(`${version}`, version, by);
    const [row] = await rows("SELECT count(*)::int AS n, min(version)::int AS first FROM dync.settings");
    expect(row).toEqual({ n: 100, first: 4 });
    expect((await settings.newest())?.version).toBe(103);
  });
});
