// A watcher in simulated time: a folder in memory, a clock that stands still until it is moved, and a server that answers as it is told.

import { beforeEach, describe, expect, test } from "bun:test";
import { setImmediate } from "node:timers/promises";
import { DyncError } from "../../src/base/error.ts";
import type { Receipt } from "../../src/client/upload.ts";
import { ClockJumps } from "../../src/watch/clock-jumps.ts";
import { genericRule } from "../../src/watch/completion.ts";
import { FingerprintSum } from "../../src/watch/fingerprint.ts";
import type { EntryOnDisk } from "../../src/watch/folder/entry-view.ts";
import { NotReachable, type Sighting } from "../../src/watch/folder/scan.ts";
import type { SentEntry } from "../../src/watch/folder/sent-memory.ts";
import { Looker, type Ready } from "../../src/watch/looker.ts";
import { type Waiting, WatchList } from "../../src/watch/watch-list.ts";
import { Watcher } from "../../src/watch/watcher.ts";
import { ManualClock } from "../support/manual-clock.ts";

const settleMs = 60_000;
const hourMs = 3_600_000;

/** The calendar of this clock may be set; what is monotonic goes on. */
class JumpingClock extends ManualClock {
  jumpedMs = 0;
  override date(): Date {
    return new Date(super.date().getTime() + this.jumpedMs);
  }
}

/** A folder of files in memory: bytes by path; `null`: it is not there. */
let files: Map<string, number> | null;
let clock: JumpingClock;
let sent: string[];
let remembered: Map<string, SentEntry>;
let looks: number;
let said: string[];
/** So long the next look takes before it sees anything. */
let lookMs: number;
/** What sending an entry ends with: `null`, it is stored. */
let answer: (path: string) => DyncError | null;
/** What is against sending an entry, `null`: nothing. */
let against: (path: string) => Waiting | null;
let stop: AbortController;
let list: WatchList;

beforeEach(() => {
  files = new Map();
  clock = new JumpingClock();
  [sent, remembered, looks, said] = [[], new Map(), 0, []];
  answer = () => null;
  against = () => null;
  lookMs = 0;
  stop = new AbortController();
});

function sightingOf(path: string): Sighting | null {
  const bytes = files?.get(path);
  if (bytes === undefined) return null;
  const sum = new FingerprintSum();
  sum.add({ path: "", size: bytes, mtimeMs: 0, id: path });
  const view = { name: path, kind: "file" } as unknown as EntryOnDisk;
  return { path, kind: "file", fingerprint: sum.result, fault: null, at: `/${path}`, view };
}

const scanner = {
  async *entries() {
    looks += 1;
    if (files === null) throw new NotReachable("it is away");
    clock.advance(lookMs);
    lookMs = 0;
    for (const path of files.keys()) yield sightingOf(path) as Sighting;
  },
  look: async (path: string) => sightingOf(path),
};

function openWatcher(): Watcher {
  const onRestless = (path: string, forMs: number): void => void said.push(`${path} ${forMs / hourMs} h`);
  list = new WatchList({ settleMs, random: () => 0.5, onWaiting: () => {}, onLost: () => {}, onRestless });
  const jumps = new ClockJumps(clock, (byMs) => said.push(`jumped ${byMs / hourMs} h`));
  const looker = new Looker({
    ...{ clock, scanner, list, rule: genericRule },
    sentAs: (path) => remembered.get(path)?.fingerprint.text ?? null,
    prepare: async ({ path }) => {
      const waiting = against(path);
      if (waiting !== null) return { type: "waits", ...waiting };
      return {
        ...{ type: "job", key: path },
        job: {
          ...{ host: "h", port: 1, serverKeyFile: null, name: path, metadataText: "{}" },
          origin: { kind: "file", path },
        },
      };
    },
    openForWriting: () => new Set(),
  });
  return new Watcher({
    ...{ clock, list, looker, settleMs, random: () => 0.5 },
    send: async (all, ends) => {
      for await (const ready of all) end(ready, ends);
    },
    remember: (entry) => void remembered.set(entry.path, entry),
    onChange: () => () => {},
    onLooked: () => jumps.look(),
  });
}

