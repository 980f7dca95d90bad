// Fast media are served in place, slow ones by the pool, and are tried again now and then.

import { expect, test } from "bun:test";
import { IoPace, type IoPaceBounds } from "../../src/base/io-pace.ts";

function paced(
  tookMs: (call: number) => number,
  bounds?: IoPaceBounds,
): { pace: IoPace; calls: string[]; one: () => unknown } {
  let now = 0;
  const calls: string[] = [];
  const pace = new IoPace({ now: () => now, date: () => new Date(0), after: () => () => {} }, bounds);
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

test("IoPace goes to the pool for two operations after a single slow one", async () => {
  const { calls, one } = paced((call) => (call === 1 ? 50 : 1));
  for (let count = 0; count < 10; count++) await one();
  expect(calls.map((call) => call[0]).join("")).toBe("ippiiiiiii");
});

test("IoPace tries a medium that stays slow ever more rarely, down to one in 129", async () => {
  const { calls, one } = paced(() => 50);
  for (let count = 0; count < 2000; count++) await one();
  const tries = calls.flatMap((call, index) => (call === "in place" ? [index] : []));
  const gaps = tries.slice(1).map((index, before) => index - (tries[before] as number));
  expect(gaps.slice(0, 8)).toEqual([3, 5, 9, 17, 33, 65, 129, 129]);
});

test("IoPace with bounds of its own finds a slow medium by these, and tries it as rarely as they say", async () => {
  const bounds = { slowMs: 0.05, poolRunMax: 512 };
  const memory = paced(() => 0.04, bounds);
  for (let count = 0; count < 100; count++) await memory.one();
  expect(new Set(memory.calls)).toEqual(new Set(["in place"]));
  const disk = paced(() => 0.06, bounds);
  for (let count = 0; count < 4000; count++) await disk.one();
  const tries = disk.calls.flatMap((call, index) => (call === "in place" ? [index] : []));
  const gaps = tries.slice(1).map((index, before) => index - (tries[before] as number));
  expect(gaps).toEqual([3, 5, 9, 17, 33, 65, 129, 257, 513, 513, 513, 513, 513, 513]);
});

test("IoPace forgets how slow a medium was once it is fast again", async () => {
  let isSlow = true;
  const { calls, one } = paced(() => (isSlow ? 50 : 1));
  for (let count = 0; count < 200; count++) await one();
  isSlow = false;
  for (let count = 0; count < 200; count++) await one();
  expect(calls.at(-1)).toBe("in place");
  isSlow = true;
  await one();
  isSlow = false;
  for (let count = 0; count < 3; count++) await one();
  expect(calls.slice(-4)).toEqual(["in place", "pooled", "pooled", "in place"]);
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
