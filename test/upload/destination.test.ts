import { expect, test } from "bun:test";
import fc from "fast-check";
import { destinationAt, destinationOf, foldersAbove, pathOf } from "../../src/upload/destination.ts";

test("without a place it is the folder of the user", () => {
  const upload = { user: "anna", name: "a.raw", place: null };
  expect(destinationOf(upload)).toEqual({ folder: "anna", name: "a.raw" });
  expect(foldersAbove(destinationOf(upload))).toEqual([]);
});

test("a path is a place and the other way round", () => {
  const part = fc.stringMatching(/^[a-z0-9_-][a-z0-9._-]{0,8}$/);
  fc.assert(
    fc.property(fc.array(part, { minLength: 2, maxLength: 6 }), (parts) => {
      const place = destinationAt(parts.join("/"));
      expect(place).not.toBeNull();
      if (place === null) return;
      expect(pathOf(place)).toBe(parts.join("/"));
      expect(foldersAbove(place).map(pathOf)).toEqual(
        parts.slice(1, -1).map((_, index) => parts.slice(0, index + 2).join("/")),
      );
    }),
  );
});

test.each(["a", "", "/a", "a/", "a//b", "../a", "a/..", "a/./b", ".dync/a", "a/.b/c", "a/.b"])(
  "%p is no place",
  (path) => {
    expect(destinationAt(path)).toBeNull();
  },
);
