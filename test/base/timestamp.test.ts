// Times as text: what is exact stays exact, and what is no time is not taken for one.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { parseTimestamp, secondsText, timestampOf } from "../../src/base/timestamp.ts";

test("a time is written to the nanosecond, without zeros that say nothing", () => {
  const cases: readonly (readonly [bigint, string])[] = [
    [0n, "1970-01-01T00:00:00Z"],
    [1_764_117_513_123_456_789n, "2025-11-26T00:38:33.123456789Z"],
    [1_764_117_513_120_000_000n, "2025-11-26T00:38:33.12Z"],
    [-1n, "1969-12-31T23:59:59.999999999Z"],
    [-1_500_000_000n, "1969-12-31T23:59:58.5Z"],
  ];
  for (const [nanoseconds, text] of cases) {
    expect(timestampOf(nanoseconds)).toBe(text);
    expect(parseTimestamp(text)).toBe(nanoseconds);
  }
});

test("every time that can be written comes back as it was", () => {
  const min = -62_167_219_200_000_000_000n;
  const max = 253_402_300_799_999_999_999n;
  fc.assert(
    fc.property(fc.bigInt({ min, max }), (nanoseconds) => {
      const text = timestampOf(nanoseconds);
      expect(text).not.toBeNull();
      expect(parseTimestamp(text ?? "")).toBe(nanoseconds);
    }),
  );
  for (const outside of [min - 1n, max + 1n, 2n ** 80n]) expect(timestampOf(outside)).toBeNull();
});

test("what is no time in UTC is none", () => {
  const texts = [
    "",
    "2026-02-30T00:00:00Z",
    "2026-01-01T24:00:00Z",
    "2026-01-01T00:00:60Z",
    "2026-01-01T00:00:00",
    "2026-01-01T00:00:00+01:00",
    "2026-01-01T00:00:00.Z",
    "2026-01-01T00:00:00.1234567890Z",
    " 2026-01-01T00:00:00Z",
    "2026-01-01",
    "12026-01-01T00:00:00Z",
  ];
  for (const text of texts) expect([text, parseTimestamp(text)]).toEqual([text, null]);
});

test("seconds as text have the sign that a time from before 1970 needs", () => {
  expect(secondsText("1969-12-31T23:59:58.5Z")).toBe("-1.500000000");
  expect(secondsText("1970-01-01T00:00:01.000000001Z")).toBe("1.000000001");
  expect(() => secondsText("yesterday")).toThrow(RangeError);
});
