// What watched folders tell of themselves: kept, with how wrong their clocks are, however often they tell it; and what is shown of it.

import { beforeEach, describe, expect, test } from "bun:test";
import type { Instrument } from "../../src/catalogue/instruments.ts";
import type { ErrorInfo } from "../../src/protocol/wire/message.ts";
import type { InstrumentReport } from "../../src/protocol/wire/report.ts";
import { InstrumentReports, labelsMax } from "../../src/server/instrument-reports.ts";
import { rhythmOf } from "../../src/server/rhythm.ts";
import { type KeptReport, shownInstrument, shownSender } from "../../src/server/shown-instrument.ts";
import { type Key, postOf, ServerWorld } from "./server-world.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const start = Date.parse("2026-11-02T08:00:00.000Z");
const at = (ms: number): string => new Date(start + ms).toISOString();

describe("how often something arrives", () => {
  const rows: readonly (readonly [string, readonly number[], number | null])[] = [
    ["nothing", [], null],
    ["too few", [0, 3, 6], null],
    ["every three hours", [0, 3, 6, 9], 3],
    ["the median: a weekend counts for nothing", [0, 3, 6, 9, 60, 63], 3],
  ];
  for (const [name, hours, rhythm] of rows)
    test(name, () => {
      const arrivals = hours.map((it) => at(it * hourMs)).reverse();
      expect(rhythmOf(arrivals)).toBe(rhythm === null ? null : rhythm * hourMs);
    });

  test("what comes together is one delivery", () => {
    const arrivals = [0, 3, 6, 9].flatMap((hour) => [0, 1, 59].map((it) => at(hour * hourMs + it * 1000)));
    expect(rhythmOf(arrivals.reverse())).toBe(3 * hourMs - 59_000);
  });
});

describe("what is shown", () => {
  const now = new Date(start);
  const arrivals = { lastAt: at(-hourMs), rhythmMs: hourMs };
  const kept = (report: Partial<KeptReport>, seenMs = -minuteMs): Instrument => ({
    ...{ user: "anna", label: "lcms-3", seenAt: at(seenMs) },
    report: JSON.stringify({ next: 300, offsetMs: 0, offsetErrorMs: 5, ...report }),
  });
  const rows: readonly (readonly [string, Instrument, string, readonly string[]])[] = [
    ["all is well", kept({}), "well", []],
    ["a report that is missing", kept({}, -14 * minuteMs), "well", []],
    ["three that are missing", kept({}, -16 * minuteMs), "silent", ["silent"]],
    ["one that was stopped, however long ago", kept({ stops: true }, -30 * hourMs), "stopped", []],
    ["something that needs a person", kept({ troubles: 1 }), "trouble", ["waiting"]],
    ["a folder that is away", kept({ lost: "It is empty" }), "trouble", ["lost"]],
    ["a clock that is wrong", kept({ offsetMs: -61_000, offsetErrorMs: 500 }), "trouble", ["clock"]],
    ["a clock that may be right", kept({ offsetMs: 61_000, offsetErrorMs: 2_000 }), "well", []],
    ["a disk that is nearly full", kept({ free: 4, disk: 100 }), "trouble", ["disk"]],
    [
      "several at once",
      kept({ troubles: 2, free: 4, disk: 100 }, -hourMs),
      "silent",
      ["silent", "waiting", "disk"],
    ],
  ];
  for (const [name, instrument, state, faults] of rows)
    test(name, () => {
      expect(shownInstrument(instrument, arrivals, now)).toMatchObject({ state, faults });
    });

  test("who only sends is late when nothing came for three times as long as usual, and an hour", () => {
    const stateOf = (lastMs: number, rhythmMs: number | null) =>
      shownSender("anna", { lastAt: at(lastMs), rhythmMs }, now).state;
    expect(stateOf(-3 * hourMs, hourMs)).toBe("well");
    expect(stateOf(-3 * hourMs - 1, hourMs)).toBe("late");
    expect(stateOf(-30 * minuteMs, minuteMs)).toBe("well");
    expect(stateOf(-99 * hourMs, null)).toBe("well");
  });
});

