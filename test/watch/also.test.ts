// Folders that are sent along, in simulated time: at their rhythm, when they have changed, and nothing twice.

import { beforeEach, describe, expect, test } from "bun:test";
import { DyncError } from "../../src/base/error.ts";
import type { Receipt } from "../../src/client/upload.ts";
import {
  type AlsoFolder,
  type AlsoRecord,
  AlsoSender,
  isDue,
  nothingKnown,
  stampedName,
} from "../../src/watch/also.ts";
import { FingerprintSum } from "../../src/watch/fingerprint.ts";
import type { EntryOnDisk } from "../../src/watch/folder/entry-view.ts";
import type { Sighting } from "../../src/watch/folder/scan.ts";
import type { Prepared } from "../../src/watch/looker.ts";
import { ManualClock } from "../support/manual-clock.ts";

const hourMs = 3_600_000;
const yearMs = 365 * 24 * hourMs;
const settleMs = 60_000;
const folder: AlsoFolder = { path: "/opt/calibration", name: "calibration", everyMs: 8 * hourMs };

/** The calendar of this clock may be set; what is monotonic goes on. */
class SetClock extends ManualClock {
  setByMs = 0;
  override date(): Date {
    return new Date(super.date().getTime() + this.setByMs);
  }
}

let clock: SetClock;
let memory: Map<string, AlsoRecord>;
/** What is in the folder, and how often it was written anew; `null`: it is not there. */
let there: { content: string; writes: number } | null;
let metadata: string | null;
let answer: (name: string) => DyncError | null;
let sent: { name: string; content: string }[];
let tried: string[];
let said: string[];
let stop: AbortController;
let isFull: boolean;

beforeEach(() => {
  clock = new SetClock();
  [memory, sent, tried, said] = [new Map(), [], [], []];
  there = { content: "v1", writes: 1 };
  metadata = "{}";
  answer = () => null;
  stop = new AbortController();
  isFull = false;
});

function seen(): Sighting | null {
  if (there === null) return null;
  const sum = new FingerprintSum();
  sum.add({ path: "a.xml", size: there.content.length, mtimeMs: there.writes, id: "1" });
  const { path } = folder;
  const view = { name: "calibration", kind: "folder" } as unknown as EntryOnDisk;
  return { path: "calibration", kind: "folder", fingerprint: sum.result, fault: null, at: path, view };
}

function open(): AlsoSender {
  return new AlsoSender([folder], {
    ...{ clock, settleMs, random: () => 0.5 },
    memory: {
      find: (path) => memory.get(path) ?? nothingKnown,
      note: (path, record) => {
        if (isFull) throw new Error("disk is full");
        memory.set(path, record);
      },
    },
    look: async () => seen(),
    prepare: (_, name): Prepared =>
      metadata === null
        ? { type: "waits", reason: "metadata-missing", detail: "no sample" }
        : {
            ...{ type: "job", key: name },
            job: {
              ...{ host: "h", port: 1, serverKeyFile: null, name, metadataText: metadata },
              origin: { kind: "file", path: folder.path },
            },
          },
    contentOf: async () => there?.content ?? "",
    send: async ({ job }) => {
      tried.push(job.name);
      const error = answer(job.name);
      if (error !== null) throw error;
      sent.push({ name: job.name, content: there?.content ?? "" });
      return { uploadId: "u", bytes: 1, sha256: "0", already: false } as Receipt;
    },
    onUnwritten: (why) => said.push(why ?? "written"),
    onWaiting: (_, { reason }) => said.push(reason),
    onKnown: (_, __, isNew) => said.push(isNew ? "sent" : "unchanged"),
  });
}

async function pass(ms: number, stepMs = 15_000): Promise<void> {
  for (let passed = 0; passed < ms; passed += stepMs) {
    clock.advance(stepMs);
    for (let turns = 0; turns < 40; turns++) await Promise.resolve();
  }
}

async function running(during: () => Promise<void>): Promise<void> {
  stop = new AbortController();
  const ended = open().forever(stop.signal);
  ended.catch(() => {});
  await during();
  stop.abort(new Error("stopped"));
  await expect(ended).rejects.toThrow("stopped");
}

const contents = (): readonly string[] => sent.map(({ content }) => content);

