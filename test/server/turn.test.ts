// Many messages in one turn of the loop: one answer, in the place where it belongs.

import { expect, test } from "bun:test";
import { Turn } from "../../src/server/turn.ts";

function turnOf(): { readonly turn: Turn; readonly answers: string[]; end(): void } {
  const ends: (() => void)[] = [];
  return { turn: new Turn((end) => ends.push(end)), answers: [], end: () => ends.shift()?.() };
}

test("of many questions of an upload the newest is answered, at the end of the turn", () => {
  const { turn, answers, end } = turnOf();
  for (let asked = 1; asked <= 1000; asked++) turn.ask("a", () => answers.push(`a${asked}`));
  turn.ask("b", () => answers.push("b"));
  expect(answers).toEqual([]);
  end();
  expect(answers).toEqual(["a1000", "b"]);
  turn.ask("a", () => answers.push("again"));
  end();
  expect(answers).toEqual(["a1000", "b", "again"]);
});

test("what an upload asked is answered before what it says next", () => {
  const { turn, answers, end } = turnOf();
  turn.ask("a", () => answers.push("a"));
  turn.ask("b", () => answers.push("b"));
  turn.before("a");
  answers.push("chunk of a");
  end();
  expect(answers).toEqual(["a", "chunk of a", "b"]);
});

test("what was said counts as repeated until the turn ends", () => {
  const { turn, end } = turnOf();
  expect(turn.isRepeated("a", "post-chunk")).toBe(false);
  expect(turn.isRepeated("a", "post-chunk")).toBe(true);
  expect(turn.isRepeated("b", "post-chunk")).toBe(false);
  expect(turn.isRepeated("a", "error")).toBe(false);
  end();
  expect(turn.isRepeated("a", "post-chunk")).toBe(false);
});

test("a question is the same only when its message is, and nothing came in between", () => {
  const { turn, end } = turnOf();
  const frames = (...texts: string[]): Uint8Array[] => texts.map((text) => Buffer.from(text));
  turn.ask("a", () => {}, frames("post-file", "x"));
  expect(turn.isAsked("a", frames("post-file", "x"))).toBe(true);
  expect(turn.isAsked("b", frames("post-file", "x"))).toBe(false);
  for (const other of [frames("post-file", "y"), frames("post-file"), frames("post-file", "x", ""), []])
    expect(turn.isAsked("a", other)).toBe(false);
  turn.before("a");
  expect(turn.isAsked("a", frames("post-file", "x"))).toBe(false);
  turn.ask("a", () => {}, frames("post-file", "x"));
  turn.ask("a", () => {});
  expect(turn.isAsked("a", frames("post-file", "x"))).toBe(false);
  expect(turn.isAsked("a", [])).toBe(false);
  turn.ask("a", () => {}, frames("post-file", "x"));
  end();
  expect(turn.isAsked("a", frames("post-file", "x"))).toBe(false);
});
