// The catalogue in SQLite: the contract, what survives a kill, and what happens to a damaged file.

import { describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { DyncError } from "../../src/base/error.ts";
import { jsonDigest } from "../../src/base/json-digest.ts";
import type { UploadRecord } from "../../src/catalogue/catalogue.ts";
import { versionNewest } from "../../src/catalogue/migrations.ts";
import { openSqliteCatalogue, rescueCatalogue, type SqliteCatalogue } from "../../src/catalogue/sqlite.ts";
import { publishedFiles } from "../../src/storage/published.ts";
import { codeOf, idOf, publishOne } from "../storage/contract.ts";
import { openStorage } from "../storage/open-storage.ts";
import { silentLogger } from "../support/silent-logger.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { admit, bring, catalogueContract, namesIn, newUpload, owner, timeOf } from "./contract.ts";
import { listContract, listed } from "./list-contract.ts";
import { alarmContract, outboxContract } from "./outbox-contract.ts";

const make = async () => {
  const folder = await tempFolder();
  const catalogue = await openSqliteCatalogue({ file: folder.file("c.sqlite"), log: silentLogger });
  return Object.assign(catalogue, {
    [Symbol.asyncDispose]: async () => {
      catalogue.close();
      await folder[Symbol.asyncDispose]();
    },
  });
};

catalogueContract("catalogue in SQLite", make);
listContract("lists in SQLite", make);
outboxContract("catalogue in SQLite", make);
alarmContract("catalogue in SQLite", make);

describe("the file", () => {
  test("what was added is there for the next process, and only for its user", async () => {
    await using folder = await tempFolder();
    const file = folder.file("c.sqlite");
    const first = await openSqliteCatalogue({ file, log: silentLogger });
    await admit(first, newUpload(1));
    if (process.platform !== "win32") expect(statSync(file).mode & 0o777).toBe(0o600);
    first.close();
    first.close();
    const second = await openSqliteCatalogue({ file, log: silentLogger });
    expect((await second.get(newUpload(1).id))?.name).toBe("run-1.raw");
    second.close();
  });

  test("one that a newer program made is left alone", async () => {
    await using folder = await tempFolder();
    const file = folder.file("c.sqlite");
    const database = new DatabaseSync(file);
    database.exec(`PRAGMA user_version = 99; PRAGMA application_id = ${0x64796e63}`);
    database.close();
    const error = await openSqliteCatalogue({ file, log: silentLogger }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DyncError);
    expect((error as DyncError).message).toBe(
      `The catalogue has version 99, expected at most ${versionNewest}`,
    );
    expect(readdirSync(folder.path).filter((name) => name.includes("damaged"))).toEqual([]);
  });

  test("a process that is killed while it writes loses nothing that was confirmed", async () => {
    await using folder = await tempFolder();
    const file = folder.file("c.sqlite");
    for (const linesWanted of [1, 20, 100]) {
      const child = spawn(process.execPath, [
        join(import.meta.dir, "kill-writer.ts"),
        `${file}-${linesWanted}`,
      ]);
      let output = "";
      child.stdout.on("data", (data: Buffer) => {
        output += data.toString();
        if (output.split("\n").length > linesWanted) child.kill("SIGKILL");
      });
      await once(child, "close");
      const confirmed = output.split("\n").length - 1;
      expect(confirmed).toBeGreaterThanOrEqual(linesWanted);
      const catalogue = await openSqliteCatalogue({ file: `${file}-${linesWanted}`, log: silentLogger });
      for (let number = 1; number <= confirmed; number++) {
        expect((await catalogue.get(newUpload(number).id))?.durable).toBe(number);
      }
      expect((await namesIn(catalogue, ["open"])).length).toBeLessThanOrEqual(confirmed + 1);
      catalogue.close();
    }
  });
});

describe("trouble that passes is no damage, and nobody is waited for", () => {
  test("another program that holds the file keeps a server from starting, and not the next one", async () => {
    await using folder = await dataFolder();
    const file = folder.catalogueFile;
    const other = new DatabaseSync(file);
    other.exec("BEGIN IMMEDIATE");
    const error = await openSqliteCatalogue({ file, log: silentLogger }).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "not-ready", hint: expect.stringContaining("another program") });
    other.close();
    const catalogue = await openSqliteCatalogue({ file, log: silentLogger });
    expect((await namesIn(catalogue, ["open"])).length).toBe(200);
    catalogue.close();
    expect(readdirSync(folder.path).filter((name) => name.includes("damaged"))).toEqual([]);
  });

  test("once it is open no other program gets hold of it", async () => {
    await using folder = await dataFolder();
    const catalogue = await openSqliteCatalogue({ file: folder.catalogueFile, log: silentLogger });
    using other = new DatabaseSync(folder.catalogueFile);
    expect(() => other.exec("PRAGMA busy_timeout = 0; BEGIN IMMEDIATE")).toThrow("locked");
    await admit(catalogue, newUpload(1));
    catalogue.close();
  });

  test.skipIf(process.getuid?.() === 0 || process.platform === "win32")(
    "a file that may not be opened is named",
    async () => {
      await using folder = await dataFolder();
      chmodSync(folder.catalogueFile, 0);
      const opening = openSqliteCatalogue({ file: folder.catalogueFile, log: silentLogger });
      expect(await codeOf(opening)).toBe("configuration");
    },
  );
});

