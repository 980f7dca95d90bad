// Waits for sockets, for the whole transport. A thread sleeps on the descriptors of all sockets; the main thread
// works through those that have something in turns, each bounded, and lets the thread sleep again only when every socket
// has shown that it has nothing left. The rule that this rests on is in README.md, "How waiting works".

import { assert } from "../../base/assert.ts";
import { pollEvent, socketType } from "./constants.ts";
import type { ZmqContext } from "./context.ts";
import type { Waiter } from "./native.ts";
import { ZmqSocket } from "./socket.ts";

/** Something with a descriptor that has work to do when it is readable. */
export interface Pollable {
  readonly descriptor: bigint;
  /** Has `onUse` called at every call on the socket: each may use up the signal that its descriptor gives. */
  watch(onUse: () => void): void;
  /** Does a bounded piece of the work that is there. Returns how many bytes of messages that were. */
  work(): number;
  /** Whether work is there now: looks at the socket's events, and calls nobody. */
  isReady(): boolean;
}

// Who receives so much in a turn is sent files: then what comes in some ms is dealt with together, which costs a fraction of the calls, and
// nobody waits for an answer to it. At 1 GB/s that is a quarter of the usual window.
const bulkBytes = 256 * 1024;
const bulkRestMs = 4;

/** More descriptors than one process ever watches: a link has two, a server two, the poller one. */
const sourcesMax = 256;

export class Poller {
  readonly #sources = new Set<Pollable>();
  /** Those that work in the next turn. */
  readonly #due = new Set<Pollable>();
  /** Those on which something was called since they showed that they have nothing. Of the others their descriptors tell. */
  readonly #used = new Set<Pollable>();
  /** Those whose descriptors the thread waits for, in their order. */
  #watched: readonly Pollable[] = [];
  readonly #removals: (() => void)[] = [];
  readonly #items: PollItems;
  readonly #waiter: Waiter;
  // A message to ourselves ends a wait: `#wakeEnd` is one of the sockets that the thread waits for.
  readonly #wakeStart: ZmqSocket;
  readonly #wakeEnd: ZmqSocket;
  readonly #wakeDescriptor: bigint;
  #itemsAreOld = true;
  /** Bytes that sources worked through since the last wait. */
  #bytes = 0;
  #waking = false;
  #waiting = false;
  #turnIsDue = false;
  #closed = false;

  constructor(context: ZmqContext, onFailure: (error: Error) => void) {
    this.#items = new PollItems(sourcesMax + 1);
    this.#wakeEnd = new ZmqSocket(context, socketType.pair);
    this.#wakeStart = new ZmqSocket(context, socketType.pair);
    this.#wakeEnd.bind("inproc://dync.wake");
    this.#wakeStart.connect("inproc://dync.wake");
    this.#wakeDescriptor = this.#wakeEnd.descriptor;
    this.#waiter = context.library.native.createWaiter({
      libraryPath: context.library.path,
      items: this.#items.bytes,
      onReady: () => {
        this.#waiting = false;
        for (const [index, source] of this.#watched.entries())
          if (this.#items.isReady(index + 1) && this.#sources.has(source)) this.#due.add(source);
        this.#turn();
      },
      onFailure,
    });
    this.#waiter.keepAlive(false);
  }

  /** Whether nobody will look at the sockets before one is readable: who used one must look at its events. */
  get isWaiting(): boolean {
    return this.#waiting && !this.#turnIsDue;
  }

