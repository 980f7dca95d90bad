// Runs of a watched folder that are sent while they are written, in simulated time: folders in memory, and a server that answers as it is told.

import { beforeEach, describe, expect, test } from "bun:test";
import { DyncError } from "../../../src/base/error.ts";
import { RunAborted } from "../../../src/client/live/feed.ts";
import { UploadKept } from "../../../src/client/resumption.ts";
import { GrowthRefused } from "../../../src/client/source.ts";
import type { Receipt } from "../../../src/client/upload.ts";
import type { Completion } from "../../../src/watch/completion.ts";
import type { Decided } from "../../../src/watch/decision.ts";
import { FingerprintSum } from "../../../src/watch/fingerprint.ts";
import type { EntryOnDisk } from "../../../src/watch/folder/entry-view.ts";
import type { Sighting } from "../../../src/watch/folder/scan.ts";
import type { SentEntry } from "../../../src/watch/folder/sent-memory.ts";
import { liveRule, RunLeft } from "../../../src/watch/live/live-rule.ts";
import { LiveRuns } from "../../../src/watch/live/live-runs.ts";
import { Looker, type Ready } from "../../../src/watch/looker.ts";
import { type Waiting, WatchList } from "../../../src/watch/watch-list.ts";
import { type SendEnds, Watcher } from "../../../src/watch/watcher.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const settleMs = 60_000;
const hourMs = 3_600_000;
const noSign: Completion = { type: "waits", reason: "no-sign", detail: "it waits for Done.txt" };
const finished: Completion = { type: "complete", outcome: "finished", sign: "Done.txt" };

/** Bytes of each run. */
let runs: Map<string, number>;
let completion: Map<string, Completion>;
let decided: Map<string, Decided>;
let clock: ManualClock;
let stop: AbortController;
let list: WatchList;
let said: string[];
/** What is sent live just now, and how it is told how that ended. */
let live: Map<string, { readonly ready: Ready; readonly ends: SendEnds }>;
/** What was sent as it was when it was complete. */
let usual: string[];
let remembered: Map<string, SentEntry>;
let against: Waiting | null;
let isAsGiven: boolean;
let metadata: string;
let isAway: boolean;

beforeEach(() => {
  [runs, completion, decided, live, remembered] = [new Map(), new Map(), new Map(), new Map(), new Map()];
  [said, usual, against, isAsGiven, metadata] = [[], [], null, true, "m"];
  isAway = false;
  clock = new ManualClock();
  stop = new AbortController();
});

function sightingOf(path: string): Sighting | null {
  const bytes = runs.get(path);
  if (bytes === undefined) return null;
  const sum = new FingerprintSum();
  if (bytes > 0) sum.add({ path: "a", size: bytes, mtimeMs: 0, id: path });
  const view = { name: path, kind: "folder" } as unknown as EntryOnDisk;
  return { path, kind: "folder", fingerprint: sum.result, fault: null, at: `/${path}`, view };
}

const scanner = {
  async *entries() {
    for (const path of runs.keys()) yield sightingOf(path) as Sighting;
  },
  look: async (path: string) => sightingOf(path),
};

const receipt = { uploadId: "u", bytes: 1, sha256: "0", already: false } as Receipt;

async function prepare({ path }: Sighting) {
  if (against !== null) return { type: "waits", ...against } as const;
  const job = {
    ...{ host: "h", port: 1, serverKeyFile: null, name: path, metadataText: "{}" },
    origin: { kind: "file", path },
  } as const;
  return { type: "job", key: `${path} ${metadata}`, job } as const;
}

interface Parts {
  readonly watcher: Watcher;
  readonly sender: LiveRuns;
}

