// The turns of sockets: nobody waits behind one that always has something.

import { expect, test } from "bun:test";
import { socketType } from "../../src/transport/zmq/constants.ts";
import { ZmqContext } from "../../src/transport/zmq/context.ts";
import { openLibrary } from "../../src/transport/zmq/library.ts";
import { type Pollable, Poller } from "../../src/transport/zmq/poller.ts";
import { ZmqSocket } from "../../src/transport/zmq/socket.ts";

const one = [new Uint8Array(1)];

/** A socket that a poller waits for, and the one that sends to it. */
class Source implements Pollable {
  readonly from: ZmqSocket;
  readonly #to: ZmqSocket;
  readonly descriptor: bigint;
  readonly #onMessage: () => void;
  #isSeen: () => void = () => {};
  /** Resolves when it had nothing to do. */
  readonly seen: Promise<void>;

  constructor(context: ZmqContext, name: string, onMessage: () => void) {
    this.#to = new ZmqSocket(context, socketType.pair);
    this.from = new ZmqSocket(context, socketType.pair);
    this.#to.bind(`inproc://${name}`);
    this.from.connect(`inproc://${name}`);
    this.descriptor = this.#to.descriptor;
    this.#onMessage = onMessage;
    this.seen = new Promise((resolve) => {
      this.#isSeen = resolve;
    });
  }

  watch(onUse: () => void): void {
    this.#to.watch(onUse);
  }

  work(): number {
    const received = this.#to.receive();
    received?.message.release();
    if (received !== null) this.#onMessage();
    return 0;
  }

  isReady(): boolean {
    const isReady = this.#to.readable;
    if (!isReady) this.#isSeen();
    return isReady;
  }

  close(): void {
    this.#to.close();
    this.from.close();
  }
}

test("a source whose message comes while another one always has some has its turn", async () => {
  const context = new ZmqContext(await openLibrary(), 1);
  const poller = new Poller(context, (error) => {
    throw error;
  });
  let turnsBehind: number | null = null;
  let turns = 0;
  const isOver = Promise.withResolvers<void>();
  const quiet = new Source(context, "quiet", () => isOver.resolve());
  const busy = new Source(context, "busy", () => {
    turns += 1;
    if (turnsBehind !== null && turns > turnsBehind + 1000) return isOver.resolve();
    busy.from.send(one);
  });
  poller.add(quiet);
  poller.add(busy);
  try {
    // It showed that it has nothing, so that it is its descriptor that tells of a message.
    await quiet.seen;
    busy.from.send(one);
    while (turns < 10) await new Promise((resolve) => setImmediate(resolve));
    turnsBehind = turns;
    quiet.from.send(one);
    await isOver.promise;
    expect(turns).toBeLessThan(turnsBehind + 10);
  } finally {
    const gone = [quiet, busy].map(
      (source) => new Promise<void>((resolve) => poller.remove(source, resolve)),
    );
    await Promise.all(gone);
    await poller.close();
    for (const source of [quiet, busy]) source.close();
    context.close();
  }
});
