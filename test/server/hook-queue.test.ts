// What waits for hooks is told in the background: how many at once, again after pauses, once for each that was written down, and what
// the log says of it.

import { describe, expect, test } from "bun:test";
import { DyncError } from "../../src/base/error.ts";
import type { Hook } from "../../src/hooks/hook.ts";
import type { HookCall, HookOutcome } from "../../src/hooks/runner.ts";
import { HookQueue } from "../../src/server/hook-queue.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { MemoryOutbox } from "../support/memory/outbox.ts";

const done: HookOutcome = { type: "done", output: new Uint8Array() };
const failed = (reason: string): HookOutcome => ({ type: "failed", reason });

/** A hook that answers when, and as, the test says. */
class World {
  readonly clock = new ManualClock();
  readonly outbox = new MemoryOutbox(() => true);
  readonly log: string[] = [];
  readonly calls: { readonly call: HookCall; readonly answer: (outcome: HookOutcome) => void }[] = [];
  readonly stop = new AbortController();
  /** Of all that ran at once. */
  most = 0;
  #running = 0;
  hook: Hook | null = {
    ...{
      name: "index",
      event: "after",
      target: { type: "program", command: ["/bin/index"] },
      timeoutMs: 1000,
      atOnce: 2,
      onFailure: "refuse",
    },
  };
  readonly queue = new HookQueue("index", {
    outbox: this.outbox,
    run: (call) => this.#run(call),
    clock: this.clock,
    logger: {
      log: (level, message, { attempt, failures } = {}) =>
        void this.log.push([level, message, attempt, failures].filter((it) => it !== undefined).join(" ")),
    },
    random: () => 1,
    hookOf: () => this.hook,
    signal: this.stop.signal,
  });

  async #run(call: HookCall): Promise<HookOutcome> {
    this.most = Math.max(this.most, ++this.#running);
    const { promise, resolve, reject } = Promise.withResolvers<HookOutcome>();
    call.signal.addEventListener("abort", () => reject(call.signal.reason));
    this.calls.push({ call, answer: resolve });
    return promise.finally(() => this.#running--);
  }

  add(...uploads: readonly string[]): void {
    const updatedAt = this.clock.date().toISOString();
    for (const id of uploads)
      this.outbox.add({ id, user: "anna", name: `${id}.raw`, updatedAt }, [
        { hook: "index", body: '{"a":1}' },
      ]);
    this.queue.look();
  }

  /** Answers the call that is the oldest; returns which upload it was about. */
  async answer(outcome: HookOutcome): Promise<string | undefined> {
    await this.settle();
    const { call, answer } = this.calls.shift() ?? {};
    answer?.(outcome);
    await this.settle();
    return call?.upload;
  }

  async settle(): Promise<void> {
    for (let turn = 0; turn < 4; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
  }

  async advance(durationMs: number): Promise<void> {
    await this.settle();
    this.clock.advance(durationMs);
    await this.settle();
  }
}

describe("what waits for a hook", () => {
  test("is told in its order, so many at once, and then it is gone", async () => {
    const world = new World();
    world.add("1", "2", "3", "4", "5");
    const told = [];
    for (let count = 0; count < 5; count++) told.push(await world.answer(done));
    expect(told).toEqual(["1", "2", "3", "4", "5"]);
    expect(world.most).toBe(2);
    expect(world.outbox.list()).toEqual([]);
    expect(world.calls).toEqual([]);
  });

  test("is told with its attempt, and again after a pause that grows", async () => {
    const world = new World();
    world.add("1");
    for (const pauseMs of [1_000, 2_000, 4_000]) {
      await world.answer(failed("down"));
      await world.advance(pauseMs - 1);
      expect(world.calls).toEqual([]);
      await world.advance(1);
      expect(world.calls).toHaveLength(1);
    }
    expect(JSON.parse(world.calls[0]?.call.text ?? "")).toEqual({
      ...{ schema: 1, event: "after", hook: "index", idempotencyKey: "1:index", attempt: 4, a: 1 },
    });
    expect(world.outbox.list()).toMatchObject([{ attempts: 3, error: "down" }]);
  });

  test("does not wait for one that takes its time, also when it failed before", async () => {
    const world = new World();
    world.add("slow", "failing");
    await world.settle();
    const [slow] = world.calls.splice(0, 1);
    await world.answer(failed("down"));
    await world.advance(1_000);
    expect(await world.answer(done)).toBe("failing");
    slow?.answer(done);
    await world.settle();
    expect(world.outbox.list()).toEqual([]);
  });

  test("waits while its hook is not configured, and goes on when it is", async () => {
    const world = new World();
    const { hook } = world;
    world.hook = null;
    world.add("1");
    await world.advance(10_000_000);
    expect(world.calls).toEqual([]);
    world.hook = hook;
    world.queue.look();
    expect(await world.answer(done)).toBe("1");
  });

  test("is told in time after the calendar was set back by years", async () => {
    const world = new World();
    world.add("1");
    await world.answer(failed("down"));
    const [{ id = 0 } = {}] = world.outbox.list();
    const nextAt = Date.UTC(2030, 0, 1);
    await world.outbox.failed({ id, attempts: 1, nextAt, error: "down" });
    await world.advance(1_000);
    expect(await world.answer(done)).toBe("1");
  });

  test("that was dropped while it waited for its turn is not told", async () => {
    const world = new World();
    const { bodyOf } = MemoryOutbox.prototype;
    world.outbox.bodyOf = async (id) => {
      await world.outbox.dropped(id);
      return bodyOf.call(world.outbox, id);
    };
    world.add("1");
    await world.settle();
    expect(world.calls).toEqual([]);
  });

  test("stays as it is when the server stops, and nothing more begins", async () => {
    const world = new World();
    world.add("1", "2", "3");
    await world.settle();
    world.stop.abort(new DyncError("cancelled", "Stopped"));
    await world.queue.stopped();
    expect(world.outbox.list().map(({ attempts }) => attempts)).toEqual([0, 0, 0]);
    expect(world.calls).toHaveLength(2);
    world.queue.look();
    await world.settle();
    expect(world.calls).toHaveLength(2);
  });
});

test("the log says that a hook fails once an hour, and when all of it is over", async () => {
  const world = new World();
  world.add("1", "2");
  await world.answer(failed("down"));
  await world.answer(failed("down"));
  expect(world.log).toEqual(["error Hook failed, and is told again later 1"]);
  world.log.length = 0;
  await world.advance(3_600_000);
  await world.answer(done);
  // The other one fails still.
  expect(world.log).toEqual(["debug Hook told 2"]);
  await world.answer(failed("down"));
  expect(world.log.splice(0)).toEqual([
    "debug Hook told 2",
    "error Hook failed, and is told again later 2 3",
  ]);
  await world.advance(3_600_000);
  await world.answer(done);
  expect(world.log).toEqual(["debug Hook told 3", "info Hook works again 3"]);
});

test("where the catalogue is in trouble, no hook is told the same without end", async () => {
  const world = new World();
  const { delivered } = world.outbox;
  world.outbox.delivered = async () => {
    throw new DyncError("not-ready", "No space left");
  };
  world.add("1");
  await world.answer(done);
  await world.advance(29_000);
  expect(world.calls).toEqual([]);
  world.outbox.delivered = delivered;
  await world.advance(1_000);
  expect(await world.answer(done)).toBe("1");
  expect(world.outbox.list()).toEqual([]);
});
