import { describe, expect, test } from "bun:test";
import {
  damageFindings,
  diskFindings,
  hookFindings,
  keyFindings,
  silentFindings,
  stalledFindings,
} from "../../src/alarms/conditions.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const GiB = 1024 ** 3;

describe("who is silent", () => {
  const name = "ms";
  const silent = { when: "silent", afterMs: 6 * hourMs, during: null, together: false } as const;
  const now = new Date("2026-03-02T12:00:00Z");
  const arrivals = [
    { user: "ms-1", lastAt: "2026-03-02T06:00:00.000Z" },
    { user: "ms-2", lastAt: "2026-03-02T06:00:00.001Z" },
    { user: "ms-3", lastAt: "2026-02-01T06:00:00.000Z" },
  ];

  test("each by itself, from the moment on that was said", () => {
    expect(silentFindings({ name, condition: silent }, arrivals, now)).toEqual([
      {
        subject: "ms-1",
        begins: true,
        text: "Nothing arrived from ms-1 since 2026-03-02 06:00 UTC; expected at least every 6 hours",
      },
      {
        subject: "ms-3",
        begins: true,
        text: "Nothing arrived from ms-3 since 2026-02-01 06:00 UTC; expected at least every 6 hours",
      },
    ]);
  });

  test("together: only when the last of them is", () => {
    const condition = { ...silent, together: true };
    expect(silentFindings({ name, condition }, arrivals, now)).toEqual([]);
    expect(silentFindings({ name, condition }, arrivals, new Date(now.getTime() + 1))).toMatchObject([
      {
        subject: "all",
        text: expect.stringContaining('from anybody of "ms" since 2026-03-02 06:00 UTC (ms-2)'),
      },
    ]);
    expect(silentFindings({ name, condition }, [], now)).toEqual([]);
  });

  test("hours that do not count are no silence: a weekend", () => {
    const condition = { ...silent, during: [{ days: [1, 2, 3, 4, 5], from: 480, to: 1080 }] };
    // Friday, 16:00 by this machine's clock.
    const last = [{ user: "ms-1", lastAt: new Date(2026, 1, 27, 16).toISOString() }];
    const isSilent = (at: Date): boolean => silentFindings({ name, condition }, last, at).length > 0;
    expect(isSilent(new Date(2026, 1, 28, 16))).toBe(false);
    expect(isSilent(new Date(2026, 2, 2, 8))).toBe(false);
    expect(isSilent(new Date(2026, 2, 2, 11, 59))).toBe(false);
    expect(isSilent(new Date(2026, 2, 2, 12))).toBe(true);
  });
});

describe("the other conditions", () => {
  test("uploads that do not go on are told by user, with some of their names", () => {
    const condition = { when: "stalled", afterMs: dayMs } as const;
    const uploads = [1, 2, 3, 4, 5].map((it) => ({
      user: "anna",
      name: `run-${it}.raw`,
      updatedAt: `2026-03-0${9 - it}T00:00:00.000Z`,
    }));
    const one = { user: "bert", name: "<b>.raw", updatedAt: "2026-03-01T00:00:00.000Z" };
    expect(stalledFindings({ condition }, [...uploads, one])).toEqual([
      {
        ...{ subject: "anna", begins: true },
        text: "5 uploads of anna got nothing for 24 hours or longer, the first since 2026-03-04 00:00 UTC: run-1.raw, run-2.raw, run-3.raw and 2 more",
      },
      {
        ...{ subject: "bert", begins: true },
        text: "1 upload of bert got nothing for 24 hours or longer, the first since 2026-03-01 00:00 UTC: <b>.raw",
      },
    ]);
    expect(stalledFindings({ condition }, [])).toEqual([]);
  });

  test.each([
    [{ free: 99 * GiB, fullInMs: null }, [true]],
    [{ free: 105 * GiB, fullInMs: null }, [false]],
    [{ free: 120 * GiB, fullInMs: null }, []],
    [{ free: 120 * GiB, fullInMs: 13 * dayMs }, [true]],
    [{ free: 105 * GiB, fullInMs: 13 * dayMs }, [true]],
    [{ free: 120 * GiB, fullInMs: 15 * dayMs }, [false]],
    [{ free: 120 * GiB, fullInMs: 16 * dayMs }, []],
    [{ free: null, fullInMs: null }, []],
  ])("the disk: %j", (facts, begins) => {
    const condition = { when: "disk-full", withinMs: 14 * dayMs, freeBytes: 100 * GiB } as const;
    const findings = diskFindings({ condition }, facts);
    expect(findings.map((it) => it.begins)).toEqual(begins);
    for (const { subject } of findings) expect(subject).toBe("disk");
  });

  test("a hook fails when the oldest of what it did not take waits for so long", () => {
    const condition = { when: "hook-failing", afterMs: 600_000 } as const;
    const hook = {
      hook: "index",
      since: "2026-03-01T00:00:00.000Z",
      failing: 2,
      error: "ended with status 3",
    };
    const at = (ms: number) => hookFindings({ condition }, [hook], new Date(Date.parse(hook.since) + ms));
    expect(at(599_999)).toEqual([]);
    expect(at(600_000)).toMatchObject([
      {
        subject: "index",
        text: 'The hook "index" fails: 2 deliveries wait, the oldest since 2026-03-01 00:00 UTC: it ended with status 3',
      },
    ]);
  });

  test("what was read again and is damaged is one thing, however much it is", () => {
    expect(damageFindings({ uploads: 0, some: [] })).toEqual([]);
    expect(damageFindings({ uploads: 5, some: ["anna/a", "anna/b"] })).toEqual([
      {
        subject: "stored",
        begins: true,
        text: "5 stored uploads were read again and found damaged or missing: anna/a, anna/b and 3 more",
      },
    ]);
  });

  test("keys, before they expire and behind that", () => {
    const condition = { when: "key-expiring", withinMs: 14 * dayMs } as const;
    const key = {
      user: "anna",
      fingerprint: "SHA256:x",
      file: "anna.key",
      expiresAt: new Date("2026-03-20T00:00:00Z"),
    };
    const at = (text: string) => keyFindings({ condition }, [key], new Date(text)).map((it) => it.text);
    expect(at("2026-03-06T00:00:00Z")).toEqual([]);
    expect(at("2026-03-06T00:00:01Z")).toEqual([
      "The key of anna is good until 2026-03-20 00:00 UTC (anna.key)",
    ]);
    expect(at("2026-03-21T00:00:00Z")).toEqual([
      "The key of anna expired on 2026-03-20 00:00 UTC (anna.key)",
    ]);
  });
});