function open(begun: readonly string[]): Parts {
  list = new WatchList({
    ...{ settleMs, random: () => 0.5, onLost: () => {} },
    onWaiting: (path, { reason }) => said.push(`${path} ${reason}`),
  });
  const remember = (entry: SentEntry): void => void remembered.set(entry.path, entry);
  const parts = { clock, list, scanner, remember, random: () => 0.5 };
  const sender = new LiveRuns({
    ...{ ...parts, begun, prepare },
    send: async (all, ends) => {
      for await (const ready of all) live.set(ready.sighting.path, { ready, ends });
    },
    isAsGiven: async () => isAsGiven,
    onStored: ({ sighting }) => void said.push(`${sighting.path} stored`),
    onRefused: (text) => void said.push(text),
  });
  const looker = new Looker({
    ...{ clock, scanner, list, prepare, live: sender },
    rule: {
      ...{ name: "", isUnit: () => true, isJunk: () => false },
      complete: async ({ name }) => completion.get(name) ?? noSign,
    },
    sentAs: (path) => remembered.get(path)?.fingerprint.text ?? null,
    decisions: { refresh: () => {}, of: (path) => decided.get(path) ?? null },
    openForWriting: () => new Set(),
  });
  const watcher = new Watcher({
    ...{ ...parts, looker, settleMs, onChange: () => () => {} },
    send: async (all, ends) => {
      for await (const ready of all) {
        usual.push(ready.sighting.path);
        await ends.stored(ready, receipt);
      }
    },
  });
  return { watcher, sender };
}

async function pass(ms: number, stepMs = 5000): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    clock.advance(stepMs);
    for (let turns = 0; turns < 60; turns++) await Promise.resolve();
  }
}

/** Watches for as long as `during` takes. */
async function watching(during: () => Promise<void>, begun: readonly string[] = []): Promise<void> {
  const { watcher, sender } = open(begun);
  const all = [watcher.forever(stop.signal), sender.forever(stop.signal)];
  for (const one of all) one.catch(() => {});
  await during();
  stop.abort(new Error("stopped"));
  await expect(all[0]).rejects.toThrow("stopped");
  await all[1];
  stop = new AbortController();
}

/** Ends what is sent live. */
async function end(path: string, error: DyncError | null = null): Promise<void> {
  const { ready, ends } = live.get(path)!;
  live.delete(path);
  if (error === null) await ends.stored(ready, receipt);
  else ends.failed(ready, error);
}

/** The reason for which each waits. */
const reasons = (): Readonly<Record<string, string>> =>
  Object.fromEntries([...list.waiting()].map(({ path, reason }) => [path, reason]));

const kept = (error: DyncError): DyncError => new UploadKept(error, "0".repeat(32));
const byPerson = (decision: "send" | "leave"): Decided => ({
  decision,
  by: "me",
  at: "2026-01-01T00:00:00Z",
});

