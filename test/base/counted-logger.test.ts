// What peers can make us write, and for how much memory.

import { expect, test } from "bun:test";
import fc from "fast-check";
import { CountedLogger } from "../../src/base/counted-logger.ts";
import { cutText } from "../../src/base/cut-text.ts";
import type { LogFields } from "../../src/base/log.ts";
import { jsonLine, printable } from "../../src/cli/printable.ts";
import { ManualClock } from "../support/manual-clock.ts";

const minuteMs = 60_000;

function world() {
  const clock = new ManualClock();
  const lines: { readonly message: string; readonly fields: LogFields }[] = [];
  const logger = new CountedLogger(
    { log: (_level, message, fields = {}) => void lines.push({ message, fields }) },
    clock,
  );
  return {
    clock,
    lines,
    logger,
    /** For how many lines those that were written stand. */
    told: () => lines.reduce((sum, { fields }) => sum + Number(fields.times ?? 1), 0),
  };
}

test("the first few lines about a peer are written, then one a minute with the number", () => {
  const { clock, lines, logger, told } = world();
  for (let minute = 0; minute < 10; minute++) {
    for (let count = 0; count < 1000; count++)
      logger.log("warn", "Malformed message", { user: "anna", key: "k", reason: `${minute}/${count}` });
    clock.advance(minuteMs);
  }
  expect(lines.slice(0, 5).map(({ fields }) => fields.times)).toEqual(Array(5).fill(undefined));
  expect(lines[5]?.fields).toEqual({ user: "anna", key: "k", reason: "0/5", times: 995 });
  expect(lines[6]?.fields).toMatchObject({ reason: "1/0", times: 1000 });
  expect([lines.length, told()]).toEqual([15, 10_000]);
});

test("one peer, and one kind of line, leaves the others what they have", () => {
  const { lines, logger } = world();
  for (let count = 0; count < 100; count++) logger.log("warn", "Malformed message", { user: "anna" });
  logger.log("warn", "Malformed message", { user: "bert" });
  logger.log("warn", "Something else", { user: "anna" });
  logger.log("warn", "Housekeeping failed", { reason: "x" });
  expect(lines).toHaveLength(8);
});

test("after a quiet time a peer may say as much as at first", () => {
  const { clock, lines, logger } = world();
  for (let round = 0; round < 2; round++) {
    for (let count = 0; count < 100; count++) logger.log("warn", "Malformed message", { user: "anna" });
    clock.advance(10 * minuteMs);
  }
  expect(lines).toHaveLength(12);
});

test("uploads have room for many lines, and those that end well are never left out", () => {
  const { clock, lines, logger } = world();
  for (let count = 0; count < 1000; count++) {
    logger.log("info", "Upload started", { upload: String(count), user: "anna" });
    logger.log("info", "Upload finished", { upload: String(count), user: "anna" });
    logger.log("warn", "Upload refused", { upload: String(count), user: "anna" });
    logger.log("info", "Key removed", { user: "anna", key: "k" });
  }
  clock.advance(minuteMs);
  const count = (message: string): number => lines.filter((line) => line.message === message).length;
  expect([count("Upload started"), count("Upload finished"), count("Upload refused")]).toEqual([
    101, 1000, 6,
  ]);
  expect(count("Key removed")).toBe(1000);
});

test("keys without number, from one address or one IPv6 network, are bounded in lines and memory", () => {
  const { clock, lines, logger, told } = world();
  for (let count = 0; count < 100_000; count++) {
    logger.log("warn", "Key refused", { key: `k${count}`, address: "192.0.2.1" });
    logger.log("warn", "Key refused", { key: `l${count}`, address: `2001:db8::1:${count.toString(16)}:0:1` });
  }
  expect([lines.length, logger.size]).toEqual([2 * (16 + 5), 2 * 17]);
  clock.advance(minuteMs);
  expect(told()).toBe(200_000);
});

test("addresses and users without number are bounded in lines and memory too", () => {
  const { clock, lines, logger, told } = world();
  for (let count = 0; count < 50_000; count++) {
    logger.log("warn", "Key refused", { key: `k${count}`, address: `10.1.${count >> 8}.${count & 255}` });
    logger.log("warn", "Malformed message", { user: `u${count}`, reason: "x".repeat(5000) });
  }
  expect(logger.size).toBeLessThan(600);
  expect(lines.length).toBeLessThan(600);
  clock.advance(minuteMs);
  expect(told()).toBe(100_000);
  // Whoever comes when the others have been quiet has room again.
  clock.advance(10 * minuteMs);
  lines.length = 0;
  for (let count = 0; count < 5; count++) logger.log("warn", "Malformed message", { user: "new" });
  expect(lines).toHaveLength(5);
});

test("what was left out is told at the end, and nothing twice", () => {
  const { clock, lines, logger, told } = world();
  for (let count = 0; count < 50; count++) logger.log("warn", "Malformed message", { user: "anna" });
  logger.settle();
  expect([lines.length, told()]).toEqual([6, 50]);
  clock.advance(minuteMs);
  expect(lines).toHaveLength(6);
});

test("texts are cut to 1 KiB as they are written, whatever is in them", () => {
  const { lines, logger } = world();
  logger.log("info", "Listening", { address: "x".repeat(240_000), port: 8889, gone: undefined });
  expect(lines[0]?.fields).toEqual({
    address: `${"x".repeat(1024)}… (238976 more characters)`,
    port: 8889,
    gone: undefined,
  });
  const part = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom("\u202e", "\0", "\ud800", "é", '"', "\\"),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 300 }), (parts) => {
      const text = parts.join("").repeat(3);
      const cut = cutText(text, 1024);
      const [kept = "", rest] = cut.split(/… \((\d+) more characters\)$/);
      expect(text.startsWith(kept)).toBe(true);
      if (rest === undefined) expect(cut).toBe(text);
      else expect(kept.length + Number(rest)).toBe(text.length);
      expect(Buffer.byteLength(printable(kept).replaceAll('"', '\\"'))).toBeLessThanOrEqual(1024);
      expect(Buffer.byteLength(jsonLine(kept))).toBeLessThanOrEqual(1024 + 2);
    }),
  );
});