const descriptors = "/proc/self/fd";
const noDescriptors = existsSync(descriptors) ? "" : " (no /proc)";

/** Files that this process has open and nobody can open any more. */
function hiddenFiles(): readonly string[] {
  const paths = readdirSync(descriptors).flatMap((it) => {
    try {
      return [readlinkSync(join(descriptors, it))];
    } catch {
      // That of the folder which was read.
      return [];
    }
  });
  return paths.filter((it) => it.startsWith("/") && it.endsWith(" (deleted)"));
}

test.skipIf(noDescriptors !== "")(`changes write into no file but its own${noDescriptors}`, async () => {
  // Other tests ran in this process.
  const before = new Set(hiddenFiles());
  await using catalogue = await make();
  // In one transaction, of which each end could be taken back by itself: more pages than SQLite keeps in memory for that.
  const spread = (it: number): string =>
    it.toString(16).padStart(3, "0").split("").reverse().join("").padEnd(32, "0");
  const uploads = Array.from({ length: 600 }, (_, it) => ({
    ...newUpload(it),
    id: spread(it),
    identity: spread(it),
  }));
  const holds = await Promise.all(uploads.map((it) => admit(catalogue, it)));
  const complete = { sha256: "0".repeat(64), content: "0".repeat(64), receivedAt: timeOf(1), bytes: 1 };
  const verbs = [{ verb: "begin-publish", ...complete }, { verb: "finish" }] as const;
  for (const it of verbs)
    await Promise.all(holds.map((hold) => catalogue.change(hold, { ...it, at: timeOf(1) })));
  expect(hiddenFiles().filter((it) => !before.has(it))).toEqual([]);
});

test("a catalogue whose file was removed is written again at its end", async () => {
  await using folder = await dataFolder();
  const file = folder.catalogueFile;
  const catalogue = await openSqliteCatalogue({ file, log: silentLogger });
  await admit(catalogue, newUpload(1));
  for (const suffix of ["", "-wal"]) rmSync(file + suffix, { force: true });
  rescueCatalogue(catalogue, file, silentLogger);
  catalogue.close();
  const next = await openSqliteCatalogue({ file, log: silentLogger });
  expect((await namesIn(next, ["open"])).length).toBe(201);
  next.close();
});

test("space that is free again goes back to the system, a little at a time", async () => {
  await using folder = await tempFolder();
  const file = folder.file("c.sqlite");
  const catalogue = await openSqliteCatalogue({ file, log: silentLogger });
  const metadataText = JSON.stringify({ note: "x".repeat(250_000) });
  const numbers = Array.from({ length: 60 }, (_, index) => index + 1);
  for (const number of numbers) await admit(catalogue, newUpload(number, { metadataText }));
  for (const number of numbers)
    await bring(catalogue, { id: newUpload(number).id, fence: 1, owner }, "failed", number);
  let steps = 0;
  while (await catalogue.compact()) steps++;
  expect(steps).toBeGreaterThan(10);
  catalogue.close();
  expect(statSync(file).size).toBeLessThan(8 * 1024 * 1024);
});