describe("LiveRuns", () => {
  test("a run begins when it comes, or changes, while the folder is watched; what lies there quietly does not", async () => {
    runs.set("old", 1).set("older", 1);
    completion.set("older", finished);
    await watching(async () => {
      await pass(2 * settleMs);
      expect([[...live.keys()], usual, reasons()]).toEqual([[], ["older"], { old: "no-sign" }]);
      runs.set("new", 0);
      await pass(20_000);
      expect(reasons()).toEqual({ old: "no-sign", new: "empty" });
      runs.set("new", 1).set("old", 2);
      await pass(20_000);
      expect([...live.keys()].sort()).toEqual(["new", "old"]);
      expect(reasons()).toEqual({ old: "live", new: "live" });
      // It is nobody else's, whatever is seen of it.
      completion.set("new", finished);
      await pass(5 * settleMs);
      expect([usual, said.filter((it) => it === "new live")]).toEqual([["older"], ["new live"]]);
      runs.set("new", 3);
      await end("new");
      await pass(2 * settleMs);
      expect([usual, remembered.get("new")?.fingerprint.text]).toEqual([
        ["older"],
        sightingOf("new")?.fingerprint.text,
      ]);
      expect(reasons()).toEqual({ old: "live" });
    });
  });

  test("one that is complete when it comes, or ended badly, or has nothing to send, goes as any other", async () => {
    await watching(async () => {
      await pass(20_000);
      completion.set("done", finished);
      completion.set("bad", { type: "complete", outcome: "failed", sign: "Status.xml" });
      completion.set("broken", { type: "waits", reason: "run-aborted", detail: "" });
      completion.set("bare", { type: "waits", reason: "empty", detail: "" });
      for (const path of completion.keys()) runs.set(path, 1);
      await pass(2 * settleMs);
      expect([usual, live.size]).toEqual([["done"], 0]);
      expect(reasons()).toEqual({ bad: "run-failed", broken: "run-aborted", bare: "empty" });
    });
  });

  test("what was begun before goes on after a restart, also when it is complete by then, and is not sent twice", async () => {
    runs.set("a", 1).set("b", 1).set("c", 1);
    completion.set("b", finished);
    completion.set("c", { type: "complete", outcome: "aborted", sign: "Status.xml" });
    await watching(async () => {
      await pass(20_000);
      expect([...live.keys()].sort()).toEqual(["a", "b"]);
      await pass(settleMs);
      expect(reasons()).toEqual({ a: "live", b: "live", c: "run-aborted" });
      await end("b");
      // A person decides of the one that was aborted.
      decided.set("c", byPerson("send"));
      await pass(20_000);
      expect([...live.keys()].sort()).toEqual(["a", "c"]);
      await end("c");
      await pass(2 * settleMs);
      expect(usual).toEqual([]);
    }, ["a", "b", "c"]);
    await watching(async () => {
      await pass(3 * settleMs);
      expect([usual, live.size >= 1]).toEqual([[], true]);
      expect(reasons()).toEqual({ a: "no-sign" });
    });
  });

  test("what changed between its end and now was sent, has changed, and goes again as any other", async () => {
    await watching(async () => {
      await pass(20_000);
      runs.set("a", 1);
      await pass(20_000);
      completion.set("a", finished);
      isAsGiven = false;
      runs.set("a", 2);
      await end("a");
      await pass(20_000);
      expect([...list.waiting()]).toMatchObject([
        { path: "a", detail: "It was sent, and has changed since" },
      ]);
      await pass(settleMs);
      expect([usual, live.size]).toEqual([["a"], 0]);
    });
  });

  test("an aborted run waits for a person, is not begun again meanwhile, and is not told twice", async () => {
    await watching(async () => {
      await pass(20_000);
      runs.set("a", 1);
      await pass(20_000);
      completion.set("a", { type: "complete", outcome: "aborted", sign: "Status.xml" });
      await end("a", kept(new RunAborted("/a", { reason: "run-aborted", why: "Status.xml" })));
      await pass(hourMs);
      expect([reasons(), live.size]).toEqual([{ a: "run-aborted" }, 0]);
      expect(said.filter((it) => it === "a run-aborted").length).toBeLessThanOrEqual(2);
      decided.set("a", byPerson("leave"));
      await pass(settleMs);
      expect(reasons()).toEqual({ a: "left" });
      decided.set("a", byPerson("send"));
      await pass(settleMs);
      expect([...live.keys(), ...usual]).toEqual(["a"]);
    });
  });

  test("one that a person leaves alone while it is sent is not begun again", async () => {
    await watching(async () => {
      await pass(20_000);
      runs.set("a", 1);
      await pass(20_000);
      decided.set("a", byPerson("leave"));
      await end("a", kept(new RunLeft("a")));
      await pass(settleMs);
      expect([reasons(), live.size]).toEqual([{ a: "left" }, 0]);
    });
  });

  test("one that lacks metadata begins when they are there, and waits for nothing else meanwhile", async () => {
    await watching(async () => {
      await pass(20_000);
      against = { reason: "metadata-missing", detail: "project" };
      for (let bytes = 1; bytes < 100; bytes++) {
        runs.set("a", bytes);
        await pass(10_000);
      }
      expect([said, live.size]).toEqual([["a metadata-missing"], 0]);
      against = null;
      await pass(20_000);
      expect([...live.keys()]).toEqual(["a"]);
    });
  });

  test("what the server refuses is asked for again when its name, metadata or the rules are others", async () => {
    await watching(async () => {
      await pass(20_000);
      runs.set("a", 1);
      await pass(20_000);
      await end("a", new DyncError("name-taken", "taken"));
      for (let bytes = 2; bytes < 50; bytes++) {
        runs.set("a", bytes);
        await pass(10_000);
      }
      expect([reasons(), live.size]).toEqual([{ a: "refused" }, 0]);
      metadata = "others";
      runs.set("a", 100);
      await pass(20_000);
      expect([...live.keys()]).toEqual(["a"]);
    });
  });

  test("a server that is away is tried again after pauses that grow to ten minutes, whatever is written meanwhile", async () => {
    let tries = 0;
    await watching(async () => {
      await pass(20_000);
      for (let bytes = 1; bytes < 24 * 60 * 3; bytes++) {
        runs.set("a", bytes);
        await pass(20_000);
        if (!live.has("a")) continue;
        tries += 1;
        await end("a", kept(new DyncError("unreachable", "away")));
      }
      expect(tries).toBeGreaterThan(24 * 4);
      expect(tries).toBeLessThan(24 * 8);
      expect(reasons()).toEqual({ a: "retrying" });
      await pass(hourMs);
      expect([...live.keys()]).toEqual(["a"]);
    });
  });

  test("a server that takes no run that grows is asked once a day, and gets each when it is complete", async () => {
    await watching(async () => {
      await pass(20_000);
      runs.set("a", 1);
      await pass(20_000);
      await end("a", new GrowthRefused("a.tar"));
      runs.set("b", 1);
      await pass(settleMs);
      expect(reasons()).toEqual({ a: "no-sign", b: "no-sign" });
      completion.set("a", finished);
      await pass(settleMs);
      expect(usual).toEqual(["a"]);
      await pass(24 * hourMs, 30_000);
      runs.set("b", 2);
      await pass(settleMs);
      expect([...live.keys()]).toEqual(["b"]);
      expect(said.filter((it) => it.startsWith("The server takes no run"))).toHaveLength(1);
    });
  });
});

