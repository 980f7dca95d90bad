// Whether a database is as large as it says, looked at from outside; held to what SQLite itself writes.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { missingBytes } from "../../src/watch/sqlite-size.ts";
import { sqliteFile } from "../support/instrument/sqlite-file.ts";
import { tempFolder } from "../support/temp-folder.ts";

test("a database that SQLite wrote lacks nothing, and a part of it lacks the rest", async () => {
  await using folder = await tempFolder();
  const path = folder.file("analysis.tdf");
  const database = new DatabaseSync(path);
  database.exec("CREATE TABLE Frames (Id INTEGER, Data TEXT)");
  for (let id = 0; id < 100; id++)
    database.prepare("INSERT INTO Frames VALUES (?, ?)").run(id, "x".repeat(1000));
  database.close();
  const bytes = readFileSync(path);
  expect(bytes.length).toBeGreaterThan(50_000);
  expect(missingBytes(bytes.subarray(0, 100), bytes.length)).toBe(0);
  expect(missingBytes(bytes.subarray(0, 100), bytes.length - 5000)).toBe(5000);
});

test("pages of 64 kB are written as 1", () => {
  const bytes = sqliteFile(16, 1);
  new DataView(bytes.buffer).setUint16(16, 1);
  expect(missingBytes(bytes, 65_536)).toBe(0);
  expect(missingBytes(bytes, 65_535)).toBe(1);
});

test("nothing is known of what is none, of less than a header, and of a size that nobody kept", () => {
  const stale = sqliteFile(2, 9);
  new DataView(stale.buffer).setUint32(92, 6);
  expect(missingBytes(stale, 8192)).toBeNull();
  expect(missingBytes(sqliteFile(2).subarray(0, 99), 99)).toBeNull();
  expect(missingBytes(new Uint8Array(100), 100)).toBeNull();
});