describe("a damaged file is moved aside and made anew from what was published", () => {
  const damages: readonly (readonly [string, (file: string) => void])[] = [
    ["no database at all", (file) => writeFileSync(file, "x".repeat(20_000))],
    ["overwritten in the middle", (file) => overwrite(file, 4096, 8192)],
    ["cut off", (file) => truncateSync(file, 4096 + 100)],
    ["cut to nothing", (file) => truncateSync(file, 0)],
    ["a folder in its place", replaceByFolder],
    ["a folder in place of its log", (file) => mkdirSync(`${file}-wal`)],
    ["without its table", (file) => change(file, "DROP TABLE uploads")],
    ["without the table of metadata", (file) => change(file, "DROP TABLE metadata")],
    ["with another program's tables", (file) => replaceBy(file, "CREATE TABLE photos (name TEXT)")],
    ["with a table of that name", (file) => replaceBy(file, "CREATE TABLE uploads (name TEXT)")],
    ["of another program and a later version", (file) => replaceBy(file, "PRAGMA user_version = 2000")],
    [
      "of another program, with a version like ours",
      (file) => replaceBy(file, "CREATE TABLE uploads (name TEXT); PRAGMA user_version = 1"),
    ],
    [
      "marked as ours, with nothing in it",
      (file) => replaceBy(file, `PRAGMA application_id = ${0x64796e63}`),
    ],
  ];
  test.each(damages)("%s", async (_name, damage) => {
    await using folder = await dataFolder();
    damage(folder.catalogueFile);
    const warnings: string[] = [];
    const log = {
      log: (level: string, message: string) => void (level === "warn" && warnings.push(message)),
    };
    const catalogue = await openSqliteCatalogue({
      file: folder.catalogueFile,
      log,
      published: () => publishedFiles(folder.path, silentLogger),
    });
    await expectPublished(catalogue);
    catalogue.close();
    const aside = readdirSync(folder.path).filter((name) => name.startsWith("catalogue.sqlite.damaged-1"));
    const isEmpty = _name === "cut to nothing";
    expect(aside.includes("catalogue.sqlite.damaged-1")).toBe(!isEmpty);
    expect(warnings.length).toBe(isEmpty ? 0 : 1);
    expect(existsSync(folder.catalogueFile)).toBe(true);
  });

  test("damage that shows while it is used is told once, and the next start makes it anew", async () => {
    await using folder = await dataFolder();
    const file = folder.catalogueFile;
    const told: string[] = [];
    const onDamaged = (error: DyncError) => void told.push(`${error.code}: ${error.message}`);
    const first = await openSqliteCatalogue({ file, log: silentLogger });
    const record = (await first.get(newUpload(100).id)) as UploadRecord;
    // More than the cache holds.
    first.restore(
      Array.from({ length: 20_000 }, (_, index) => ({
        record: { ...record, id: newUpload(1000 + index).id },
        metadataText: "{}",
      })),
    );
    first.close();
    const catalogue = await openSqliteCatalogue({ file, log: silentLogger, onDamaged });
    overwrite(file, 4096, statSync(file).size);
    const damagedBy = (call: () => unknown) => codeOf(Promise.resolve().then(call));
    let code = "";
    for (let number = 1000; number < 21_000 && code === ""; number += 100)
      code = (await damagedBy(() => catalogue.get(newUpload(number).id))) ?? "";
    expect(code).toBe("not-ready");
    expect(await damagedBy(() => catalogue.find("aa", "anna", "key-1"))).toBe("not-ready");
    expect(told).toEqual([expect.stringContaining("is damaged: it is moved to")]);
    catalogue.close();
    const published = () => publishedFiles(folder.path, silentLogger);
    const next = await openSqliteCatalogue({ file, log: silentLogger, published });
    await expectPublished(next);
    next.close();
    expect(existsSync(`${file}.damaged-1`)).toBe(true);
  });

  test("one that is gone is made anew, and a rebuild that was cut off is made again", async () => {
    await using folder = await dataFolder();
    for (const suffix of ["", "-wal", "-shm"]) writeFileSync(folder.catalogueFile + suffix, "");
    async function* cut(): AsyncGenerator<never> {
      yield* [];
      throw new Error("cut off");
    }
    const file = folder.catalogueFile;
    await expect(openSqliteCatalogue({ file, log: silentLogger, published: cut })).rejects.toThrow("cut off");
    const published = () => publishedFiles(folder.path, silentLogger);
    const catalogue = await openSqliteCatalogue({ file, log: silentLogger, published });
    await expectPublished(catalogue);
    catalogue.close();
  });

  test("a sound one is not rebuilt", async () => {
    await using folder = await dataFolder();
    const published = () => {
      throw new Error("must not be asked");
    };
    const catalogue = await openSqliteCatalogue({ file: folder.catalogueFile, log: silentLogger, published });
    expect((await namesIn(catalogue, ["open"])).length).toBe(200);
    catalogue.close();
  });
});

