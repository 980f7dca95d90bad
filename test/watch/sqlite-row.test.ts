// What stands in a table of a database, read from outside; held to what SQLite itself writes.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { knownProfile } from "../../src/watch/profiles.ts";
import { valueIn } from "../../src/watch/sqlite-row.ts";
import { tempFolder } from "../support/temp-folder.ts";

async function written(sql: (database: DatabaseSync) => void): Promise<Uint8Array> {
  await using folder = await tempFolder();
  const path = folder.file("analysis.tdf");
  const database = new DatabaseSync(path);
  // Each row would be synced by itself.
  database.exec("PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY");
  sql(database);
  database.close();
  return readFileSync(path);
}

const create = "CREATE TABLE GlobalMetadata (Key TEXT PRIMARY KEY, Value TEXT)";

test.each([512, 4096, 65_536])(
  "the value behind a key is found with pages of %d bytes, among many",
  async (bytes) => {
    const file = await written((database) => {
      database.exec(`PRAGMA page_size = ${bytes}; CREATE TABLE Other (Key TEXT, Value TEXT); ${create}`);
      const insert = database.prepare("INSERT INTO GlobalMetadata VALUES (?, ?)");
      database.exec("BEGIN");
      database.exec("INSERT INTO Other VALUES ('ClosedProperly', 'other')");
      for (let at = 0; at < 300; at++) insert.run(`Key${at}`, `value ${at} ${"é".repeat(at % 60)}`);
      insert.run("ClosedProperly", "1");
      insert.run("Nothing", null);
      insert.run("Long", "x".repeat(bytes));
      database.exec("COMMIT");
    });
    expect(valueIn(file, "GlobalMetadata", "ClosedProperly")).toBe("1");
    expect(valueIn(file, "GlobalMetadata", "Key59")).toBe(`value 59 ${"é".repeat(59)}`);
    expect(valueIn(file, "Other", "ClosedProperly")).toBe("other");
    for (const key of ["Nothing", "Long", "NotThere"])
      expect(valueIn(file, "GlobalMetadata", key)).toBeNull();
    expect(valueIn(file, "NoTable", "ClosedProperly")).toBeNull();
  },
);

test("numbers are told as text", async () => {
  const file = await written((database) => {
    database.exec("CREATE TABLE T (Key TEXT, Value)");
    const values = [0, 1, -1, 127, -129, 40_000, -8_000_000, 2 ** 31, -(2 ** 45), 2 ** 50];
    for (const [at, value] of values.entries())
      database.prepare("INSERT INTO T VALUES (?, ?)").run(`${at}`, value);
    for (const [at, value] of values.entries())
      database.prepare("INSERT INTO T VALUES (?, ?)").run(`v${value}`, at);
    database.exec("INSERT INTO T VALUES ('half', 0.5)");
  });
  for (const [at, value] of [0, 1, -1, 127, -129, 40_000, -8_000_000, 2 ** 31, -(2 ** 45), 2 ** 50].entries())
    expect(valueIn(file, "T", `${at}`)).toBe(String(value));
  expect(valueIn(file, "T", "half")).toBe("0.5");
});

test("of a file that is none, is cut anywhere or has any byte changed nothing worse comes than that it is not known", async () => {
  const file = await written((database) => {
    database.exec(`PRAGMA page_size = 512; ${create}`);
    for (let at = 0; at < 40; at++) database.exec(`INSERT INTO GlobalMetadata VALUES ('Key${at}', '${at}')`);
  });
  for (let length = 0; length < file.length; length += 7)
    valueIn(file.subarray(0, length), "GlobalMetadata", "Key39");
  for (let at = 0; at < file.length; at += 3) {
    const damaged = Uint8Array.from(file);
    damaged[at] = (damaged[at] ?? 0) ^ 0xff;
    valueIn(damaged, "GlobalMetadata", "Key39");
  }
  expect(valueIn(new Uint8Array(5000), "GlobalMetadata", "Key39")).toBeNull();
  expect(valueIn(file, "GlobalMetadata", "Key39")).toBe("39");
});

test.each([
  ["0", "incomplete: analysis.tdf says itself that it is not closed properly"],
  ["1", "by-quiet"],
  [null, "by-quiet"],
])("a .d folder whose index says %p of ClosedProperly: %s", async (value, wanted) => {
  const index = await written((database) => {
    database.exec(`${create}; INSERT INTO GlobalMetadata VALUES ('SchemaType', 'TDF')`);
    if (value !== null)
      database.prepare("INSERT INTO GlobalMetadata VALUES ('ClosedProperly', ?)").run(value);
  });
  const found = await knownProfile("bruker-d")?.complete({
    ...{ name: "a.d", kind: "folder", siblings: () => [] },
    files: () => [
      { path: "analysis.tdf", size: index.length, mtimeMs: 0, id: "1" },
      { path: "analysis.tdf_bin", size: 5, mtimeMs: 0, id: "2" },
    ],
    read: async (path, max) => (path === "analysis.tdf" ? index.subarray(0, max) : new Uint8Array(5)),
  });
  expect(found?.type === "waits" ? `${found.reason}: ${found.detail}` : found?.type).toBe(wanted);
});
