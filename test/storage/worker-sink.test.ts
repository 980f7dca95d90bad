// The main thread's side of an upload that a storage worker has, without the worker: what it does with chunks that nobody wants.

import { expect, test } from "bun:test";
import type { OwnedChunk, SinkEvents } from "../../src/storage/storage.ts";
import { workerEnded } from "../../src/storage/workers/said.ts";
import { WorkerSink } from "../../src/storage/workers/worker-sink.ts";
import { codeOf } from "./contract.ts";

const note = { durable: 0, mark: "boot" };
const noEvents: SinkEvents = { onStored() {}, onNote() {}, onFailed() {}, onRefused() {} };

/** A sink, what its worker was given, and how each order is answered. */
function sinkOf(isReady: boolean, answer: () => Promise<unknown> = async () => note) {
  const taken: number[] = [];
  const line = {
    order: async () => (await answer()) as never,
    take: (_number: number, { offset }: OwnedChunk) => void taken.push(offset),
    remains: async () => note,
    discard: async () => {},
    leave: () => {},
  };
  return { taken, sink: new WorkerSink(line, { length: 0, isReady }, 0, noEvents) };
}

for (const type of ["prepare", "rewind"] as const) {
  test(`a worker that ends amid ${type}, and still says that this is done, has no sink that takes chunks`, async () => {
    const answered = Promise.withResolvers<unknown>();
    const { sink } = sinkOf(false, () => answered.promise);
    const done = codeOf(sink[type]());
    sink.ended(workerEnded());
    answered.resolve(note);
    // Who had been told that it is ready would give credit for what nobody takes.
    expect(await done).toBe("not-ready");
    expect(sink.isReady).toBe(false);
  });
}

test("a chunk behind what was cut off is given back at once, and the worker never hears of it", async () => {
  const { sink, taken } = sinkOf(true);
  const released: number[] = [];
  const write = (offset: number): void =>
    sink.write({ offset, data: new Uint8Array(10), release: () => void released.push(offset) });
  write(0);
  write(10);
  sink.released(1);
  sink.released(2);
  sink.failed(new Error("a disk"), note);
  await sink.rewind();
  // Its client sent it before it heard of that.
  write(20);
  expect(released).toEqual([0, 10, 20]);
  write(0);
  expect(taken).toEqual([0, 10, 0]);
});
