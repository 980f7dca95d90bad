// The transport over libzmq: one context, one poller, any number of client links and one server link. Opened by
// the commands in cli/; everything else sees transport.ts only.

import { assert } from "../../base/assert.ts";
import { type Clock, systemClock } from "../../base/clock.ts";
import type {
  Block,
  ClientLink,
  ClientLinkEvents,
  ClientLinkOptions,
  ClientTransport,
  ServerLink,
  ServerLinkEvents,
  ServerLinkOptions,
  ServerTransport,
} from "../transport.ts";
import { Addresses, type LookUps } from "./addresses.ts";
import { keepFreedMemory, ZmqContext } from "./context.ts";
import { DealerLink } from "./dealer-link.ts";
import { type Library, openLibrary } from "./library.ts";
import { MessageBlock } from "./message.ts";
import {
  clientQueues,
  type LinkQueues,
  type LinkTimes,
  linkTimes,
  type StrangerLimits,
  serverQueues,
  strangerLimits,
} from "./options.ts";
import { Poller } from "./poller.ts";
import { checkProcessLimits } from "./process-limits.ts";
import { RouterLink } from "./router-link.ts";
import { type LastWays, Ways } from "./ways.ts";
import type { ZmqParts } from "./zmq-parts.ts";

/** Names are looked up by the system unless told otherwise. */
export interface ZmqTransportOptions extends Partial<LookUps> {
  readonly clock?: Clock;
  /** Which ways led to servers last, for several transports of one process. */
  readonly lastWays?: LastWays;
  /** Threads that encrypt, decrypt and talk to the network; a connection stays on one. From 1 to 64, 1 unless given. */
  readonly ioThreads?: number;
  /** Times that differ from the defaults, in milliseconds. */
  readonly times?: Partial<LinkTimes>;
  readonly clientQueues?: Partial<LinkQueues>;
  readonly serverQueues?: Partial<LinkQueues>;
  readonly strangers?: Partial<StrangerLimits>;
  /** Whether glibc keeps the memory of freed messages; on unless told. */
  readonly keepFreedMemory?: boolean;
  /** The polling thread failed: nothing will arrive any more. Throws in a task of its own unless told. */
  readonly onFailure?: (error: Error) => void;
}

// More than eight of them are faster than any network that somebody has.
const ioThreadsMax = 8;

/**
 * How many I/O threads suit a machine of `cores`: one for every two, since hashing, reading and writing take as much as encryption. They
 * sleep while they have nothing to do.
 */
export function ioThreadsOf(cores: number): number {
  return Math.min(ioThreadsMax, Math.max(1, Math.floor(cores / 2)));
}

/**
 * Opens libzmq and starts its threads. Throws `DyncError` ("configuration") when there is no usable libzmq, or a limit of
 * the process is too low for it.
 */
export async function openZmqTransport(options: ZmqTransportOptions = {}): Promise<ZmqTransport> {
  checkProcessLimits();
  return new ZmqTransport(await openLibrary(), options);
}

type Link = DealerLink | RouterLink;

export class ZmqTransport implements ClientTransport, ServerTransport {
  /** What libzmq is: `4.3.5`, or `4.3.4, patched` for a build of our own. */
  readonly version: string;
  readonly #parts: ZmqParts;
  readonly #links = new Set<Link>();
  #hasServer = false;
  #onIdle: (() => void) | null = null;
  #isClosed = false;
  // Every view of message memory counts as its size for the garbage collector, which in a small heap therefore ran
  // for every eight megabytes sent: a third of the main thread's time besides hashing. A block that is never touched
  // (and so takes no memory) makes the heap look larger, and collections rarer.
  readonly #ballast = new ArrayBuffer(16 * 1024 * 1024);

  constructor(library: Library, options: ZmqTransportOptions) {
    this.version = library.isPatched ? `${library.version}, patched` : library.version;
    if (options.keepFreedMemory ?? true) keepFreedMemory(library);
    const { ioThreads = 1 } = options;
    const context = new ZmqContext(library, ioThreads);
    const clock = options.clock ?? systemClock;
    let count = 0;
    this.#parts = {
      context,
      poller: new Poller(context, options.onFailure ?? throwLater),
      clock,
      ways: new Ways(new Addresses(clock, options), clock, options.lastWays),
      times: { ...linkTimes, ...options.times },
      clientQueues: { ...clientQueues, ...options.clientQueues },
      serverQueues: { ...serverQueues, ...options.serverQueues },
      strangers: { ...strangerLimits, ...options.strangers },
      ioThreads,
      nextNumber: () => ++count,
    };
  }

  /** Messages and blocks that nobody has released yet, those that sockets keep ready included. */
  get messagesHeld(): number {
    return this.#parts.context.pool.taken;
  }

  allocate(length: number): Block {
    assert(!this.#isClosed, "a closed transport has no memory");
    return new MessageBlock(this.#parts.context.pool, length);
  }

  connect(options: ClientLinkOptions, events: ClientLinkEvents): ClientLink {
    assert(!this.#isClosed, "a closed transport opens no links");
    const link = new DealerLink(this.#parts, options, events, (closed) => this.#forget(closed));
    this.#links.add(link);
    return link;
  }

  /** One at a time: libzmq has one ZAP handler for a context. */
  listen(options: ServerLinkOptions, events: ServerLinkEvents): ServerLink {
    assert(!this.#isClosed && !this.#hasServer, "a transport listens once at a time");
    const link = new RouterLink(this.#parts, options, events, (closed) => {
      this.#hasServer = false;
      this.#forget(closed);
    });
    this.#hasServer = true;
    this.#links.add(link);
    return link;
  }

  /** Closes what is open, and waits for what links that were closed with `flushMs` still have to send. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    assert(this.#ballast.byteLength > 0, "the ballast is there as long as the transport");
    this.#isClosed = true;
    for (const link of this.#links) link.close();
    if (this.#links.size > 0) {
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    }
    await this.#parts.poller.close();
    this.#parts.context.pool.checkReleased();
    this.#parts.context.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #forget(link: Link): void {
    this.#links.delete(link);
    if (this.#links.size === 0) this.#onIdle?.();
  }
}

/** An error that nobody handles must end the program, not vanish. */
function throwLater(error: Error): void {
  queueMicrotask(() => {
    throw error;
  });
}
