// The table of errors: numbers on the wire and exit statuses are promises to other programs.

import { describe, expect, test } from "bun:test";
import {
  DyncError,
  type ErrorCode,
  errorCodeFromWire,
  errorMeanings,
  messageOf,
  systemCode,
} from "../../src/base/error.ts";

const codes = Object.keys(errorMeanings) as ErrorCode[];

describe("the table", () => {
  test("each number of the wire stands for one kind of error, and leads back to it", () => {
    const numbers = codes.flatMap((code) => errorMeanings[code].wire ?? []);
    expect(new Set(numbers).size).toBe(numbers.length);
    for (const code of codes) {
      const { wire } = errorMeanings[code];
      if (wire !== null) expect(errorCodeFromWire(wire)).toBe(code);
    }
  });

  test("a number that nobody knows is a failure, and not one to repeat", () => {
    for (const wire of [0, 1, 200, 418, 2 ** 32 - 1]) expect(errorCodeFromWire(wire)).toBe("failed");
    expect(errorMeanings.failed.retry).toBe(false);
  });

  const statuses: readonly (readonly [number, readonly ErrorCode[]])[] = [
    [1, ["malformed", "unknown-upload", "internal", "failed"]],
    [2, ["usage", "configuration"]],
    [4, ["source", "source-changed"]],
    [5, ["timed-out", "too-many-uploads", "not-ready", "no-space", "unreachable", "unavailable"]],
    [6, ["metadata-rejected"]],
    [7, ["forbidden", "name-taken", "too-large", "content-rejected", "key-refused", "wrong-server"]],
    [8, ["checksum-mismatch"]],
    [130, ["cancelled"]],
  ];
  test.each(statuses)("exit status %p stands for %p", (status, expected) => {
    expect(codes.filter((code) => errorMeanings[code].exit === status).sort()).toEqual([...expected].sort());
  });

  test("no error has exit status 0, and whatever helps to try again says so with status 5", () => {
    for (const code of codes) {
      expect(errorMeanings[code].exit).toBeGreaterThan(0);
      if (errorMeanings[code].retry) expect(errorMeanings[code].exit).toBe(5);
    }
  });
});

test("an error carries its meaning, its hint and its cause", () => {
  const cause = new Error("deep");
  const error = new DyncError("source", "Cannot read it", { hint: "look", cause });
  expect(error).toBeInstanceOf(Error);
  expect(error.meaning).toEqual({ wire: null, exit: 4, retry: false });
  expect([error.name, error.hint, error.cause]).toEqual(["DyncError", "look", cause]);
  expect(new DyncError("failed", "no").hint).toBeUndefined();
});

test("an error in other words is of the same kind, and lists the same", () => {
  const faults = [{ path: "sample", text: '"sample" is missing' }];
  const error = new DyncError("metadata-rejected", "No", { hint: "add it", faults });
  const other = error.reworded({ message: "No, and no" });
  const { code, hint, cause } = other;
  expect([code, other.message, hint, other.faults, cause]).toEqual([
    ...["metadata-rejected", "No, and no", "add it"],
    ...[faults, error],
  ]);
  expect(error.reworded({ hint: undefined })).toMatchObject({ message: "No", hint: undefined, faults });
});

test("the message of anything that was thrown is one line", () => {
  expect(messageOf(new Error("one\n  two\r\nthree"))).toBe("one two three");
  expect(messageOf("text\n")).toBe("text ");
  expect(messageOf(undefined)).toBe("undefined");
});

test("only a text counts as the code of a system error", () => {
  expect(systemCode(Object.assign(new Error(), { code: "ENOENT" }))).toBe("ENOENT");
  for (const other of [Object.assign(new Error(), { code: 5 }), new Error(), null, "ENOENT", undefined]) {
    expect(systemCode(other)).toBeNull();
  }
});