describe("reports", () => {
  let world: ServerWorld;
  beforeEach(async () => {
    world = new ServerWorld();
    await world.start();
  });

  const reportOf = (change: Partial<InstrumentReport> = {}): InstrumentReport => ({
    ...{ label: "lcms-3", clock: world.clock.date().toISOString() },
    ...change,
  });

  async function tell(
    report: InstrumentReport,
    key: Key = "anna",
  ): Promise<{ code: number; info: ErrorInfo }> {
    const asker = await world.connect(9, key);
    const info = { ask: true, report, client: "dync 9.9" } as const;
    const answer = await asker.ask(postOf({ name: "dync-0.ask", info }));
    asker.close();
    if (answer.type !== "error") throw new Error(`It was answered with ${answer.type}`);
    return { code: answer.code, info: answer.info ?? {} };
  }

  const known = async () => (await world.catalogue.instruments.page(null, 1000)).map((it) => ({ ...it }));

  test("that they are taken is said to who asks how the server is, and to nobody else", async () => {
    const asker = await world.connect(9);
    const of = async (info: object) => {
      const answer = await asker.ask(postOf({ name: "dync-0.ask", info: { ask: true, ...info } }));
      return answer.type === "error" ? answer.info?.reports : "none";
    };
    expect(await of({ state: true })).toBe(true);
    expect(await of({})).toBeUndefined();
    asker.close();
  });

  test("the last one of each name of each user is kept, over a restart, and no upload is begun", async () => {
    expect(await tell(reportOf({ entries: 3 }))).toMatchObject({
      code: 404,
      info: { reported: true, ask: true },
    });
    world.clock.advance(minuteMs);
    await tell(reportOf({ entries: 4, bytes: 10, waiting: { settling: 4 } }));
    await tell(reportOf({ label: "gc-1" }), "bert");
    await world.server.stop();
    await world.start();
    const all = await known();
    expect(all.map(({ user, label }) => [user, label])).toEqual([
      ["anna", "lcms-3"],
      ["bert", "gc-1"],
    ]);
    expect(all[0]?.seenAt).toBe(world.clock.date().toISOString());
    const report = { entries: 4, bytes: 10, waiting: { settling: 4 }, client: "dync 9.9" };
    expect(JSON.parse(all[0]?.report ?? "")).toEqual({ ...report, offsetMs: 0, offsetErrorMs: 0 });
    expect(world.catalogue.list(["open", "publishing", "finished", "failed"])).toEqual([]);
  });

  test("how wrong a clock is is known but for half of the time that a message takes there and back", async () => {
    const clock = new Date(world.clock.date().getTime() - 90_000).toISOString();
    await tell(reportOf({ clock, roundTrip: 401 }));
    expect(JSON.parse((await known())[0]?.report ?? "")).toEqual({
      ...{ client: "dync 9.9", offsetMs: -89_799, offsetErrorMs: 201 },
    });
  });

  test("who tells too often is refused, nothing is written, and others are heard", async () => {
    for (let time = 0; time < labelsMax; time++) await tell(reportOf({ entries: time }));
    expect(await tell(reportOf({ entries: 999 }))).toMatchObject({ code: 429, info: { ask: true } });
    expect((await tell(reportOf(), "bert")).code).toBe(404);
    expect(JSON.parse((await known())[0]?.report ?? "").entries).toBe(labelsMax - 1);
    world.clock.advance(2_000);
    expect((await tell(reportOf({ entries: 999 }))).code).toBe(404);
    expect((await tell(reportOf())).code).toBe(429);
  });

  test("of a user no more names are kept than the last", async () => {
    for (let number = 0; number < labelsMax + 5; number++) {
      world.clock.advance(minuteMs);
      await tell(reportOf({ label: `folder ${number}` }));
    }
    const labels = (await known()).map(({ label }) => label);
    expect(labels.length).toBe(labelsMax);
    expect(labels).not.toContain("folder 4");
    expect(labels).toContain("folder 5");
  });

  test("are listed with what arrived of their user, and so is who only sends", async () => {
    await tell(reportOf({ troubles: 1 }));
    const reports = new InstrumentReports(world);
    const usage = { stored: 1, files: 1, unfinished: 0, underWay: 0, countedAt: null };
    async function* usages() {
      yield { ...usage, user: "anna", lastAt: at(0) };
      yield { ...usage, user: "carl", lastAt: at(1) };
      // Has only begun something.
      yield { ...usage, user: "dora", lastAt: null };
    }
    const all = await Array.fromAsync(reports.all(usages()));
    expect(all).toMatchObject([
      { user: "anna", label: "lcms-3", state: "trouble", lastAt: at(0), rhythmSeconds: null },
      { user: "carl", label: null, state: "well", seenAt: null, lastAt: at(1), report: null },
    ]);
    expect(await reports.remove("anna", "lcms-3")).toBe(true);
    expect(await Array.fromAsync(reports.kept())).toEqual([]);
  });

  test("of a folder that says nothing for long are forgotten", async () => {
    await tell(reportOf());
    world.clock.advance(91 * 24 * hourMs);
    await world.settle();
    // The first run sees the calendar go on at once.
    world.clock.advance(2 * minuteMs);
    await world.settle();
    expect(await known()).toEqual([]);
  });
});
