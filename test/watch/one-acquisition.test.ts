// Files that are one acquisition: none of them is sent before all are complete.

import { beforeEach, expect, test } from "bun:test";
import type { Receipt } from "../../src/client/upload.ts";
import type { Decided } from "../../src/watch/decision.ts";
import { FingerprintSum } from "../../src/watch/fingerprint.ts";
import type { Sighting } from "../../src/watch/folder/scan.ts";
import { Looker, type Ready } from "../../src/watch/looker.ts";
import { readProfile } from "../../src/watch/profile.ts";
import { knownProfile } from "../../src/watch/profiles.ts";
import { WatchList } from "../../src/watch/watch-list.ts";
import { Watcher } from "../../src/watch/watcher.ts";
import { memoryView } from "../support/instrument/memory-view.ts";
import { ManualClock } from "../support/manual-clock.ts";

const settleMs = 60_000;
const lookMs = 10_000;
const reading = readProfile("own", 'title = "own"\nunit = "file"\nendings = [".raw", ".raw.scan", ".idx"]\n');
if (!reading.ok) throw new Error(JSON.stringify(reading.faults));
const rule = reading.value;

let clock: ManualClock;
let list: WatchList;
let looker: Looker;
/** Bytes by path. */
let files: Map<string, number>;
let sent: string[];
let open: Set<string>;
let withoutMetadata: Set<string>;
let decided: Map<string, Decided>;

beforeEach(() => {
  [clock, files, sent] = [new ManualClock(), new Map(), []];
  [open, withoutMetadata, decided] = [new Set(), new Set(), new Map()];
  list = new WatchList({ settleMs, random: () => 0.5, onWaiting: () => {}, onLost: () => {} });
  looker = new Looker({
    ...{ clock, list, rule, scanner },
    sentAs: () => null,
    decisions: { refresh: () => {}, of: (path) => decided.get(path) ?? null },
    prepare: async ({ path }) =>
      withoutMetadata.has(path)
        ? { type: "waits", reason: "metadata-missing", detail: "" }
        : { type: "job", job: {} as Ready["job"], key: "" },
    openForWriting: () => open,
  });
});

const scanner = {
  async *entries() {
    for (const path of files.keys()) yield sightingOf(path);
  },
  look: async (path: string) => (files.has(path) ? sightingOf(path) : null),
};

function sightingOf(path: string): Sighting {
  const cut = path.lastIndexOf("/") + 1;
  const beside = Object.fromEntries(
    [...files].filter(([it]) => it.startsWith(path.slice(0, cut))).map(([it, size]) => [it.slice(cut), size]),
  );
  const view = memoryView({
    name: path.slice(cut),
    kind: "file",
    files: { "": files.get(path) ?? 0 },
    beside,
  });
  const sum = new FingerprintSum();
  for (const file of view.files()) sum.add(file);
  return { path, kind: "file", fingerprint: sum.result, fault: null, at: `/${path}`, view };
}

/** Looks for so long; `each` is done before each look. */
async function pass(ms: number, each: () => void = () => {}): Promise<void> {
  for (let passed = 0; passed < ms; passed += lookMs) {
    clock.advance(lookMs);
    each();
    for (const { sighting } of await looker.all(new AbortController().signal)) {
      sent.push(sighting.path);
      list.sent(sighting.path, sighting.fingerprint.text);
    }
  }
}

function waitsFor(path: string): string {
  const waiting = [...list.waiting()].find((it) => it.path === path);
  return waiting === undefined ? "" : `${waiting.reason}: ${waiting.detail}`;
}

test("what is quiet waits for the other files of its name, in its own folder, and all go together", async () => {
  files = new Map(
    ["day/a.raw", "day/A.RAW.scan", "day/a.idx", "day/ab.raw", "other/a.raw.scan"].map((it) => [it, 5]),
  );
  let size = 5;
  await pass(10 * settleMs, () => {
    files.set("day/A.RAW.scan", ++size);
    files.set("other/a.raw.scan", size);
  });
  expect(sent).toEqual(["day/ab.raw"]);
  for (const path of ["day/a.raw", "day/a.idx"])
    expect(waitsFor(path)).toBe(
      "incomplete: A.RAW.scan, which is of the same acquisition, is not complete yet",
    );
  await pass(2 * settleMs);
  expect(sent.slice(1)).toEqual(["day/a.raw", "day/A.RAW.scan", "day/a.idx", "other/a.raw.scan"]);
});

