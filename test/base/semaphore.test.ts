import { expect, test } from "bun:test";
import { Semaphore } from "../../src/base/semaphore.ts";

test("places are given in the order in which they were asked for", async () => {
  const places = new Semaphore();
  const order: string[] = [];
  const take = async (name: string): Promise<void> => {
    await places.take(2);
    order.push(name);
  };
  await Promise.all([take("a"), take("b")]);
  const waiting = [take("c"), take("d")];
  await Promise.resolve();
  expect(order).toEqual(["a", "b"]);
  places.release();
  await waiting[0];
  expect(order).toEqual(["a", "b", "c"]);
  places.release();
  await waiting[1];
  expect(order).toEqual(["a", "b", "c", "d"]);
  expect(places.isIdle).toBe(false);
  places.release();
  places.release();
  expect(places.isIdle).toBe(true);
});

test("who gives up waiting takes no place", async () => {
  const places = new Semaphore();
  await places.take(1);
  const stop = new AbortController();
  const gaveUp = places.take(1, stop.signal);
  const next = places.take(1);
  stop.abort(new Error("late"));
  await expect(gaveUp).rejects.toThrow("late");
  await expect(places.take(1, stop.signal)).rejects.toThrow("late");
  places.release();
  await next;
  places.release();
  expect(places.isIdle).toBe(true);
});