describe("a folder that is sent along", () => {
  test("goes when it is quiet, and then at its rhythm when it has changed, under another name each time", async () => {
    await running(async () => {
      await pass(settleMs - 15_000);
      expect(sent).toEqual([]);
      await pass(30_000);
      expect(contents()).toEqual(["v1"]);
      there = { content: "v2", writes: 2 };
      await pass(7 * hourMs, 60_000);
      expect(contents()).toEqual(["v1"]);
      await pass(2 * hourMs, 60_000);
      expect(contents()).toEqual(["v1", "v2"]);
      await pass(30 * hourMs, 60_000);
      expect(contents()).toEqual(["v1", "v2"]);
    });
    expect(new Set(tried).size).toBe(2);
    expect(said.filter((it) => it === "unchanged")).toHaveLength(3);
  });

  test("that was written anew with the same content is not sent again", async () => {
    await running(async () => {
      await pass(2 * settleMs);
      there = { content: "v1", writes: 2 };
      await pass(10 * hourMs, 60_000);
      expect(contents()).toEqual(["v1"]);
    });
  });

  test("keeps its rhythm across restarts, and is the same upload again where one was cut", async () => {
    answer = () => new DyncError("unreachable", "away");
    await running(async () => await pass(2 * settleMs));
    expect(new Set(tried).size).toBe(1);
    answer = () => null;
    await running(async () => await pass(3 * settleMs));
    expect(sent).toEqual([{ name: tried[0] as string, content: "v1" }]);
    there = { content: "v2", writes: 2 };
    await running(async () => await pass(6 * hourMs, 60_000));
    expect(sent).toHaveLength(1);
    await running(async () => await pass(3 * hourMs, 60_000));
    expect(contents()).toEqual(["v1", "v2"]);
  });

  test.each([yearMs, -yearMs])(
    "is not sent twice, nor late, when the clock is set by %d ms",
    async (byMs) => {
      await running(async () => {
        await pass(2 * settleMs);
        clock.setByMs = byMs;
        await pass(4 * hourMs, 60_000);
        expect(contents()).toEqual(["v1"]);
        there = { content: "v2", writes: 2 };
        await pass(9 * hourMs, 60_000);
        expect(contents()).toEqual(["v1", "v2"]);
        clock.setByMs = 0;
        there = { content: "v3", writes: 3 };
        await pass(9 * hourMs, 60_000);
        expect(contents()).toEqual(["v1", "v2", "v3"]);
      });
    },
  );

  test("whose name is taken, since the clock was set back, gets another one", async () => {
    answer = (name) => (tried.length === 1 ? new DyncError("name-taken", `${name} is taken`) : null);
    await running(async () => await pass(5 * settleMs));
    expect(tried).toHaveLength(2);
    expect(tried[0]).not.toBe(tried[1] as string);
    expect(contents()).toEqual(["v1"]);
  });

  test("waits for what it lacks, and is asked for once where the server refuses it", async () => {
    metadata = null;
    await running(async () => {
      await pass(10 * settleMs);
      expect(said.at(-1)).toBe("metadata-missing");
      metadata = '{"sample":1}';
      answer = () => new DyncError("metadata-rejected", "no project");
      await pass(hourMs);
      expect(tried).toHaveLength(1);
      metadata = '{"sample":1,"project":2}';
      answer = () => null;
      await pass(10 * settleMs);
      expect(contents()).toEqual(["v1"]);
      there = null;
      await pass(9 * hourMs, 60_000);
      expect(said.at(-1)).toBe("not-reachable");
      there = { content: "v1", writes: 1 };
      await pass(10 * settleMs);
      expect(contents()).toEqual(["v1"]);
      expect(said.at(-1)).toBe("unchanged");
    });
  });

  test("is not begun while that cannot be written down, and is remembered where that is full afterwards", async () => {
    isFull = true;
    await running(async () => {
      await pass(10 * settleMs);
      expect([tried, said.filter((it) => it === "disk is full")]).toEqual([[], ["disk is full"]]);
      isFull = false;
      answer = () => {
        isFull = true;
        return null;
      };
      await pass(10 * settleMs);
      expect(contents()).toEqual(["v1"]);
      await pass(20 * hourMs, 60_000);
      expect(contents()).toEqual(["v1"]);
      isFull = false;
      await pass(10 * settleMs);
      expect(said.at(-1)).toBe("written");
      expect(memory.get(folder.path)?.sent?.content).toBe("v1");
    });
  });

  test("goes once with --once when it is due, and names a server that is away", async () => {
    const once = open().once(stop.signal);
    await pass(2 * settleMs);
    expect(await once).toBeNull();
    expect(await open().once(stop.signal)).toBeNull();
    expect(contents()).toEqual(["v1"]);
    there = { content: "v2", writes: 2 };
    clock.advance(9 * hourMs);
    answer = () => new DyncError("unreachable", "away");
    const failed = open().once(stop.signal);
    await pass(2 * settleMs);
    expect((await failed)?.message).toBe("away");
  });
});

test("it is time after so long by the calendar or by what passed, and when the calendar was set back", () => {
  const checkedAt = "2026-11-27T12:00:00.000Z";
  const at = Date.parse(checkedAt);
  const never = Number.NEGATIVE_INFINITY;
  expect(isDue({ checkedAt: null }, hourMs, { nowMs: at, sinceMs: never })).toBe(true);
  expect(isDue({ checkedAt }, hourMs, { nowMs: at + hourMs - 1, sinceMs: never })).toBe(false);
  expect(isDue({ checkedAt }, hourMs, { nowMs: at + hourMs, sinceMs: never })).toBe(true);
  expect(isDue({ checkedAt }, hourMs, { nowMs: at - 1, sinceMs: never })).toBe(true);
  expect(isDue({ checkedAt }, hourMs, { nowMs: at, sinceMs: hourMs })).toBe(true);
});

test("a name has the moment in UTC, in characters that every system takes", () => {
  expect(stampedName("calibration", new Date("2026-11-27T12:03:45.678Z"))).toBe(
    "calibration-20261127T120345Z",
  );
});
