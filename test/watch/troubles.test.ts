// Each trouble is told once, until it is over, also across restarts.

import { expect, test } from "bun:test";
import { TroubleBook } from "../../src/watch/troubles.ts";

const refused = { path: "a", reason: "refused", detail: "Name taken" } as const;

test("what needs a person is told once, and again when it was over", () => {
  const book = new TroubleBook([]);
  expect(book.isNew(refused)).toBe(true);
  expect(book.isNew({ ...refused, detail: "Said otherwise" })).toBe(false);
  expect(book.isNew({ ...refused, path: "b" })).toBe(true);
  expect(new TroubleBook(book.told).isNew(refused)).toBe(false);
  expect(book.isOver("a")).toBe(true);
  expect(book.isOver("a")).toBe(false);
  expect(book.isNew(refused)).toBe(true);
});

test("what passes by itself needs nobody", () => {
  const book = new TroubleBook([]);
  for (const reason of ["changing", "settling", "no-sign", "queued", "retrying", "empty"] as const)
    expect(book.isNew({ path: "a", reason, detail: "" })).toBe(false);
  expect(book.isNew({ path: null, reason: "not-reachable", detail: "" })).toBe(true);
  expect(book.isNew({ path: null, reason: "other", detail: "" })).toBe(true);
  expect(book.isOver(null, ["not-reachable"])).toBe(true);
});

test("a book does not grow without end: the oldest are forgotten", () => {
  const book = new TroubleBook([]);
  for (let at = 0; at < 10_010; at++) book.isNew({ ...refused, path: `${at}` });
  expect(book.told).toHaveLength(10_000);
  expect(book.told[0]).toBe("refused 10");
});
