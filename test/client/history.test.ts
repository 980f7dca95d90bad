// What was confirmed is kept, whoever else writes, and whatever tore a line; and it does not grow for ever.

import { describe, expect, test } from "bun:test";
import { appendFileSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { History, type HistoryEntry, historyEntry } from "../../src/client/history.ts";
import type { Job } from "../../src/client/job.ts";
import { tempFolder } from "../support/temp-folder.ts";

const job: Job = {
  host: "lab.example",
  port: 8889,
  serverKeyFile: null,
  origin: { kind: "file", path: "runs/a.raw" },
  name: "a.raw",
  metadataText: "{}",
};
const selection = { include: [], exclude: [], links: "skip", all: false } as const;
const receipt = { uploadId: "u1", bytes: 7, sha256: "ab".repeat(32), already: false };
const at = new Date("2026-07-30T12:00:00Z");
const entry = (name: string): HistoryEntry => ({ ...historyEntry(job, receipt, at), name });
const namesIn = async (history: History) =>
  (await Array.fromAsync(history.entries())).map(({ name }) => name);

describe("an entry", () => {
  test("says what was sent where, and what became of it", () => {
    expect(historyEntry(job, receipt, at)).toEqual({
      schema: 1,
      at: "2026-07-30T12:00:00.000Z",
      host: "lab.example",
      port: 8889,
      name: "a.raw",
      path: resolve("runs/a.raw"),
      kind: "file",
      bytes: 7,
      sha256: "ab".repeat(32),
      id: "u1",
      already: false,
    });
  });

  test("has the name under which it is stored", () => {
    const dataset: Job = {
      ...job,
      origin: { kind: "dataset", path: "run1", selection },
      name: "run1.tar",
      unpack: "tar",
    };
    expect(historyEntry(dataset, receipt, at).name).toBe("run1");
    expect(historyEntry(dataset, { ...receipt, unpacked: false }, at).name).toBe("run1.tar");
    expect(historyEntry({ ...job, origin: { kind: "input" } }, receipt, at)).toMatchObject({
      path: null,
      kind: "input",
    });
  });
});

describe("the file", () => {
  test("is the user's alone, and there when something was noted", async () => {
    await using folder = await tempFolder();
    const history = new History(join(folder.path, "home"));
    expect(await namesIn(history)).toEqual([]);
    history.note(entry("a"));
    history.note(entry("b"));
    await history.settle();
    expect(await namesIn(history)).toEqual(["a", "b"]);
    if (process.platform !== "win32")
      expect(statSync(join(folder.path, "home", "history.jsonl")).mode & 0o777).toBe(0o600);
    expect(history.fault).toBeNull();
  });

  test("may have lines that are none, and one without an end", async () => {
    await using folder = await tempFolder();
    const file = folder.file("history.jsonl");
    const whole = JSON.stringify(entry("whole"));
    writeFileSync(
      file,
      `\n\0\0\0\n{"schema":1,"at":"x"}\n${whole}\r\n{"schema":2,"name":"newer"}\n[]\n${whole.slice(0, 50)}`,
    );
    const history = new History(folder.path);
    history.note(entry("next"));
    await history.settle();
    expect(await namesIn(history)).toEqual(["whole", "next"]);
    appendFileSync(file, whole.slice(0, 20));
    expect(await namesIn(history)).toEqual(["whole", "next"]);
  });

  test("makes way for a new one when it is large, and the one before goes", async () => {
    await using folder = await tempFolder();
    const bytesMax = 5 * JSON.stringify(entry("00")).length;
    const history = new History(folder.path, bytesMax);
    for (let number = 10; number < 40; number++) {
      history.note(entry(String(number)));
      await history.settle();
    }
    const names = await namesIn(history);
    expect(names.length).toBeGreaterThanOrEqual(5);
    expect(names.length).toBeLessThanOrEqual(10);
    expect(names).toEqual(
      Array.from({ length: names.length }, (_, index) => String(40 - names.length + index)),
    );
  });

  test("of which two processes find that it is large makes way once", async () => {
    await using folder = await tempFolder();
    const bytesMax = 20 * JSON.stringify(entry("00")).length;
    const both = [new History(folder.path, bytesMax), new History(folder.path, bytesMax)];
    for (let number = 10; number < 30; number++) {
      for (const history of both) history.note(entry(String(number)));
      await Promise.all(both.map((history) => history.settle()));
    }
    // Two files of twenty lines or a little more.
    expect((await namesIn(both[0]!)).length).toBeGreaterThanOrEqual(20);
  });

  test("of a home that cannot be written to says why, and nothing else happens", async () => {
    await using folder = await tempFolder();
    writeFileSync(folder.file("home"), "");
    const history = new History(folder.file("home"));
    history.note(entry("a"));
    await history.settle();
    expect(history.fault).toContain("ENOTDIR");
  });
});

test("several processes write at once, and no line is lost or torn", async () => {
  await using folder = await tempFolder();
  const writers = ["a", "b", "c", "d"];
  const children = writers.map((name) =>
    Bun.spawn([process.execPath, join(import.meta.dir, "history-writer.ts"), folder.path, name, "500"], {
      stderr: "inherit",
    }),
  );
  expect(await Promise.all(children.map((child) => child.exited))).toEqual([0, 0, 0, 0]);
  const names = await namesIn(new History(folder.path));
  for (const writer of writers) {
    const own = names.filter((name) => name.startsWith(writer));
    expect(own).toEqual(Array.from({ length: 500 }, (_, number) => `${writer}-${number}`));
  }
  expect(readFileSync(folder.file("history.jsonl"), "utf8").trimEnd().split("\n").length).toBe(2000);
  expect(existsSync(folder.file("history-old.jsonl"))).toBe(false);
});
