// What was sent is written down as soon as that can be, the oldest first, and the fault is said once.

import { expect, test } from "bun:test";
import { Remembering } from "../../src/watch/remembering.ts";

test("what cannot be written is kept, found, and written when there is room", () => {
  let isFull = true;
  const [written, said]: [string[], string[]] = [[], []];
  const it = new Remembering<number>({
    note: (key, value) => {
      if (isFull) throw new Error("disk is full");
      written.push(`${key}${value}`);
    },
    onFault: (text) => said.push(text),
    onOver: () => said.push("over"),
  });
  expect([it.note("a", 1), it.note("b", 1), it.note("a", 2)]).toEqual([false, false, false]);
  expect([it.unwritten("a"), it.unwritten("b"), it.unwritten("c")]).toEqual([2, 1, undefined]);
  expect(said).toEqual(["disk is full"]);
  isFull = false;
  expect([it.again(), it.note("c", 3)]).toEqual([true, true]);
  expect([written, said]).toEqual([
    ["b1", "a2", "c3"],
    ["disk is full", "over"],
  ]);
  expect(it.unwritten("a")).toBeUndefined();
});
