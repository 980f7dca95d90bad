// Long work in turns: others get theirs, and who ends it waits for none.

import { expect, test } from "bun:test";
import { Turns } from "../../src/base/turns.ts";

test("others get a turn after so many steps", async () => {
  let others = 0;
  const again = (): void => {
    others++;
    timer = setImmediate(again);
  };
  let timer = setImmediate(again);
  const turns = new Turns(3, new AbortController().signal);
  await turns.step();
  await turns.step();
  expect(others).toBe(0);
  await turns.step();
  clearImmediate(timer);
  expect(others).toBeGreaterThan(0);
});

test("it ends with the reason of its signal, also while it waits for its turn", async () => {
  const stop = new AbortController();
  const turns = new Turns(1, stop.signal);
  const waiting = turns.step();
  stop.abort(new Error("enough"));
  await expect(waiting).rejects.toThrow("enough");
  await expect(turns.step()).rejects.toThrow("enough");
});
