// Where a thread's time goes: what is counted, and that counting changes nothing of what is counted.

import { afterEach, expect, test } from "bun:test";
import { countStages, Stages, stagesOfWorker, timed } from "../../src/base/stages.ts";
import { ManualClock } from "../support/manual-clock.ts";

afterEach(() => countStages(null));

function counted() {
  const clock = new ManualClock();
  const stages = new Stages(clock);
  countStages(stages);
  return { clock, stages };
}

test("a stage within another one is not counted twice", () => {
  const { clock, stages } = counted();
  timed("handle", () => {
    clock.advance(1);
    timed("decode", () => clock.advance(2));
    timed("machine", () => {
      clock.advance(3);
      timed("hash", () => clock.advance(4));
    });
    clock.advance(5);
  });
  const { handle, decode, machine, hash } = stages.table();
  expect(handle).toEqual({ count: 1, wallMs: 15, heldMs: 6 });
  expect(decode).toEqual({ count: 1, wallMs: 2, heldMs: 2 });
  expect(machine).toEqual({ count: 1, wallMs: 7, heldMs: 3 });
  expect(hash).toEqual({ count: 1, wallMs: 4, heldMs: 4 });
  const sum = Object.values(stages.table()).reduce((ms, it) => ms + it.heldMs, 0);
  expect(sum).toBe(15);
});

test("what waits counts until it is there, and keeps the thread until it waits", async () => {
  const { clock, stages } = counted();
  const { promise, resolve } = Promise.withResolvers<string>();
  const made = timed("sync", () => {
    clock.advance(1);
    return promise;
  });
  expect(made).toBe(promise);
  clock.advance(10);
  resolve("there");
  expect(await made).toBe("there");
  expect(stages.table().sync).toEqual({ count: 1, wallMs: 11, heldMs: 1 });
});

test("failures are passed on, at once or later, and are counted", async () => {
  const { clock, stages } = counted();
  const fail = (): never => {
    clock.advance(2);
    throw new Error("no");
  };
  expect(() => timed("write", fail)).toThrow("no");
  await expect(timed("write", async () => fail())).rejects.toThrow("no");
  expect(stages.table().write).toEqual({ count: 2, wallMs: 4, heldMs: 4 });
});

test("nobody counts unless it is asked for", () => {
  const { clock, stages } = counted();
  countStages(null);
  const act = (): number => {
    clock.advance(1);
    return 7;
  };
  expect(timed("hash", act)).toBe(7);
  expect(stages.table().hash).toEqual({ count: 0, wallMs: 0, heldMs: 0 });
});

test("what workers count is told together, also of those that are no more", () => {
  const { clock, stages } = counted();
  for (const ms of [2, 3]) {
    const memory = stagesOfWorker();
    if (memory === null) throw new Error("somebody counts");
    const worker = new Stages(clock, memory);
    worker.run("hash", () => clock.advance(ms));
  }
  expect(stages.workersTable().hash).toEqual({ count: 2, wallMs: 5, heldMs: 5 });
  expect(stages.table().hash).toEqual({ count: 0, wallMs: 0, heldMs: 0 });
});
