import { expect, test } from "bun:test";
import { isAtOrBelow, placeOf } from "../../src/base/path-place.ts";

test("on Windows a path is the same place in capital and in small letters", () => {
  expect(placeOf("D:\\Läufe\\RUN", "win32")).toBe(placeOf("d:\\LÄUFE\\run", "win32"));
  expect(placeOf("/Runs", "linux")).not.toBe(placeOf("/runs", "linux"));
});

test("what is in a folder is below it, and what only begins like it is not", () => {
  expect(isAtOrBelow("/data/runs/a", "/data/runs", "linux")).toBe(true);
  expect(isAtOrBelow("/data/runs", "/data/runs", "linux")).toBe(true);
  expect(isAtOrBelow("/a", "/", "linux")).toBe(true);
  for (const other of ["/data/runs2", "/data/Runs/a", "/data"])
    expect(isAtOrBelow(other, "/data/runs", "linux")).toBe(false);
  expect(isAtOrBelow("D:\\Data\\a", "d:\\data", "win32")).toBe(true);
  expect(isAtOrBelow("D:\\Data\\a", "d:\\", "win32")).toBe(true);
  expect(isAtOrBelow("\\\\Lab\\Share\\a", "\\\\LAB\\share", "win32")).toBe(true);
  expect(isAtOrBelow("D:\\Data2", "d:\\data", "win32")).toBe(false);
});
