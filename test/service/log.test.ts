// The log of a service: when it is put aside, and that no line is lost or cut thereby.

import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import fc from "fast-check";
import { isToRotate, logFiles, rotation } from "../../src/service/log-rotation.ts";
import { RotatingLog } from "../../src/service/rotating-log.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";

let folder: TempFolder;
beforeEach(async () => {
  folder = await tempFolder();
});
afterEach(async () => await folder[Symbol.asyncDispose]());

const date = (): Date => new Date(2026, 10, 27, 8, 30, 1);
const stamp = "2026-11-27 08:30:01 ";

test("a file is put aside before it has too much, and never an empty one", () => {
  const bounds = { bytesMax: 100, keptMax: 2 };
  expect(isToRotate(60, 40, bounds)).toBe(false);
  expect(isToRotate(60, 41, bounds)).toBe(true);
  expect(isToRotate(0, 500, bounds)).toBe(false);
});

test("the oldest goes first, and each takes the place of the one before", () => {
  expect(rotation("a.log", { bytesMax: 1, keptMax: 3 })).toEqual([
    ["a.log.2", "a.log.3"],
    ["a.log.1", "a.log.2"],
    ["a.log", "a.log.1"],
  ]);
  expect(rotation("a.log", { bytesMax: 1, keptMax: 0 })).toEqual([]);
});

test("whatever is written: files keep their bounds, and hold the last lines whole, in their order", async () => {
  let at = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.string({ minLength: 1, maxLength: 60, unit: fc.constantFrom("a", "ü", " ", "日") }), {
        maxLength: 60,
      }),
      fc.integer({ min: 0, max: 3 }),
      async (lines, keptMax) => {
        const bounds = { bytesMax: 400, keptMax };
        const file = folder.file(`${at++}`, "x.log");
        const log = new RotatingLog({ file, date, bounds });
        const text = lines.map((line) => `${line}\n`).join("");
        // In pieces that end anywhere.
        for (let from = 0; from < text.length; from += 37) log.write(text.slice(from, from + 37));
        await new Promise<void>((done) => log.end(done));
        const there = logFiles(file, bounds).filter((it) => existsSync(it));
        for (const one of there) expect(statSync(one).size).toBeLessThanOrEqual(bounds.bytesMax);
        const kept = there.toReversed().flatMap((it) => readFileSync(it, "utf8").split("\n").slice(0, -1));
        const written = lines.map((line) => stamp + line);
        expect(kept).toEqual(kept.length === 0 ? [] : written.slice(-kept.length));
        if (there.length <= keptMax) expect(kept).toEqual(written);
      },
    ),
    { numRuns: 60 },
  );
});

test("a log that cannot be written stops nobody", async () => {
  mkdirSync(folder.file("x.log"));
  const log = new RotatingLog({ file: folder.file("x.log"), date });
  log.write("one\n");
  await new Promise<void>((done) => log.end(done));
});