describe("liveRule", () => {
  const view = { name: "a", kind: "folder" } as unknown as EntryOnDisk;
  const by = (decision: "send" | "leave" | null, of: Completion, has: Waiting | null = null) =>
    liveRule(
      { complete: async () => of },
      {
        ...{ path: "a", clock, isAway: () => isAway },
        decided: () => (decision === null ? null : byPerson(decision)),
        against: async () => has,
      },
    ).complete(view);

  test("is the profile's, but for what a person decided and what the instrument's own checksums say", async () => {
    expect(await by(null, noSign)).toEqual(noSign);
    expect(await by(null, finished)).toEqual(finished);
    const mismatch = { reason: "hash-mismatch", detail: "a.bam" } as const;
    expect(await by(null, finished, mismatch)).toEqual({ type: "waits", ...mismatch });
    expect(await by("send", finished, mismatch)).toEqual(finished);
    expect(await by("send", noSign)).toEqual({ type: "by-quiet" });
    expect(await by("send", { type: "complete", outcome: "failed", sign: "" })).toEqual({ type: "by-quiet" });
    await expect(by("leave", finished)).rejects.toThrow('"a" is left alone');
  });

  test("ends a run that was not to be seen for a day, and none that is away for a night", async () => {
    const of = { complete: async () => noSign };
    const rule = liveRule(of, {
      path: "a",
      clock,
      isAway: () => isAway,
      decided: () => null,
      against: async () => null,
    });
    for (const hours of [12, 12, 25]) {
      isAway = false;
      expect(await rule.complete(view)).toEqual(noSign);
      isAway = true;
      expect(await rule.complete(view)).toEqual(noSign);
      clock.advance(hours * hourMs);
    }
    await expect(rule.complete(view)).rejects.toThrow("was not there for a day");
  });
});
