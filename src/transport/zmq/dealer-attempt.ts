// One connection of a client to one address: a DEALER socket, its monitor, and a timer for the case that neither
// ever says anything. Made by dealer-link.ts, which tries the next address after an attempt that nobody answered.

import { isIPv6 } from "node:net";
import type { CancelTimer } from "../../base/clock.ts";
import type {
  ClientLinkEvents,
  ClientLinkOptions,
  LinkFailure,
  OutgoingFrame,
  SendResult,
} from "../transport.ts";
import { pollEvent, socketOption, socketType } from "./constants.ts";
import { type AttemptState, attemptStart, stepOf } from "./link-failure.ts";
import { Monitor } from "./monitor.ts";
import { type LinkTimes, setClientOptions } from "./options.ts";
import type { Pollable } from "./poller.ts";
import { type Probed, probe } from "./probe.ts";
import { ZmqSocket } from "./socket.ts";
import type { ZmqParts } from "./zmq-parts.ts";

const messagesPerTurnMax = 64;
/** Longer than libzmq's own timers, which know more. */
const extraMs = 2_000;
const probeMs = 3_000;

export interface AttemptEvents extends Omit<ClientLinkEvents, "onDown" | "onStranger"> {
  /** As that of a link. */
  onDown(failure: LinkFailure): void;
  /** After `close`, or after `onDown`: no socket is left. */
  onGone(): void;
}

export class Attempt {
  readonly #parts: ZmqParts;
  readonly #options: ClientLinkOptions;
  readonly #times: LinkTimes;
  readonly #events: AttemptEvents;
  readonly #socket: ZmqSocket;
  readonly #monitor: Monitor;
  readonly #monitorSource: Pollable;
  readonly #socketSource: Pollable;
  readonly #cancelTimer: CancelTimer;
  #state: AttemptState = attemptStart;
  #isOver = false;
  #isClosed = false;
  #wantsRoom = false;

  /** `options.host` is an IP address. */
  constructor(parts: ZmqParts, options: ClientLinkOptions, times: LinkTimes, events: AttemptEvents) {
    this.#parts = parts;
    this.#options = options;
    this.#times = times;
    this.#events = events;
    const { context, poller, ioThreads } = parts;
    const number = parts.nextNumber();
    this.#socket = new ZmqSocket(context, socketType.dealer);
    setClientOptions(this.#socket, options, times, parts.clientQueues);
    // In turn: left to itself, libzmq puts all that are opened before the first has connected on one thread.
    this.#socket.setInt64(socketOption.affinity, 2 ** (number % ioThreads));
    this.#monitor = new Monitor(context, this.#socket, `dync.monitor.${number}`);
    const { host, port } = options;
    this.#socket.connect(`tcp://${isIPv6(host) ? `[${host}]` : host}:${port}`);
    this.#monitorSource = sourceOf(this.#monitor, {
      work: () => this.#workMonitor(),
      isReady: () => this.#monitor.isReady,
    });
    this.#socketSource = sourceOf(this.#socket, {
      work: () => this.#workSocket(),
      isReady: () => this.#isReady(),
    });
    for (const source of this.#sources) poller.add(source);
    this.#cancelTimer = parts.clock.after(times.connectMs + times.handshakeMs + extraMs, () =>
      this.#fail(this.#state.isConnected ? "handshake-timeout" : "unreachable"),
    );
  }

  send(frames: readonly OutgoingFrame[]): SendResult {
    if (!this.#state.isUp || this.#isOver) return "unreachable";
    const result = this.#socket.send(frames);
    if (result === "full") this.#wantsRoom = true;
    // A send may have consumed the signal that something arrived.
    const { poller } = this.#parts;
    if (poller.isWaiting && this.#isReady()) poller.letWork(this.#socketSource);
    return result;
  }

  get #sources(): readonly Pollable[] {
    return [this.#monitorSource, this.#socketSource];
  }

  close(flushMs: number): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#isOver = true;
    this.#cancelTimer();
    let left = this.#sources.length;
    for (const source of this.#sources) {
      this.#parts.poller.remove(source, () => {
        left -= 1;
        if (left > 0) return;
        this.#monitor.close();
        this.#socket.close(flushMs);
        this.#events.onGone();
      });
    }
  }

  #workMonitor(): void {
    for (let event = this.#monitor.next(); event !== null; event = this.#monitor.next()) {
      if (this.#isOver) continue;
      const step = stepOf(this.#state, event);
      if (step.type === "progress") this.#progress(step.state);
      else if (step.type === "failed") this.#fail(step.failure);
      else void this.#probe(step.type);
    }
  }

  #progress(state: AttemptState): void {
    const isNewlyUp = state.isUp && !this.#state.isUp;
    this.#state = state;
    if (!isNewlyUp) return;
    this.#cancelTimer();
    // What came before counted for nothing.
    this.#parts.poller.letWork(this.#socketSource);
    this.#events.onUp();
  }

  #workSocket(): void {
    for (let count = 0; count < messagesPerTurnMax && this.#isCarrying; count++) {
      const received = this.#socket.receive();
      if (received === null) break;
      this.#events.onMessage(received.message.near);
    }
    if (!this.#isCarrying || !this.#wantsRoom || !this.#socket.writable) return;
    this.#wantsRoom = false;
    this.#events.onWritable();
  }

  #isReady(): boolean {
    // Looked at before it is up as well: the descriptor would go on to say that something happened.
    const events = this.#isClosed ? 0 : this.#socket.events();
    if (!this.#isCarrying) return false;
    return (events & pollEvent.readable) !== 0 || (this.#wantsRoom && (events & pollEvent.writable) !== 0);
  }

  get #isCarrying(): boolean {
    return this.#state.isUp && !this.#isOver;
  }

  /** Asks the network what the events did not say. */
  async #probe(kind: "probe-connect" | "probe-handshake"): Promise<void> {
    this.#isOver = true;
    const { host, port } = this.#options;
    const { clock } = this.#parts;
    const result = await probe(host, port, clock, Math.min(probeMs, this.#times.connectMs));
    this.#isOver = this.#isClosed;
    this.#fail(failureOf(kind, result));
  }

  #fail(failure: LinkFailure): void {
    if (this.#isOver) return;
    // What the server said before it went is still in the socket.
    while (failure === "lost" && this.#isCarrying && this.#socket.readable) this.#workSocket();
    if (this.#isOver) return;
    // Closed before anybody is told: libzmq must not get the idea to connect again.
    this.close(0);
    this.#events.onDown(failure);
  }
}

/** What the poller watches of a socket, or of a monitor. */
function sourceOf(
  socket: Pick<Pollable, "descriptor" | "watch">,
  { work, isReady }: { readonly work: () => void; readonly isReady: () => boolean },
): Pollable {
  return {
    descriptor: socket.descriptor,
    watch: (onUse) => socket.watch(onUse),
    // What a server says is short.
    work: () => {
      work();
      return 0;
    },
    isReady,
  };
}

function failureOf(kind: "probe-connect" | "probe-handshake", result: Probed): LinkFailure {
  if (result === "refused" || result === "unreachable") return result;
  // Somebody listens there now, although nobody did a moment ago: trying again helps.
  if (kind === "probe-connect") return "refused";
  // It hung up, and says nothing to the next: a server that is overloaded is not another program.
  if (result === "silent") return "handshake-timeout";
  return result === "curve" ? "server-key-mismatch" : "not-dync";
}
