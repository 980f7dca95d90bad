import { describe, expect, test } from "bun:test";
import { parseTimetable } from "../../src/config/timetable.ts";

describe("times of the week", () => {
  test.each([
    ["Mon-Fri 08:00-18:00", [{ days: [1, 2, 3, 4, 5], from: 480, to: 1080 }]],
    ["sat", [{ days: [6], from: 0, to: 1440 }]],
    ["22:00-06:00", [{ days: [0, 1, 2, 3, 4, 5, 6], from: 1320, to: 360 }]],
    [
      "Fri-Mon 8:00-9:30,  Wed",
      [
        { days: [5, 6, 0, 1], from: 480, to: 570 },
        { days: [3], from: 0, to: 1440 },
      ],
    ],
  ])("%s", (text, value) => {
    expect(parseTimetable(text)).toEqual({ ok: true, value });
  });

  test.each(["", "Monday", "Mon-Fri 08:00", "25:00-26:00", "08:00-08:00", "Mon,", "5MB/s", "Mon08:00-09:00"])(
    "%p is refused with what is wanted",
    (text) => {
      expect(parseTimetable(text)).toMatchObject({ ok: false, fault: { wanted: expect.any(String) } });
    },
  );
});
