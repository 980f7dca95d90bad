// How fast something may be sent: what people write, what counts when, and what is refused. Moments are local ones; the days on
// which the clock changes are those of a zone of its own, in a process of its own.

import { describe, expect, test } from "bun:test";
import { parseRateLimit, type RateLimit, rateAt, writeRate } from "../../src/config/rate-limit.ts";

function limitOf(text: string): RateLimit {
  const parsed = parseRateLimit(text);
  if (!parsed.ok) throw new Error(`${text} needs ${parsed.fault.wanted}, found ${parsed.fault.found}`);
  return parsed.value;
}

const MB = 1e6;
// 2026-11-23 is a Monday.
const at = (day: number, time: string): Date => {
  const [hours, minutes] = time.split(":").map(Number);
  return new Date(2026, 10, 22 + day, hours, minutes, 59);
};

describe("parseRateLimit()", () => {
  test.each([
    ["20MB/s", 20 * MB],
    ["20MB", 20 * MB],
    [" 12.5 mB / s", 12.5 * MB],
    ["512KiB/s", 512 * 1024],
    ["10kB/s", 10_000],
    ["unlimited", null],
    ["None", null],
  ])("reads %j as %j at any time", (text, rate) => {
    expect(limitOf(text)).toMatchObject({ spans: [], otherwise: rate });
  });

  test("keeps the text in one line", () => {
    expect(limitOf("Mon-Fri   08:00-18:00  5MB/s ,\n20MB/s\n").text).toBe(
      "Mon-Fri 08:00-18:00 5MB/s, 20MB/s",
    );
  });

  const hint = 'write "20MB/s", or "Mon-Fri 08:00-18:00 5MB/s, 20MB/s"';
  const bits = "100 Mbit/s are 12.5MB/s";
  const times = "write a beginning and another end: 08:00-18:00, 22:00-06:00";
  test.each([
    ["", "a rate", '""', hint],
    ["fast", "a rate", '"fast"', hint],
    ["5MB/s, ", "a rate", '""', hint],
    ["-5MB/s", "a rate", '"-5MB/s"', hint],
    ["5MB/h", "a rate", '"5MB/h"', hint],
    ["08:00-18:00", "a rate", '"08:00-18:00"', hint],
    ["Mon-Fri", "a rate", '"Mon-Fri"', hint],
    ["0", "at least 10kB/s", '"0"', undefined],
    ["9.9kB/s", "at least 10kB/s", '"9.9kB/s"', undefined],
    ["100Mbit/s", "a number of bytes in a second", '"100Mbit/s"', bits],
    ["100 Mbps", "a number of bytes in a second", '"100 Mbps"', bits],
    ["20Mb/s", "a number of bytes in a second", '"20Mb/s"', bits],
    ["20mb/s", "a number of bytes in a second", '"20mb/s"', bits],
    ["Mon-Fry 5MB/s", "days such as Mon, or Mon-Fri", '"Mon-Fry 5MB/s"', hint],
    ["Monday 5MB/s", "days such as Mon, or Mon-Fri", '"Monday 5MB/s"', hint],
    ["8:00-8:00 5MB/s", "times from 00:00 to 24:00", '"8:00-8:00"', times],
    ["08:00-24:01 5MB/s", "times from 00:00 to 24:00", '"08:00-24:01"', times],
    ["08:60-18:00 5MB/s", "times from 00:00 to 24:00", '"08:60-18:00"', times],
    ["24:00-18:00 5MB/s", "times from 00:00 to 24:00", '"24:00-18:00"', times],
    ["5MB/s, 6MB/s", "one rate for the rest of the time", '"5MB/s, 6MB/s"', "leave one of them away"],
  ])("refuses %j: needs %s", (text, wanted, found, hinted) => {
    const parsed = parseRateLimit(text);
    expect(parsed).toEqual({
      ok: false,
      fault: { wanted, found, ...(hinted === undefined ? {} : { hint: hinted }) },
    });
  });
});

describe("rateAt()", () => {
  const work = limitOf("Mon-Fri 08:00-18:00 5MB/s, 20MB/s");
  test.each([
    [1, "07:59", 20],
    [1, "08:00", 5],
    [5, "17:59", 5],
    [5, "18:00", 20],
    [6, "12:00", 20],
    [0, "12:00", 20],
  ])("of working hours, on day %d at %s: %d MB/s", (day, time, rate) => {
    expect(rateAt(work, at(day, time))).toBe(rate * MB);
  });

  test("outside of all entries it is unlimited, unless a plain rate is there, wherever it stands", () => {
    expect(rateAt(limitOf("Sat 5MB/s"), at(1, "12:00"))).toBeNull();
    expect(rateAt(limitOf("7MB/s, Sat 5MB/s"), at(1, "12:00"))).toBe(7 * MB);
  });

  const nights = limitOf("Fri 22:00-06:00 9MB/s, Sat-Sun unlimited, 00:00-12:00 1MB/s, 2MB/s");
  test.each([
    [5, "21:59", 2 * MB],
    [5, "22:00", 9 * MB],
    [6, "05:59", 9 * MB],
    [6, "06:00", null],
    [0, "00:00", null],
    [5, "05:59", MB],
    [1, "11:59", MB],
    [1, "12:00", 2 * MB],
  ])(
    "the first entry that fits counts, a night with the day on which it begins: day %d at %s",
    (day, time, rate) => {
      expect(rateAt(nights, at(day, time))).toBe(rate);
    },
  );

  test("days go over the end of the week, and a day has an end", () => {
    const limit = limitOf("Sat-Mon 00:00-24:00 3MB/s");
    const days = [0, 1, 2, 3, 4, 5, 6].filter((day) => rateAt(limit, at(day, "23:59")) !== null);
    expect(days).toEqual([0, 1, 6]);
  });

  test("follows the wall clock where that changes for summer and winter", async () => {
    // In Zurich 2026-03-29 has no 02:30, and 2026-10-25 has it twice.
    const source = `
      import { parseRateLimit, rateAt } from ${JSON.stringify(require.resolve("../../src/config/rate-limit.ts"))};
      const { value } = parseRateLimit("02:00-03:00 5MB/s, 08:00-18:00 1MB/s");
      const hours = (from, count, step) => Array.from({ length: count }, (_, index) =>
        rateAt(value, new Date(Date.parse(from) + index * step)));
      console.log(JSON.stringify({
        spring: hours("2026-03-29T00:30:00Z", 2, 3_600_000),
        autumn: hours("2026-10-24T23:30:00Z", 4, 3_600_000),
        before: rateAt(value, new Date("2026-03-28T07:30:00Z")),
        after: rateAt(value, new Date("2026-03-29T06:30:00Z")),
      }));`;
    const program = Bun.spawn([process.execPath, "-e", source], {
      env: { ...process.env, TZ: "Europe/Zurich" },
      stdout: "pipe",
    });
    expect(JSON.parse(await new Response(program.stdout).text())).toEqual({
      spring: [null, null],
      autumn: [null, 5 * MB, 5 * MB, null],
      before: MB,
      after: MB,
    });
  });
});

test.each([null, 10_000, 12_500, 5 * MB, 12.5 * MB, 2e9])("writeRate() of %p is read as the same", (rate) => {
  expect(limitOf(writeRate(rate)).otherwise).toBe(rate);
});
