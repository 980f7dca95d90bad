// What users have stored, counted where it lies: what was taken away, what comes meanwhile, and when it is done by itself.

import { beforeEach, expect, test } from "bun:test";
import type { LogLevel } from "../../src/base/log.ts";
import { defaultUserRules } from "../../src/config/server-settings.ts";
import { Recounts } from "../../src/server/recounts.ts";
import type { CompleteUpload } from "../../src/upload/upload.ts";
import { admit, newUpload } from "../catalogue/contract.ts";
import { codeOf } from "../storage/contract.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { MemoryCatalogue } from "../support/memory/catalogue.ts";

const dayMs = 24 * 3_600_000;

let clock: ManualClock;
let catalogue: MemoryCatalogue;
/** What lies there, by id. */
let there: Map<string, CompleteUpload>;
let lines: string[];
/** Called before each that is found. */
let before: (id: string) => Promise<void>;
let unreadable: boolean;
let quotaBytes: number | undefined;
let recounts: Recounts;
const { signal } = new AbortController();

beforeEach(() => {
  clock = new ManualClock();
  catalogue = new MemoryCatalogue(clock);
  there = new Map();
  lines = [];
  before = async () => {};
  unreadable = false;
  quotaBytes = undefined;
  recounts = new Recounts({
    catalogue,
    clock,
    logger: { log: (level: LogLevel, message: string) => void lines.push(`${level}: ${message}`) },
    rulesOf: () => ({ ...defaultUserRules, limits: { quotaBytes } }),
    async *published(log) {
      for (const [id, upload] of there) {
        await before(id);
        yield upload;
      }
      if (unreadable) log.log("warn", "A folder of published files cannot be read");
    },
  });
});

/** Stores an upload, as a server does, and lays it where it belongs. */
async function store(number: number, size: number, user = "anna"): Promise<string> {
  const upload = newUpload(number, { user, size });
  const hold = await admit(catalogue, upload);
  const at = clock.date().toISOString();
  const complete = { sha256: "ab", content: "ab", receivedAt: at, at };
  await catalogue.change(hold, { verb: "begin-publish", ...complete });
  there.set(upload.id, {
    ...upload,
    size,
    sha256: "ab",
    contents: null,
    receivedAt: at,
    added: null,
  } as never);
  await catalogue.change(hold, { verb: "finish", at });
  return upload.id;
}

const usage = async (user = "anna") => {
  const { stored, files } = await catalogue.usageOf(user);
  return [stored, files];
};

test("what was taken away does not count any more, of all users or of one", async () => {
  const gone = await store(1, 40);
  await store(2, 2);
  there.delete(await store(3, 7, "bert"));
  there.delete(gone);
  clock.advance(dayMs);
  expect(await recounts.count("bert", signal)).toEqual([
    { user: "bert", before: { stored: 7, files: 1 }, now: { stored: 0, files: 0 } },
  ]);
  expect(await usage()).toEqual([42, 2]);
  expect(await recounts.count(null, signal)).toEqual([
    { user: "anna", before: { stored: 42, files: 2 }, now: { stored: 2, files: 1 } },
    { user: "bert", before: { stored: 0, files: 0 }, now: { stored: 0, files: 0 } },
  ]);
});

test("what nobody remembers counts for its user", async () => {
  const { id, ...upload } = newUpload(9, { user: "carl" });
  there.set(id, { ...upload, id, size: 11 } as never);
  await recounts.count(null, signal);
  expect(await usage("carl")).toEqual([11, 1]);
});

test("what is stored while it counts is counted once, before and behind the walk", async () => {
  await store(1, 40);
  clock.advance(dayMs);
  let number = 1;
  before = async (id) => {
    // Of each that is found one more comes, and is found itself, as long as there are few.
    if (number < 5) await store(++number, 1);
    expect(there.has(id)).toBe(true);
  };
  await recounts.count(null, signal);
  expect(await usage()).toEqual([44, 5]);
});

test("what is just being published is counted when it is stored", async () => {
  await store(1, 40);
  clock.advance(dayMs);
  const upload = newUpload(2, { size: 3 });
  const hold = await admit(catalogue, upload);
  const at = clock.date().toISOString();
  const complete = { sha256: "ab", content: "ab", receivedAt: at, at };
  await catalogue.change(hold, { verb: "begin-publish", ...complete });
  there.set(upload.id, { ...upload, size: 3 } as never);
  await recounts.count(null, signal);
  expect(await usage()).toEqual([40, 1]);
  await catalogue.change(hold, { verb: "finish", at });
  expect(await usage()).toEqual([43, 2]);
});

test("where a folder cannot be read nothing is different", async () => {
  await store(1, 40);
  there.clear();
  clock.advance(dayMs);
  unreadable = true;
  expect(await codeOf(recounts.count(null, signal))).toBe("not-ready");
  expect(await usage()).toEqual([40, 1]);
  expect(lines).toEqual(["warn: A folder of published files cannot be read"]);
});

test("it is done once a day where somebody has a quota, and not at all where nobody has", async () => {
  await store(1, 40);
  there.clear();
  clock.advance(3 * dayMs);
  await recounts.countIfDue();
  expect(await usage()).toEqual([40, 1]);
  quotaBytes = 100;
  await recounts.countIfDue();
  expect(await usage()).toEqual([0, 0]);
  expect(lines).toEqual(["info: Counted what users have stored"]);
  clock.advance(dayMs - 1);
  await recounts.countIfDue();
  expect(lines.length).toBe(1);
  clock.advance(2);
  unreadable = true;
  await recounts.countIfDue();
  expect(lines.at(-1)).toBe("warn: What users have stored could not be counted");
});

test("who asks and is gone ends the count, and the next one is not held up", async () => {
  there.delete(await store(1, 40));
  await store(2, 2);
  clock.advance(dayMs);
  const asking = new AbortController();
  before = async () => asking.abort(new Error("gone"));
  const counting = recounts.count(null, asking.signal);
  expect(await counting.catch((error: Error) => error.message)).toBe("gone");
  expect(await usage()).toEqual([42, 2]);
  await recounts.count(null, signal);
  expect(await usage()).toEqual([2, 1]);
});