  add(source: Pollable): void {
    assert(!this.#closed && this.#sources.size < sourcesMax, "a poller has room for another socket");
    this.#sources.add(source);
    this.#used.add(source);
    source.watch(() => void this.#used.add(source));
    this.#changed();
  }

  /** Stops working for `source`. Its descriptor stays in use until `onGone`, which may close it. */
  remove(source: Pollable, onGone: () => void): void {
    const was = this.#sources.delete(source);
    assert(was, "a source is removed once");
    this.#due.delete(source);
    this.#removals.push(onGone);
    this.#changed();
  }

  /** Lets `source` work, soon. */
  letWork(source: Pollable): void {
    if (!this.#sources.has(source)) return;
    this.#due.add(source);
    this.#turnSoon();
  }

  #turnSoon(): void {
    if (this.#turnIsDue || this.#closed) return;
    this.#turnIsDue = true;
    // Not a microtask: timers and files get their turn between two of ours.
    setImmediate(() => this.#turn());
  }

  /** Ends the thread. All sources must be gone. */
  async close(): Promise<void> {
    assert(this.#sources.size === 0 && !this.#closed, "a poller is closed once, after its sources");
    while (this.#waiting || this.#removals.length > 0) {
      if (this.#waiting) this.#wake();
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.#closed = true;
    await this.#waiter.close();
    this.#wakeStart.close();
    this.#wakeEnd.close();
  }

  #changed(): void {
    this.#itemsAreOld = true;
    this.#waiter.keepAlive(this.#sources.size > 0);
    if (this.#waiting) this.#wake();
    else this.#turnSoon();
  }

  #wake(): void {
    if (this.#waking) return;
    this.#waking = true;
    this.#wakeStart.send([new Uint8Array(0)]);
  }

  #turn(): void {
    if (this.#closed) return;
    this.#turnIsDue = false;
    let isFinished = false;
    try {
      if (!this.#waiting) this.#gone();
      for (const source of [...this.#due]) {
        this.#due.delete(source);
        // Another one's work may have ended it.
        if (this.#sources.has(source)) this.#bytes += source.work();
      }
      isFinished = true;
    } finally {
      // What a source throws is somebody's bug; the others go on until the program ends.
      if (!isFinished || this.#isReady()) this.#turnSoon();
      else if (!this.#waiting && !this.#turnIsDue) this.#wait();
    }
  }

  /**
   * After all work and right before waiting: whatever was called in between on a socket may have used up the signal that its
   * descriptor gives once. One on which nothing was called since it had nothing needs no look, unless there is work and so nobody waits
   * for its descriptor: a server that has chunks to receive at any time would answer no handshake.
   */
  #isReady(): boolean {
    for (const source of this.#used) this.#look(source);
    if (this.#due.size === 0) return false;
    if (!this.#waiting) for (const source of this.#sources) if (!this.#due.has(source)) this.#look(source);
    return true;
  }

  #look(source: Pollable): void {
    if (this.#sources.has(source) && source.isReady()) this.#due.add(source);
    // Behind the look, which is a call as well.
    else this.#used.delete(source);
  }

  #gone(): void {
    while (this.#wakeEnd.events() & pollEvent.readable) this.#wakeEnd.receive()?.message.release();
    this.#waking = false;
    for (const onGone of this.#removals.splice(0)) onGone();
  }

  #wait(): void {
    if (this.#removals.length > 0) return this.#turnSoon();
    if (this.#sources.size === 0) return;
    if (this.#itemsAreOld) {
      this.#watched = [...this.#sources];
      this.#items.set([this.#wakeDescriptor, ...this.#watched.map((source) => source.descriptor)]);
      this.#itemsAreOld = false;
    }
    this.#waiting = true;
    const restMs = this.#bytes >= bulkBytes ? bulkRestMs : 0;
    this.#bytes = 0;
    this.#waiter.wait(this.#items.count, restMs);
  }
}

/** An array of zmq_pollitem_t: { void *socket; fd; short events; short revents }. */
class PollItems {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  // A descriptor is an int, but on Windows a SOCKET, which is as wide as a pointer.
  readonly #isWide = process.platform === "win32";
  #count = 0;

  constructor(countMax: number) {
    this.bytes = new Uint8Array(countMax * this.#itemBytes);
    this.#view = new DataView(this.bytes.buffer);
  }

  get count(): number {
    return this.#count;
  }

  get #itemBytes(): number {
    return this.#isWide ? 24 : 16;
  }

  /** Whether the thread found something at `index` when it last waited. */
  isReady(index: number): boolean {
    return this.#view.getInt16(index * this.#itemBytes + (this.#isWide ? 18 : 14), true) !== 0;
  }

  set(descriptors: readonly bigint[]): void {
    this.bytes.fill(0);
    this.#count = descriptors.length;
    for (const [index, descriptor] of descriptors.entries()) {
      const offset = index * this.#itemBytes;
      if (this.#isWide) this.#view.setBigUint64(offset + 8, descriptor, true);
      else this.#view.setInt32(offset + 8, Number(descriptor), true);
      this.#view.setInt16(offset + (this.#isWide ? 16 : 12), pollEvent.readable, true);
    }
  }
}
