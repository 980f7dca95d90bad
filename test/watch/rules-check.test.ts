// Metadata that are judged by a copy of the rules, in simulated time: the copy is fetched, kept fresh, and believed until it is another.

import { beforeEach, expect, test } from "bun:test";
import { DyncError } from "../../src/base/error.ts";
import type { Job } from "../../src/client/job.ts";
import { RulesCheck } from "../../src/watch/rules-check.ts";
import { ManualClock } from "../support/manual-clock.ts";

const minuteMs = 60_000;
let clock: ManualClock;
/** Which field the server's rules want, and the copy of them that is here; `null`: there is none. */
let wanted: string;
let copy: string | null;
let fetchFault: DyncError | null;
let fetched: number;
let judged: number;
let isWaitedFor: boolean;
const stop = new AbortController();

beforeEach(() => {
  clock = new ManualClock();
  [wanted, copy, fetchFault, fetched, judged] = ["project", null, null, 0, 0];
  isWaitedFor = false;
});

function open(): RulesCheck {
  return new RulesCheck({
    ...{ clock, random: () => 0.5, isWaitedFor: () => isWaitedFor },
    fetch: async () => {
      fetched += 1;
      if (fetchFault !== null) throw fetchFault;
      copy = wanted;
    },
    open: async () => {
      if (copy === null) throw new DyncError("cannot-know", "no copy");
      const field = copy;
      return {
        digest: field,
        metadataFault: ({ metadataText }) => {
          judged += 1;
          const faults = [{ path: field, text: `"${field}" is missing` }];
          const isThere = Object.hasOwn(JSON.parse(metadataText) as object, field);
          return isThere ? null : new DyncError("metadata-rejected", `lacks ${field}`, { faults });
        },
      };
    },
  });
}

const job = (metadataText: string): Job => ({
  ...{ host: "h", port: 1, serverKeyFile: null, name: "a", metadataText },
  origin: { kind: "file", path: "/a" },
});

async function pass(ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 15_000) {
    clock.advance(15_000);
    for (let turns = 0; turns < 20; turns++) await Promise.resolve();
  }
}

test("what lacks a field is named with it, and judged once for the same metadata", async () => {
  const it = open();
  await it.refresh(stop.signal);
  for (let again = 0; again < 3; again++)
    expect(await it.against(job("{}"), "k1")).toEqual({
      reason: "metadata-missing",
      detail: "lacks project",
      fields: ["project"],
    });
  expect(judged).toBe(1);
  expect(await it.against(job('{"project":1}'), "k2")).toBeNull();
});

test("without a copy nothing is judged, and a server that is away leaves the copy that is here", async () => {
  fetchFault = new DyncError("unreachable", "away");
  const it = open();
  await it.refresh(stop.signal);
  expect(await it.against(job("{}"), "k")).toBeNull();
  copy = "sample";
  await it.refresh(stop.signal);
  expect((await it.against(job("{}"), "k"))?.fields).toEqual(["sample"]);
});

test("nothing is judged before the server answered for the first time", async () => {
  const it = open();
  const begun = it.begin(stop.signal);
  expect((await it.against(job("{}"), "k"))?.fields).toEqual(["project"]);
  await begun;
  await it.begin(stop.signal);
  expect(fetched).toBe(1);
});

test("other rules are seen within two minutes while something waits for them, and now and then else", async () => {
  const it = open();
  const end = new AbortController();
  const kept = it.forever(end.signal);
  kept.catch(() => {});
  await pass(15_000);
  expect((await it.against(job('{"sample":1}'), "k"))?.fields).toEqual(["project"]);
  await pass(10 * minuteMs);
  expect(fetched).toBe(1);
  isWaitedFor = true;
  wanted = "sample";
  await pass(2 * minuteMs);
  expect(await it.against(job('{"sample":1}'), "k")).toBeNull();
  expect(it.digest).toBe("sample");
  // An older server is left alone.
  fetchFault = new DyncError("cannot-know", "older");
  await pass(2 * minuteMs);
  const before = fetched;
  await pass(60 * minuteMs);
  expect(fetched).toBe(before);
  end.abort(new Error("enough"));
  await expect(kept).rejects.toThrow("enough");
});