test("one that a program has open holds the others back, and one that lacks metadata does not", async () => {
  files = new Map(["a.raw", "a.idx"].map((it) => [it, 5]));
  open.add("/a.idx");
  await pass(3 * settleMs);
  expect(sent).toEqual([]);
  expect(waitsFor("a.raw")).toStartWith("incomplete: a.idx, ");
  open.clear();
  withoutMetadata.add("a.idx");
  await pass(2 * settleMs);
  expect(sent).toEqual(["a.raw"]);
  expect(waitsFor("a.idx")).toBe("metadata-missing: ");
});

test("one that a person wants to be sent goes by itself", async () => {
  files = new Map(["a.raw", "a.idx"].map((it) => [it, 5]));
  decided.set("a.raw", { decision: "send", by: "anna", at: new Date(0) } as unknown as Decided);
  let size = 5;
  await pass(5 * settleMs, () => files.set("a.idx", ++size));
  expect(sent).toEqual(["a.raw"]);
});

test("one that came later, and one that was sent and changes, hold back what was not sent yet", async () => {
  files = new Map([["a.raw", 5]]);
  await pass(2 * settleMs);
  expect(sent).toEqual(["a.raw"]);
  files.set("a.idx", 5);
  let size = 5;
  await pass(5 * settleMs, () => files.set("a.raw", ++size));
  expect(sent).toEqual(["a.raw"]);
  await pass(2 * settleMs);
  expect(sent.slice(1).sort()).toEqual(["a.idx", "a.raw"]);
});

test.each([
  ["changes", () => files.set("a.idx", 6)],
  ["comes", () => files.set("a.raw.scan", 5)],
  ["goes", () => files.delete("a.idx")],
])("one that %s while the others wait for their turn takes them back", async (_what, happen) => {
  files = new Map(["first.raw", "a.raw", "a.idx"].map((it) => [it, 5]));
  const stop = new AbortController();
  const watcher = new Watcher({
    ...{ clock, list, looker, settleMs, random: () => 0.5 },
    send: async (all, ends) => {
      for await (const ready of all) {
        if (sent.push(ready.sighting.path) === 1) happen();
        ends.stored(ready, { uploadId: "u", sha256: "0" } as Receipt);
      }
    },
    remember: () => {},
    onChange: () => () => {},
  });
  const watched = watcher.forever(stop.signal).catch(() => {});
  const passing = async (ms: number): Promise<void> => {
    for (let passed = 0; passed < ms; passed += lookMs) {
      clock.advance(lookMs);
      for (let turns = 0; turns < 60; turns++) await Promise.resolve();
    }
  };
  await passing(1.5 * settleMs);
  expect(sent).toEqual(["first.raw"]);
  const others = [...files.keys()].filter((it) => it !== "first.raw");
  await passing(3 * settleMs);
  expect(sent.slice(1).sort()).toEqual(others.sort());
  stop.abort(new Error("stopped"));
  await watched;
});

test("the profile of SCIEX knows the files of one acquisition", () => {
  const names = [
    "run 7.wiff",
    "run 7.wiff.scan",
    "RUN 7.WIFF2",
    "run 7.timeseries.data",
    "run 7.txt",
    "run 77.wiff",
  ];
  const beside = Object.fromEntries(names.map((name) => [name, 500]));
  const view = memoryView({ name: "run 7.wiff.scan", kind: "file", files: { "": 500 }, beside });
  expect(knownProfile("sciex")?.belonging?.(view)).toEqual([
    "RUN 7.WIFF2",
    "run 7.timeseries.data",
    "run 7.wiff",
  ]);
  expect(knownProfile("thermo-raw")?.belonging).toBeUndefined();
});
