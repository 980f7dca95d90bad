// The sender: what it reads ahead, what it sends when, failures, memory.

import { expect, test } from "bun:test";
import { DyncError } from "../../src/base/error.ts";
import type { ChunkReading } from "../../src/client/chunk.ts";
import { Sender } from "../../src/client/sender.ts";
import { type Source, StreamSource } from "../../src/client/source.ts";
import type { SendWindow } from "../../src/protocol/client/client-events.ts";
import type { Block } from "../../src/transport/transport.ts";
import { MemoryNetwork } from "../support/memory/network.ts";
import { BytesSource, patternOf, streamOf } from "./bytes-source.ts";

/** A sender whose window moves on with what is sent, up to `end`. */
function rig(source: Source, lengthMax = 10) {
  const network = new MemoryNetwork();
  const client = network.client();
  const told: string[] = [];
  const state = {
    window: { offset: 0, lengthMax, end: -1, keptFrom: 0 } as SendWindow | null,
    isFree: true,
    owed: [] as boolean[],
  };
  const sender: Sender = new Sender({
    source,
    allocate: (length) => client.allocate(length),
    window: () => state.window,
    isFree: () => state.isFree,
    send: ({ offset, length, block }, wasHeld) => {
      told.push(`${offset}+${length}${wasHeld ? " held" : ""}`);
      block?.release();
      if (state.window !== null) state.window = length === 0 ? null : at(offset + length);
    },
    onOwed: (isOwed) => void state.owed.push(isOwed),
    onFailed: (error) => void told.push(`${error.code}: ${error.message}`),
  });
  const at = (offset: number, change: Partial<SendWindow> = {}): SendWindow => {
    const { window = null } = state;
    const base = window ?? { lengthMax, end: Number.POSITIVE_INFINITY, keptFrom: 0 };
    return { ...base, offset, ...change };
  };
  /** Opens the window, as `change` says. */
  const open = async (offset: number, change: Partial<SendWindow> = {}): Promise<void> => {
    state.window = at(offset, { end: Number.POSITIVE_INFINITY, ...change });
    sender.pump();
    await settle();
  };
  return { network, sender, told, state, open };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

test("everything is sent that the window allows, and the end", async () => {
  const { sender, told, network, open } = rig(new BytesSource(patternOf(25)));
  await open(0, { end: 10 });
  expect(told).toEqual(["0+10"]);
  await open(10);
  expect(told).toEqual(["0+10", "10+10", "20+5", "25+0"]);
  expect(sender.whole?.size).toBe(25);
  expect(network.messagesHeld).toBe(0);
});

test("without a window nothing is read; without credit or room in the network nothing is sent, and read all the same", async () => {
  const source = new BytesSource(patternOf(100));
  const { sender, told, state, open } = rig(source);
  state.window = null;
  sender.pump();
  await settle();
  expect([source.reads, sender.hasBegun]).toEqual([0, false]);
  await open(0, { end: -1 });
  expect([told.length, sender.hasBegun]).toEqual([0, true]);
  expect(source.reads).toBe(10);
  state.isFree = false;
  await open(0);
  expect(told).toEqual([]);
  state.isFree = true;
  sender.pump(true);
  expect(told[0]).toBe("0+10 held");
  sender.close();
});

test("a file that is larger than what is read ahead is not read as a whole", async () => {
  const source = new BytesSource(patternOf(5000));
  const { sender, network, open } = rig(source);
  await open(0, { end: -1 });
  expect(source.reads).toBe(64);
  await open(0, { end: 10 });
  expect(source.reads).toBe(65);
  sender.close();
  expect(network.messagesHeld).toBe(0);
});

test("where the window goes elsewhere, what was read ahead is released, also what is being read", async () => {
  const { sender, told, network, state, open } = rig(new BytesSource(patternOf(100)));
  await open(0, { end: -1 });
  state.window = { offset: 50, lengthMax: 10, end: 60, keptFrom: 0 };
  sender.pump();
  state.window = { offset: 20, lengthMax: 10, end: 30, keptFrom: 0 };
  sender.pump();
  await settle();
  expect(told).toEqual(["20+10"]);
  sender.close();
  await settle();
  expect(network.messagesHeld).toBe(0);
});

test("a window with longer chunks begins behind the one that is next, one with shorter ones at once", async () => {
  const { sender, told, network, open } = rig(new BytesSource(patternOf(100)));
  await open(0, { end: -1 });
  await open(0, { lengthMax: 40, end: 50 });
  expect(told).toEqual(["0+10", "10+40"]);
  await open(50, { lengthMax: 15, end: 80 });
  expect(told).toEqual(["0+10", "10+40", "50+15", "65+15"]);
  sender.close();
  await settle();
  expect(network.messagesHeld).toBe(0);
});

test("a failure is told when nothing else is left to be sent, as an operating error", async () => {
  const source = new BytesSource(patternOf(100));
  source.failAt = 25;
  const { sender, told, open } = rig(source);
  await open(0, { end: 10 });
  expect(told).toEqual(["0+10"]);
  await open(10);
  expect(told).toEqual(["0+10", "10+10", "source: The disk reports an error"]);
  sender.close();
});

test("a failure of a chunk that nobody wants any more is none", async () => {
  const source = new BytesSource(patternOf(100));
  source.failAt = 25;
  const { sender, told, open } = rig(source);
  await open(0, { end: -1 });
  source.failAt = Number.POSITIVE_INFINITY;
  await open(15, { end: 35 });
  expect(told).toEqual(["15+10", "25+10"]);
  sender.close();
});

test("a stream that failed is not taken for one that ended, wherever the window goes", async () => {
  async function* failing() {
    yield patternOf(10);
    throw new Error("EIO");
  }
  const { sender, told, open } = rig(new StreamSource(failing()), 5);
  await open(0, { end: 5 });
  await open(0);
  expect(told).toEqual(["0+5", "source: Cannot read the standard input: EIO"]);
  sender.close();
});

test("an error that says what it is keeps its code, also without a window", async () => {
  const source = new BytesSource(patternOf(0));
  source.changed = new DyncError("source-changed", "It changed");
  const { sender, told, state } = rig(source);
  sender.pump();
  state.window = null;
  await settle();
  expect(told).toEqual(["source-changed: It changed"]);
});

test("the source owes a chunk from when nothing is left to be sent until one was read", async () => {
  const { sender, state, open } = rig(streamOf(patternOf(15), [5]), 5);
  await open(0, { end: 5 });
  expect(state.owed.slice(0, 3)).toEqual([false, true, false]);
  expect(state.owed.at(-1)).toBe(false);
  sender.close();
});

test("after it was closed nothing is sent nor told, and all memory is released", async () => {
  const { sender, told, network, state } = rig(new BytesSource(patternOf(100)));
  state.window = { offset: 0, lengthMax: 10, end: 100, keptFrom: 0 };
  sender.pump();
  state.window = null;
  sender.close();
  await settle();
  expect(told).toEqual([]);
  expect(network.messagesHeld).toBe(0);
});

/** A source of so many bytes that has none behind `waitsAt` until `more` is called; `stopped` tells how often it was not waited for any more. */
function growing(size: number, waitsAt: number) {
  const bytes = patternOf(size);
  const source = new BytesSource(bytes);
  let isThere = false;
  let stopped = 0;
  const reader = (allocate: (length: number) => Block): ChunkReading => {
    let stop = (): void => {};
    return {
      whole: null,
      forgetBefore: () => {},
      chunkAt: async (offset, lengthMax) => {
        if (offset === waitsAt && !isThere)
          await new Promise<void>((_, reject) => {
            stop = () => reject(new DyncError("cancelled", "not waited for"));
          });
        const block = allocate(Math.min(lengthMax, bytes.length - offset));
        await source.read(offset, block.bytes);
        return { offset, length: block.bytes.length, block, checksum: null };
      },
      stopWaiting: () => {
        stopped += 1;
        stop();
      },
      abandon: () => stop(),
    };
  };
  const growth = { reader } as unknown as NonNullable<Source["growth"]>;
  const more = (): void => {
    isThere = true;
  };
  return { source: Object.assign(source, { growth }), more, stopped: () => stopped };
}

test("chunks of another length are read again although the one behind all that is there may be long in coming", async () => {
  const { source, stopped } = growing(60, 60);
  const { sender, told, network, open } = rig(source);
  await open(0, { end: 10 });
  expect(told).toEqual(["0+10"]);
  await open(10, { lengthMax: 25 });
  expect(told).toEqual(["0+10", "10+10", "20+25", "45+15"]);
  expect(stopped()).toBeGreaterThan(0);
  sender.close();
  expect(network.messagesHeld).toBe(0);
});

test("a read that was given up because the window went elsewhere is begun anew where the window comes back to it", async () => {
  const { source, more } = growing(30, 20);
  const { sender, told, network, open } = rig(source);
  await open(0);
  expect(told).toEqual(["0+10", "10+10"]);
  more();
  // As where a server lets it in again, and says behind that how far it is.
  void open(0, { end: -1 });
  await open(20, { end: 30 });
  expect(told).toEqual(["0+10", "10+10", "20+10", "30+0"]);
  sender.close();
  expect(network.messagesHeld).toBe(0);
});

test("a read behind what was read ahead is begun anew where the window goes there by itself", async () => {
  const { source, more } = growing(30, 20);
  const { sender, told, network, open } = rig(source);
  await open(0, { end: -1 });
  expect([told, source.reads]).toEqual([[], 2]);
  more();
  // The server has it already.
  await open(20, { end: 30 });
  expect(told).toEqual(["20+10", "30+0"]);
  sender.close();
  expect(network.messagesHeld).toBe(0);
});

test("a stream that broke while the window was elsewhere does not pass for one that ended", async () => {
  const cut = Promise.withResolvers<void>();
  const stream = async function* (): AsyncGenerator<Uint8Array> {
    yield patternOf(20);
    await cut.promise;
    throw new Error("the pipe is broken");
  };
  const { sender, told, open } = rig(new StreamSource(stream()));
  await open(0);
  expect(told).toEqual(["0+10", "10+10"]);
  void open(10, { end: -1 });
  cut.resolve();
  await settle();
  await open(20);
  expect(told).toEqual(["0+10", "10+10", "source: Cannot read the standard input: the pipe is broken"]);
  expect(sender.whole).toBeNull();
});
