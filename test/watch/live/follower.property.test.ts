// Runs that an instrument writes in any way that it likes, followed by a sign: what arrives is what is there at the end, nothing ends early,
// and no step is one that a server refuses, whatever is restarted and whichever looks fail in between.

import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Completion } from "../../../src/watch/completion.ts";
import { Follower } from "../../../src/watch/live/follower.ts";
import { StreamModel } from "../../support/live/stream-model.ts";
import { WrittenRun } from "../../support/live/written-run.ts";

const settleMs = 60_000;
const lookMs = 10_000;
const noSign: Completion = { type: "waits", reason: "no-sign", detail: "" };
const signed: Completion = { type: "complete", outcome: "finished", sign: "Done.txt" };

const paths = ["a", "A", "b.raw", "d/a", "d/b.tmp", "d/b", "d/e/c", "d/E/c", "f", "f/g"];
const path = fc.constantFrom(...paths);
const size = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 1000 }));
const operation = fc.oneof(
  { arbitrary: fc.record({ type: fc.constant("write"), path, size }), weight: 6 },
  { arbitrary: fc.record({ type: fc.constant("anew"), path, size }), weight: 1 },
  { arbitrary: fc.record({ type: fc.constant("remove"), path }), weight: 2 },
  { arbitrary: fc.record({ type: fc.constant("rename"), path, to: path }), weight: 3 },
  { arbitrary: fc.record({ type: fc.constant("folder"), path }), weight: 1 },
  { arbitrary: fc.record({ type: fc.constant("pause"), looks: fc.integer({ min: 1, max: 30 }) }), weight: 8 },
  { arbitrary: fc.record({ type: fc.constant("away"), looks: fc.integer({ min: 1, max: 3 }) }), weight: 1 },
  { arbitrary: fc.record({ type: fc.constant("empty"), looks: fc.integer({ min: 1, max: 9 }) }), weight: 1 },
  {
    arbitrary: fc.record({ type: fc.constant("hidden"), path, looks: fc.integer({ min: 1, max: 9 }) }),
    weight: 1,
  },
  { arbitrary: fc.record({ type: fc.constant("restart") }), weight: 1 },
);
type Operation = typeof operation extends fc.Arbitrary<infer T> ? T : never;

const operations = fc.array(operation, { maxLength: 40 });
const aheadMax = fc.integer({ min: 1, max: 5 });

class World {
  readonly run = new WrittenRun();
  readonly stream: StreamModel;
  completion = noSign;
  now = 0;
  /** After so many turns what is being read is read. */
  readonly #readTurns: number;
  #turn = 0;
  #follower: Follower;

  constructor(readTurns: number, aheadMax: number) {
    this.stream = new StreamModel(aheadMax);
    this.#readTurns = readTurns;
    this.#follower = this.#open();
  }

  #open(): Follower {
    const follower = new Follower({ settleMs, runSettleMs: settleMs }, this.stream.steps, this.now);
    for (const spoiled of this.stream.spoiled) follower.changed(spoiled, this.now);
    return follower;
  }

  do(step: Operation): void {
    switch (step.type) {
      case "write":
        return this.run.write(step.path, step.size);
      case "anew":
        return this.run.write(step.path, step.size, false);
      case "remove":
        return this.run.remove(step.path);
      case "rename":
        return this.run.rename(step.path, step.to);
      case "folder":
        return this.run.folder(step.path);
      case "restart":
        this.#follower = this.#open();
        return;
      default:
        for (let looks = 0; looks < step.looks; looks++) this.#pass(step);
    }
  }

  #pass(step: Operation): void {
    this.now += lookMs;
    this.run.passed(lookMs);
    const follower = this.#follower;
    if (step.type === "away") follower.lost("away", this.now);
    else {
      if (step.type === "empty") follower.begin();
      else this.run.lookedAt(follower, this.now, step.type === "hidden" ? step.path : null);
      follower.end(this.completion, () => new Set(), this.now);
    }
    for (let left = 20; left > 0; left--) {
      const isRead = (): boolean => ++this.#turn % this.#readTurns === 0;
      if (!this.stream.go(follower, this.run, this.now, isRead)) break;
    }
  }

  /** What is there, as the server should have it. */
  get written(): Record<string, number | null> {
    const files = [...this.run.files].map(([at, { content }]) => [at, content] as const);
    return Object.fromEntries([...files, ...[...this.run.folders].map((at) => [at, null] as const)].sort());
  }

  get waiting(): string {
    return JSON.stringify(this.#follower.waiting);
  }
}

/** Whether nothing that is there counts as the same name as something else. */
function isSendable(run: WrittenRun): boolean {
  const all = [...run.files.keys(), ...run.folders];
  return new Set(all.map((it) => it.toLowerCase())).size === all.length;
}

test("whatever is written, what arrives is what is there at the end, and not before the sign", () => {
  fc.assert(
    fc.property(operations, fc.integer({ min: 1, max: 90 }), aheadMax, (steps, readTurns, ahead) => {
      const world = new World(readTurns, ahead);
      for (const step of steps) {
        world.do(step);
        expect(world.stream.steps.at(-1)?.kind).not.toBe("end");
      }
      world.run.write("Done.txt", 1);
      world.completion = signed;
      world.do({ type: "pause", looks: 120 });
      if (!isSendable(world.run)) {
        expect(world.stream.isEnded).toBe(false);
        expect(world.waiting).toContain("counts as the same");
        return;
      }
      expect([world.stream.isEnded, world.waiting]).toEqual([true, "null"]);
      expect(Object.fromEntries([...world.stream.tree].sort())).toEqual(world.written);
    }),
    { numRuns: 500 },
  );
});
