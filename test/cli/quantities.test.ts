import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { DyncError } from "../../src/base/error.ts";
import { closest } from "../../src/cli/closest.ts";
import { formatDuration, parseDuration } from "../../src/cli/duration.ts";
import { formatSize, parseSize } from "../../src/cli/size.ts";
import { parsePort, parseWholeNumber } from "../../src/cli/whole-number.ts";

function messageOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    expect(error).toBeInstanceOf(DyncError);
    expect((error as DyncError).code).toBe("usage");
    return (error as DyncError).message;
  }
  throw new Error("expected an error");
}

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
    test(`reads ${text}`, () => expect(parseSize(text, "--memory")).toBe(bytes));
  }
  for (const text of ["", "x", "-1", "1X", "1 2", "1.", ".5", "1e3", "0x10", "1MiBs", "9999P", "1iB", "١"]) {
    test(`refuses "${text}"`, () => {
      expect(messageOf(() => parseSize(text, "--memory"))).toBe(
        `Option "--memory" needs a size, found "${text}"`,
      );
    });
  }
  test("reads what formatSize() writes, within its precision", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 52 }), (bytes) => {
        const text = formatSize(bytes);
        expect(text.length).toBeLessThanOrEqual(8);
        const back = parseSize(text, "--memory");
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
    test(`reads ${text}`, () => expect(parseDuration(text, "--expire")).toBe(durationMs));
  }
  for (const text of ["", "1", "h", "-1h", "1 h", "1x", "1h30", "99999999999999d", "Infinity"]) {
    test(`refuses "${text}"`, () => {
      expect(messageOf(() => parseDuration(text, "--expire"))).toBe(
        `Option "--expire" needs a duration, found "${text}"`,
      );
    });
  }
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

test("parseWholeNumber() holds its bounds", () => {
  expect(parseWholeNumber("0", "N", 0, 5)).toBe(0);
  expect(parsePort("65535", "P")).toBe(65535);
  for (const text of ["", "0", "65536", "1.5", "+1", "1e3", "0x1", "a", " 1"]) {
    expect(messageOf(() => parsePort(text, "P"))).toBe(
      `P needs a whole number from 1 to 65535, found "${text}"`,
    );
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
