// How fast the uploads of a command may send together: within 5 % over any 10 seconds, in turns, and what happens when the rate
// changes or an upload goes. The clock is a test's own.

import { describe, expect, test } from "bun:test";
import { SendBudget } from "../../src/client/send-budget.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { BytesSource, patternOf } from "./bytes-source.ts";
import { ClientWorld, failureOf } from "./client-world.ts";
import { ScriptedServer } from "./scripted-server.ts";

const MB = 1e6;

/** Someone who sends as much as the budget lets it. */
class Greedy {
  readonly sent: { readonly at: number; readonly bytes: number }[] = [];
  readonly #budget: SendBudget;
  readonly #clock: ManualClock;
  /** Most chunks that it has. */
  readonly #count: number;

  constructor(budget: SendBudget, clock: ManualClock, count = Number.POSITIVE_INFINITY) {
    this.#budget = budget;
    this.#clock = clock;
    this.#count = count;
  }

  readonly wake = (): void => {
    const most = 2 * MB;
    while (this.sent.length < this.#count && this.#budget.admits(this.wake)) {
      const bytes = Math.min(most, this.#budget.chunkBytesMax);
      this.sent.push({ at: this.#clock.now(), bytes });
      this.#budget.sent(bytes);
    }
  };

  get bytes(): number {
    return this.sent.reduce((sum, { bytes }) => sum + bytes, 0);
  }
}

function rig(rate: number | null) {
  // Timers of a busy machine come late.
  const clock = new ManualClock();
  const late = {
    now: () => clock.now(),
    date: () => clock.date(),
    after: (ms: number, callback: () => void) => clock.after(ms + (clock.now() % 37), callback),
  };
  const state = { rate };
  const budget = new SendBudget({ clock: late, rate: () => state.rate });
  return { clock, state, budget };
}

/** Least and most bytes in any 10 s of `sent`, looked at every 100 ms. */
function extremes(
  sent: readonly { readonly at: number; readonly bytes: number }[],
  endMs: number,
): readonly [number, number] {
  const windows: number[] = [];
  for (let from = 0; from + 10_000 <= endMs; from += 100)
    windows.push(
      sent.reduce((sum, { at, bytes }) => sum + (at >= from && at < from + 10_000 ? bytes : 0), 0),
    );
  return [Math.min(...windows), Math.max(...windows)];
}

describe("SendBudget", () => {
  test.each([10_000, 100_000, 5 * MB, 20 * MB, 1000 * MB])(
    "%d bytes a second hold within 5 %% over any 10 s, of four at once",
    (rate) => {
      const { clock, budget } = rig(rate);
      const all = Array.from({ length: 4 }, () => new Greedy(budget, clock));
      for (const one of all) one.wake();
      clock.advance(40_000);
      const [least, most] = extremes(
        all.flatMap(({ sent }) => sent),
        40_000,
      );
      expect(least).toBeGreaterThan(0.95 * 10 * rate);
      expect(most).toBeLessThan(1.05 * 10 * rate);
    },
  );

  test("uploads take turns chunk by chunk, and what one does not want is for the others", () => {
    const { clock, budget } = rig(MB);
    const [brief, long, other] = [
      new Greedy(budget, clock, 10),
      new Greedy(budget, clock),
      new Greedy(budget, clock),
    ];
    for (const one of [brief, long, other]) one.wake();
    clock.advance(3000);
    expect(brief.sent).toHaveLength(10);
    expect(Math.abs(long.sent.length - other.sent.length)).toBeLessThanOrEqual(3);
    budget.leave(long.wake);
    const before = [long.bytes, other.bytes] as const;
    clock.advance(10_000);
    expect(long.bytes).toBe(before[0]);
    expect(other.bytes - before[1]).toBeGreaterThan(9.5 * MB);
  });

  test("without a limit nobody waits, and a new rate counts within a second, whoever waits already", () => {
    const { clock, state, budget } = rig(null);
    expect([budget.admits(() => {}), budget.chunkBytesMax]).toEqual([true, Number.POSITIVE_INFINITY]);
    state.rate = 10_000;
    const one = new Greedy(budget, clock);
    one.wake();
    clock.advance(20_000);
    const slow = one.bytes;
    expect(slow).toBeLessThan(210_000);
    state.rate = MB;
    clock.advance(1000);
    expect(one.bytes - slow).toBeGreaterThan(MB / 4);
    clock.advance(10_000);
    expect(one.bytes).toBeGreaterThan(9 * MB);
  });

  test("who leaves is not called, and leaves no timer", () => {
    const { clock, budget } = rig(10_000);
    let calls = 0;
    budget.sent(50_000);
    expect(budget.admits(() => void calls++)).toBe(false);
    const wake = (): void => void calls++;
    expect(budget.admits(wake)).toBe(false);
    budget.leave(wake);
    clock.advance(60_000);
    expect(calls).toBe(1);
  });
});

describe("an upload with a limit", () => {
  test("sends short chunks, each when it is paid for, and goes on when more is allowed", async () => {
    const world = new ClientWorld();
    const server = new ScriptedServer(world.network);
    let rate: number | null = 10_000;
    const budget = new SendBudget({ clock: world.clock, rate: () => rate });
    const source = new BytesSource(patternOf(50_000));
    const receipt = world.upload({ source }, { budget });
    await server.expect("post-file");
    server.approve(1000);
    const first = await server.expect("post-chunk");
    expect(first.data).toHaveLength(512);
    await world.pass(1000);
    const sent = world.progress.at(-1)?.sent ?? 0;
    // A second, and what is free at first.
    expect(sent).toBeGreaterThan(9000);
    expect(sent).toBeLessThan(13_000);
    // What the server says is heeded as ever.
    server.send({ type: "status-report", seek: 0, credit: 1000 });
    await world.pass(100);
    expect(world.progress.at(-1)?.sent).toBeLessThan(3000);
    rate = null;
    const confirmed = world.pass(1000).then(() => server.send({ type: "upload-finished", uploadId: "u1" }));
    expect(await receipt).toMatchObject({ bytes: 50_000 });
    await confirmed;
    server.forgetRest();
  });

  test("that is stopped while it waits says so at once", async () => {
    const world = new ClientWorld();
    const server = new ScriptedServer(world.network);
    const budget = new SendBudget({ clock: world.clock, rate: () => 10_000 });
    budget.sent(1_000_000);
    const failure = failureOf(world.upload({}, { budget }));
    await server.expect("post-file");
    server.approve(10);
    await world.settle();
    world.stop.abort();
    expect((await server.expect("error")).code).toBe(503);
    expect((await failure).code).toBe("cancelled");
    expect(world.progress.at(-1)?.sent).toBe(0);
  });
});
