// What lies in the storage and belongs to no upload that goes on.

import { describe, expect, test } from "bun:test";
import { DyncError } from "../../src/base/error.ts";
import { deleteRemains } from "../../src/server/remains.ts";
import { idOf } from "../storage/contract.ts";
import { RecoveryWorld } from "./recovery-world.ts";

const { signal } = new AbortController();

function remainsOf(world: RecoveryWorld): Promise<number> {
  return deleteRemains(world, { isActive: () => false, isExpired: () => false, signal });
}

describe("what is left in the storage", () => {
  test("partials of unfinished uploads stay, those of uploads that ended go", async () => {
    const world = new RecoveryWorld();
    world.record(1);
    world.record(2, { state: "publishing" });
    world.record(3, { state: "failed" });
    world.record(4, { state: "finished" });
    for (const number of [1, 2, 3, 4]) await world.partial(number, "x");
    await remainsOf(world);
    expect(await world.partials()).toEqual([idOf(1), idOf(2)]);
    expect(world.log.map(({ fields }) => fields.upload)).toEqual([idOf(3), idOf(4)]);
  });

  test("partials that no record knows stay, and are counted", async () => {
    const world = new RecoveryWorld();
    for (const number of [1, 2, 3]) await world.partial(number, "x");
    expect(await remainsOf(world)).toBe(3);
    expect(await world.partials()).toHaveLength(3);
  });

  test("empty partials that no record knows go: a crash between creating and recording leaves them", async () => {
    const world = new RecoveryWorld();
    await world.partial(1, "");
    await world.partial(2, "x");
    expect(await remainsOf(world)).toBe(1);
    expect(await world.partials()).toEqual([idOf(2)]);
  });

  test("one that cannot be deleted does not keep the others from being looked at", async () => {
    const world = new RecoveryWorld();
    world.record(1, { state: "failed" });
    await world.partial(1, "x");
    world.failures.set("discard", new DyncError("internal", "The disk reports an error"));
    await remainsOf(world);
    expect(world.log).toMatchObject([{ level: "warn", fields: { upload: idOf(1) } }]);
  });

  test("nothing is said where there is nothing to say", async () => {
    const world = new RecoveryWorld();
    await remainsOf(world);
    expect(world.log).toEqual([]);
  });
});

test("other work has its turn while there is very much to walk through", async () => {
  const world = new RecoveryWorld();
  const count = 1000;
  for (let number = 1; number <= count; number++) {
    world.record(number);
    await (await world.storage.create(idOf(number))).close();
  }
  let turns = 0;
  let isDone = false;
  const tick = (): void => {
    turns++;
    if (!isDone) setImmediate(tick);
  };
  setImmediate(tick);
  expect(await remainsOf(world)).toBe(0);
  isDone = true;
  expect(turns).toBeGreaterThan(5);
});

test("the work ends when it shall, between two partials", async () => {
  const world = new RecoveryWorld();
  world.record(1, { state: "failed" });
  await world.partial(1, "x");
  const aborted = AbortSignal.abort(new Error("over"));
  const judge = { isActive: () => false, isExpired: () => false, signal: aborted };
  await expect(deleteRemains(world, judge)).rejects.toThrow("over");
  expect(await world.partials()).toHaveLength(1);
});