function end(ready: Ready, ends: Parameters<ConstructorParameters<typeof Watcher>[0]["send"]>[1]): void {
  const { path, fingerprint } = ready.sighting;
  const error = answer(path);
  if (error !== null) return ends.failed(ready, error);
  sent.push(path);
  ends.stored(ready, { uploadId: "u", bytes: fingerprint.bytes, sha256: "0", already: false } as Receipt);
}

/** Lets so much time pass, in steps: what was begun gets its turn in each. */
async function pass(ms: number, stepMs = 5000): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    clock.advance(stepMs);
    for (let turns = 0; turns < 30; turns++) await Promise.resolve();
  }
}

/** The same, where very many have theirs. */
async function passInTurns(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 5000) {
    clock.advance(5000);
    await setImmediate();
  }
}

/** Watches for as long as `during` takes. */
async function watching(during: () => Promise<void>): Promise<void> {
  const watched = openWatcher().forever(stop.signal);
  watched.catch(() => {});
  await during();
  stop.abort(new Error("stopped"));
  await expect(watched).rejects.toThrow("stopped");
}

describe("Watcher", () => {
  test("sends what is quiet, once, and what comes later", async () => {
    await watching(async () => {
      files?.set("a", 1);
      await pass(settleMs - 10_000);
      expect(sent).toEqual([]);
      await pass(30_000);
      expect(sent).toEqual(["a"]);
      files?.set("b", 1);
      await pass(3 * settleMs);
      expect(sent).toEqual(["a", "b"]);
    });
  });

  test("a file that never becomes quiet is never sent, however long, and named once a day", async () => {
    await watching(async () => {
      for (let bytes = 1; bytes < 2 * 50 * 60; bytes++) {
        files?.set("a", bytes);
        await pass(settleMs / 2);
        expect([...list.waiting()]).toMatchObject([{ path: "a" }]);
      }
      expect(sent).toEqual([]);
      expect(said.map((it) => it.replace(/\.\d+/, ""))).toEqual(["a 24 h", "a 48 h"]);
      await pass(2 * settleMs);
      expect(sent).toEqual(["a"]);
    });
  });

  test("a calendar that jumps by a year, forwards and backwards, changes nothing, and is said", async () => {
    const yearMs = 365 * 24 * hourMs;
    await watching(async () => {
      files?.set("a", 1);
      await pass(10_000);
      clock.jumpedMs = yearMs;
      await pass(20_000);
      clock.jumpedMs = -yearMs;
      await pass(20_000);
      expect(sent).toEqual([]);
      await pass(30_000);
      expect(sent).toEqual(["a"]);
      expect(said).toEqual([`jumped ${yearMs / hourMs} h`, `jumped ${(-2 * yearMs) / hourMs} h`]);
    });
  });

  test("after a restart nothing is sent twice", async () => {
    files?.set("a", 1);
    await watching(async () => await pass(2 * settleMs));
    stop = new AbortController();
    await watching(async () => await pass(3 * settleMs));
    expect(sent).toEqual(["a"]);
  });

  test("a drive that goes away and comes back empty, then in part, then whole: nothing is early, nothing twice", async () => {
    await watching(async () => {
      files = new Map([
        ["old", 1],
        ["run", 100],
      ]);
      await pass(2 * settleMs);
      files.set("run2", 50);
      await pass(30_000);
      const whole = files;
      files = null;
      await pass(2 * settleMs);
      files = new Map();
      await pass(2 * settleMs);
      files = new Map([["run2", 20]]);
      await pass(2 * settleMs);
      expect(sent).toEqual(["old", "run"]);
      files = whole;
      await pass(30_000);
      expect(sent).toEqual(["old", "run"]);
      await pass(2 * settleMs);
      expect(sent).toEqual(["old", "run", "run2"]);
    });
  });

  test("a server that is away is asked again for as long as it takes, after pauses that grow to ten minutes", async () => {
    let asked = 0;
    answer = () => {
      asked += 1;
      return new DyncError("unreachable", "away");
    };
    await watching(async () => {
      files?.set("a", 1);
      await pass(24 * hourMs, 15_000);
      expect(asked).toBeGreaterThan(24 * 4);
      expect(asked).toBeLessThan(24 * 10);
      expect([...list.waiting()]).toMatchObject([{ reason: "retrying", detail: "away" }]);
      answer = () => null;
      await pass(hourMs);
      expect(sent).toEqual(["a"]);
    });
  });

  test("a file that a program keeps for itself waits for that however long, and goes within a minute", async () => {
    let asked = 0;
    const busy = Object.assign(new Error("EBUSY: resource busy or locked"), { code: "EBUSY" });
    answer = () => {
      asked += 1;
      return new DyncError("source", "another program uses it", { cause: busy });
    };
    await watching(async () => {
      files?.set("a", 1);
      await pass(10 * hourMs);
      expect([...list.waiting()]).toMatchObject([
        { reason: "open-for-writing", detail: "another program uses it" },
      ]);
      expect(asked).toBeGreaterThan(10 * 60);
      expect(asked).toBeLessThan(10 * 120);
      answer = () => null;
      await pass(60_000);
      expect(sent).toEqual(["a"]);
    });
  });

  test("what is refused is not asked for again, until it is another", async () => {
    let asked = 0;
    answer = () => {
      asked += 1;
      return new DyncError("name-taken", "taken");
    };
    await watching(async () => {
      files?.set("a", 1);
      await pass(2 * hourMs);
      expect(asked).toBe(1);
      files?.set("a", 2);
      await pass(3 * settleMs);
      expect(asked).toBe(2);
    });
  });

  test("seven days, with entries that come, are sent and go: nothing grows, and looks stay rare", async () => {
    await watching(async () => {
      for (let hour = 0; hour < 7 * 24; hour++) {
        files?.set(`run${hour}`, 1 + hour);
        files?.delete(`run${hour - 24}`);
        await pass(hourMs, 15_000);
      }
      expect(sent).toHaveLength(7 * 24);
      expect(list.counts.entries).toBeLessThanOrEqual(25);
      expect(looks).toBeLessThan((7 * 24 * hourMs) / 10_000 + 100);
    });
  });

  test("of very many some wait for their turn, none for those that lack something, and each is sent once", async () => {
    const [lacking, whole] = [1500, 4500];
    for (let at = 0; at < lacking; at++) files?.set(`a${at}`, 1);
    for (let at = 0; at < whole; at++) files?.set(`b${at}`, 1);
    let asked = 0;
    against = (path) => {
      if (!path.startsWith("a")) return null;
      asked += 1;
      return { reason: "metadata-missing", detail: "" };
    };
    await watching(async () => {
      await passInTurns(2 * settleMs);
      expect([...sent].sort()).toEqual([...(files?.keys() ?? [])].filter((it) => it.startsWith("b")).sort());
      expect(list.reasons).toEqual({ "metadata-missing": lacking });
      // All of them are asked about again, and are sent when they have what they lacked.
      asked = 0;
      await passInTurns(4 * settleMs);
      expect(asked).toBeGreaterThan(lacking);
      against = () => null;
      await passInTurns(4 * settleMs);
    });
    expect(sent).toHaveLength(lacking + whole);
  });

  test("of very many no more is ready at a time than what can be sent soon", async () => {
    for (let at = 0; at < 3000; at++) files?.set(`a${at}`, 1);
    answer = () => new DyncError("unreachable", "away");
    await watching(async () => {
      await passInTurns(10 * settleMs);
      expect(list.counts).toEqual({ entries: 3000, waiting: 3000 });
      expect(list.reasons.queued).toBeGreaterThanOrEqual(1000);
      answer = () => null;
      await passInTurns(20 * settleMs);
    });
    expect(sent).toHaveLength(3000);
  });

  test("once: what a slow look saw late is sent as well", async () => {
    files?.set("a", 1);
    lookMs = settleMs / 2;
    const ended = openWatcher().once(stop.signal);
    await pass(3 * settleMs);
    expect([await ended, sent]).toEqual([null, ["a"]]);
  });

  test("once: what is quiet is sent, and a server that is away is told", async () => {
    files?.set("a", 1);
    const ended = openWatcher().once(stop.signal);
    await pass(2 * settleMs);
    expect(await ended).toBeNull();
    expect(sent).toEqual(["a"]);
    files?.set("b", 1);
    answer = () => new DyncError("unreachable", "away");
    const failed = openWatcher().once(stop.signal);
    await pass(2 * settleMs);
    expect((await failed)?.message).toBe("away");
  });
});
