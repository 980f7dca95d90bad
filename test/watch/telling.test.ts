// When a watcher tells the server how its folder does, in simulated time.

import { expect, test } from "bun:test";
import { DyncError } from "../../src/base/error.ts";
import { Telling } from "../../src/watch/telling.ts";
import { ManualClock } from "../support/manual-clock.ts";

class World {
  readonly clock = new ManualClock();
  readonly told: string[] = [];
  readonly faults: (string | null)[] = [];
  readonly stop = new AbortController();
  state = "a";
  fault: DyncError | null = null;
  /** Set: telling does not end before its signal. */
  hangs = false;
  readonly telling = new Telling<string>({
    clock: this.clock,
    random: () => 0.5,
    state: async () => this.state,
    newsOf: (state) => state,
    tell: async (state, isFarewell, signal) => {
      if (this.hangs)
        await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      if (this.fault !== null) throw this.fault;
      this.told.push(`${Math.round(this.clock.now() / 1000)} ${state}${isFarewell ? " farewell" : ""}`);
    },
    onFault: (fault) => void this.faults.push(fault),
  });

  begin(): void {
    this.telling.forever(this.stop.signal).catch(() => {});
  }

  /** So many seconds go by. */
  async wait(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      this.clock.advance(1000);
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }
}

async function worldAfter(seconds: number): Promise<World> {
  const world = new World();
  const from = world.clock.now();
  world.begin();
  await world.wait(seconds);
  expect(from).toBe(0);
  return world;
}

test("it is told soon after the start, and every five minutes where nothing changes", async () => {
  const world = await worldAfter(11 * 60);
  expect(world.told).toEqual(["5 a", "305 a", "605 a"]);
  expect(world.telling.told).toMatchObject({ at: expect.any(String), fault: null });
});

test("what changes is told within a minute, and not more often", async () => {
  const world = await worldAfter(6);
  for (let change = 0; change < 30; change++) {
    world.state = `b${change}`;
    await world.wait(10);
  }
  expect(world.told.length).toBe(1 + 5);
  world.stop.abort();
});

test("a server that is away is asked every five minutes, and that is said once, and once when it is back", async () => {
  const world = new World();
  world.fault = new DyncError("unreachable", "It is away");
  world.begin();
  await world.wait(16 * 60);
  expect(world.faults).toEqual(["It is away"]);
  expect(world.telling.told).toEqual({ at: null, fault: "It is away" });
  world.fault = null;
  await world.wait(6 * 60);
  expect(world.faults).toEqual(["It is away", null]);
  expect(world.told.length).toBe(1);
  world.stop.abort();
});

test("a server that takes no reports is left alone for a day, without a word", async () => {
  const world = new World();
  world.fault = new DyncError("cannot-know", "It is older");
  world.begin();
  await world.wait(10);
  world.fault = null;
  await world.wait(3600);
  expect(world.told).toEqual([]);
  expect(world.faults).toEqual([]);
  expect(world.telling.told.fault).toBe("It is older");
  world.stop.abort();
});

test("at the end it is said that nothing more comes, where the server was told anything", async () => {
  const quick = await worldAfter(1);
  await quick.telling.farewell(false);
  expect(quick.told).toEqual([]);
  await quick.telling.farewell(true);
  expect(quick.told).toEqual(["1 a farewell"]);
  const other = await worldAfter(10);
  await other.telling.farewell(false);
  expect(other.told).toEqual(["5 a", "10 a farewell"]);
});

test("nobody waits for a farewell that does not get through", async () => {
  const world = await worldAfter(10);
  world.hangs = true;
  const farewell = world.telling.farewell(false);
  await world.wait(3);
  await farewell;
  expect(world.telling.told.fault).toBe("It takes too long");
});
