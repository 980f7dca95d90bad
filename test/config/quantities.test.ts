import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { closest } from "../../src/base/closest.ts";
import { formatSizeExactly } from "../../src/base/size-text.ts";
import { parseCount, parsePort } from "../../src/config/count.ts";
import { formatDuration, parseDuration, writeDuration } from "../../src/config/duration.ts";
import type { Parsed } from "../../src/config/parsed.ts";
import { formatSize, parseSize, writeSize } from "../../src/config/size.ts";

/** What is wrong with a text, as the end of a sentence. */
function faultIn(parsed: Parsed<unknown>): string {
  if (parsed.ok) throw new Error(`read as ${parsed.value}`);
  return `needs ${parsed.fault.wanted}, found ${parsed.fault.found}`;
}

function valueIn<T>(parsed: Parsed<T>): T {
  if (!parsed.ok) throw new Error(faultIn(parsed));
  return parsed.value;
}

test("formatSizeExactly() has the number itself, once", () => {
  expect([0, 999, 1000, 1536].map(formatSizeExactly)).toEqual([
    "0 bytes",
    "999 bytes",
    "1.0 KiB (1000 bytes)",
    "1.5 KiB (1536 bytes)",
  ]);
});

describe("parseSize()", () => {
  const sizes: readonly (readonly [string, number])[] = [
    ["0", 0],
    ["1048576", 1048576],
    ["10B", 10],
    ["1k", 1024],
    ["1K", 1024],
    ["1KiB", 1024],
    ["1kb", 1000],
    ["256MiB", 256 * 1024 ** 2],
    ["256 MiB", 256 * 1024 ** 2],
    ["1G", 1024 ** 3],
    ["1GB", 1e9],
    ["1.5GiB", 1.5 * 1024 ** 3],
    ["2T", 2 * 1024 ** 4],
  ];
  for (const [text, bytes] of sizes) {
    test(`reads ${text}`, () => expect(valueIn(parseSize(text))).toBe(bytes));
  }
  for (const text of ["", "x", "-1", "1X", "1 2", "1.", ".5", "1e3", "0x10", "1MiBs", "9999P", "1iB", "١"]) {
    test(`refuses "${text}"`, () => {
      expect(faultIn(parseSize(text))).toBe(`needs a size, found "${text}"`);
    });
  }
  test("reads what formatSize() writes, within its precision", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 52 }), (bytes) => {
        const text = formatSize(bytes);
        expect(text.length).toBeLessThanOrEqual(8);
        const back = valueIn(parseSize(text));
        expect(Math.abs(back - bytes)).toBeLessThanOrEqual(bytes * 0.06);
      }),
    );
  });
});

describe("parseDuration()", () => {
  const durations: readonly (readonly [string, number])[] = [
    ["0", 0],
    ["500ms", 500],
    ["90s", 90_000],
    ["15m", 900_000],
    ["24h", 86_400_000],
    ["7d", 604_800_000],
    ["2w", 1_209_600_000],
    ["1h30m", 5_400_000],
    ["1.5h", 5_400_000],
  ];
  for (const [text, durationMs] of durations) {
    test(`reads ${text}`, () => expect(valueIn(parseDuration(text))).toBe(durationMs));
  }
  for (const text of ["", "1", "h", "-1h", "1 h", "1x", "1h30", "99999999999999d", "Infinity"]) {
    test(`refuses "${text}"`, () => {
      expect(faultIn(parseDuration(text))).toBe(`needs a duration, found "${text}"`);
    });
  }
});

test("what is written is short, and read as the same", () => {
  expect([0, 999, 1024, 2 ** 21, 64 * 2 ** 20, 1.5 * 2 ** 30].map(writeSize)).toEqual([
    "0",
    "999",
    "1KiB",
    "2MiB",
    "64MiB",
    "1536MiB",
  ]);
  expect([0, 999, 90_000, 60_000, 7 * 86_400_000].map(writeDuration)).toEqual([
    "0",
    "999ms",
    "90s",
    "1m",
    "7d",
  ]);
  const value = fc.oneof(
    fc.nat(),
    fc.maxSafeNat(),
    fc.nat(9999).map((it) => it * 1024 ** 3),
    fc.nat(9999).map((it) => it * 3_600_000),
  );
  fc.assert(
    fc.property(value, (it) => {
      expect(valueIn(parseSize(writeSize(it)))).toBe(it);
      expect(valueIn(parseDuration(writeDuration(it)))).toBe(it);
    }),
  );
});

test("formatDuration() and formatSize() are short and do not skip a step", () => {
  const durations = [0, 1, 1000, 8000, 59_000, 59_001, 60_000, 3_599_000, 3_600_000, 86_399_000, 86_400_000];
  expect(durations.map(formatDuration)).toEqual([
    "0 s",
    "1 s",
    "1 s",
    "8 s",
    "59 s",
    "1:00 min",
    "1:00 min",
    "59:59 min",
    "1:00 h",
    "1 d 0 h",
    "1 d 0 h",
  ]);
  const sizes = [0, 999, 1000, 1024, 10_189, 10_240, 1_022_976, 1_023_500, 1024 ** 3, 1024 ** 4 * 1.5];
  expect(sizes.map(formatSize)).toEqual([
    "0 B",
    "999 B",
    "1.0 KiB",
    "1.0 KiB",
    "10 KiB",
    "10 KiB",
    "999 KiB",
    "1.0 MiB",
    "1.0 GiB",
    "1.5 TiB",
  ]);
});

test("parseCount() holds its bounds", () => {
  expect(valueIn(parseCount("0", 0, 5))).toBe(0);
  expect(valueIn(parsePort("65535"))).toBe(65535);
  for (const text of ["", "0", "65536", "1.5", "+1", "1e3", "0x1", "a", " 1"]) {
    expect(faultIn(parsePort(text))).toBe(`needs a whole number from 1 to 65535, found "${text}"`);
  }
});

test("closest() finds slips, and no other words", () => {
  const words = ["--port", "--name", "--meta", "--key-value"];
  expect(closest("--prot", words)).toBe("--port");
  expect(closest("--nmae", words)).toBe("--name");
  expect(closest("--keyvalue", words)).toBe("--key-value");
  expect(closest("--bandwidth", words)).toBeNull();
  expect(closest("x".repeat(100_000), words)).toBeNull();
});
