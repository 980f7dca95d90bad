// Fast media are served in place, slow ones by the pool, and are tried again now and then.

import { expect, test } from "bun:test";
import { IoPace } from "../../src/base/io-pace.ts";

function paced(tookMs: (call: number) => number): { pace: IoPace; calls: string[]; one: () => unknown } {
  let now = 0;
  const calls: string[] = [];
  const pace = new IoPace({ now: () => now, date: () => new Date(0), after: () => () => {} });
  const one = (): unknown =>
    pace.run(
      () => {
        now += tookMs(calls.push("in place"));
        return "a";
      },
      () => {
        calls.push("pooled");
        return Promise.resolve("b");
      },
    );
  return { pace, calls, one };
}

test("IoPace stays in place while operations are fast", () => {
  const { calls, one } = paced(() => 1);
  for (let count = 0; count < 500; count++) expect(one()).toBe("a");
  expect(new Set(calls)).toEqual(new Set(["in place"]));
});

test("IoPace goes to the pool for a hundred operations after a slow one", async () => {
  const { calls, one } = paced((call) => (call === 1 ? 50 : 1));
  for (let count = 0; count < 102; count++) await one();
  expect(calls.filter((call) => call === "pooled")).toHaveLength(100);
  expect(calls[0]).toBe("in place");
  expect(calls.at(-1)).toBe("in place");
});

test("IoPace counts an operation that failed slowly as slow", () => {
  let now = 0;
  const pace = new IoPace({ now: () => now, date: () => new Date(0), after: () => () => {} });
  const fails = (): never => {
    now += 100;
    throw new Error("The disk reports an error");
  };
  expect(() => pace.run(fails, async () => {})).toThrow("The disk reports an error");
  expect(
    pace.run(
      () => "in place",
      () => Promise.resolve("pooled"),
    ),
  ).toBeInstanceOf(Promise);
});