test("a list of very many, of which many began at the same moment, has each once", async () => {
  await using folder = await tempFolder();
  const catalogue = await openSqliteCatalogue({ file: folder.file("c.sqlite"), log: silentLogger });
  await admit(catalogue, newUpload(1));
  const record = (await catalogue.get(newUpload(1).id)) as UploadRecord;
  catalogue.restore(
    Array.from({ length: 10_000 }, (_, index) => ({
      record: { ...record, id: newUpload(2 + index).id, name: `f${index}`, createdAt: timeOf(index % 100) },
      metadataText: JSON.stringify({ index }),
    })),
  );
  const name = (it: string) => /^f(0|4321|9999)$/.test(it);
  expect(await listed(catalogue, { name }, 100)).toEqual(["f9999", "f4321", "f0"]);
  expect(await listed(catalogue, { fields: [{ path: "index", value: "17" }] }, 100)).toEqual(["f17"]);
  expect((await listed(catalogue, {}, 1000)).length).toBe(10_001);
  catalogue.close();
});

// A data folder with two published files, some other files, and a catalogue that has enough in it to be damaged.
async function dataFolder() {
  const folder = await tempFolder();
  const storage = await openStorage(folder.path);
  await publishOne(storage, 1, "anna", "a.raw", "first");
  await publishOne(storage, 2, "bert", "b.raw", "second");
  await publishOne(storage, 3, "bert", "gone.raw");
  await storage.close();
  const bert = folder.file("bert");
  writeFileSync(join(bert, "foreign.meta.json"), "{}");
  writeFileSync(join(bert, "copy.meta.json"), readFileSync(join(bert, "b.raw.meta.json")));
  writeFileSync(join(bert, "gone.raw"), "changed in length");
  const catalogueFile = folder.file("catalogue.sqlite");
  const catalogue = await openSqliteCatalogue({ file: catalogueFile, log: silentLogger });
  for (let number = 100; number < 300; number++) await admit(catalogue, newUpload(number));
  catalogue.close();
  return Object.assign(folder, { catalogueFile });
}

async function expectPublished(catalogue: SqliteCatalogue): Promise<void> {
  const names = await namesIn(catalogue, ["open", "publishing", "finished", "failed"]);
  expect([...names].sort()).toEqual(["a.raw", "b.raw"]);
  const record = await catalogue.get(idOf(1));
  expect(record).toMatchObject({
    identity: "00",
    state: "finished",
    size: 5,
    durable: 5,
    metadataDigest: jsonDigest('{"sample":"A1"}'),
    createdAt: timeOf(0),
    updatedAt: timeOf(0),
  });
  expect((await catalogue.find("00", "anna", "any key"))?.id).toBe(idOf(1));
}

function replaceByFolder(file: string): void {
  rmSync(file);
  mkdirSync(file);
}

function change(file: string, sql: string): void {
  using database = new DatabaseSync(file);
  database.exec(sql);
}

function replaceBy(file: string, sql: string): void {
  rmSync(file);
  change(file, sql);
}

function overwrite(file: string, from: number, to: number): void {
  const descriptor = openSync(file, "r+");
  writeSync(descriptor, Buffer.alloc(to - from, 0xa5), 0, to - from, from);
  closeSync(descriptor);
}
