// ClientLink over a DEALER socket: looks the server's addresses up, tries them in turn until one is the server's, and after the handshake
// carries messages until the connection ends. Made by zmq-transport.ts.

import { formatServerAddress } from "../../base/format-server-address.ts";
import { isServiceName, type Place, placesOf } from "../../base/server-place.ts";
import type {
  ClientLink,
  ClientLinkEvents,
  ClientLinkOptions,
  FailedAt,
  LinkFailure,
  OutgoingFrame,
  SendResult,
} from "../transport.ts";
import { Attempt } from "./dealer-attempt.ts";
import { hurried, type LinkTimes } from "./options.ts";
import type { NoWay, Way } from "./ways.ts";
import type { ZmqParts } from "./zmq-parts.ts";

// After these the server may be at another of its addresses: nobody answered, or somebody who is not the server. Of
// several, the first here counts: what may pass says more than who else is there.
const elsewhere: readonly LinkFailure[] = [
  "handshake-timeout",
  "refused",
  "unreachable",
  "server-key-mismatch",
  "not-dync",
  "unknown-host",
  "not-offered",
];

/** After these, with more time, the server may be there all the same. */
const late: readonly LinkFailure[] = ["handshake-timeout", "unreachable"];

interface Failed {
  readonly failure: LinkFailure;
  readonly at: Place;
}

function moreTelling(before: Failed | null, failed: Failed): Failed {
  if (before === null) return failed;
  return elsewhere.indexOf(before.failure) <= elsewhere.indexOf(failed.failure) ? before : failed;
}

export class DealerLink implements ClientLink {
  readonly #parts: ZmqParts;
  readonly #options: ClientLinkOptions;
  readonly #events: ClientLinkEvents;
  readonly #onClosed: (link: DealerLink) => void;
  #attempt: Attempt | null = null;
  // An attempt that is over still has its sockets for a moment.
  #attemptsOpen = 0;
  /** Where the server is not, by its text. */
  readonly #tried = new Map<string, Place>();
  /** The most telling of all failures. */
  #failed: Failed | null = null;
  #isClosed = false;
  #isDown = false;

  /** `onClosed` is called once, when the last socket of the link is gone. */
  constructor(
    parts: ZmqParts,
    options: ClientLinkOptions,
    events: ClientLinkEvents,
    onClosed: (link: DealerLink) => void,
  ) {
    this.#parts = parts;
    this.#options = options;
    this.#events = events;
    this.#onClosed = onClosed;
    void this.#open();
  }

  send(frames: readonly OutgoingFrame[]): SendResult {
    if (this.#isClosed || this.#isDown || this.#attempt === null) return "unreachable";
    return this.#attempt.send(frames);
  }

  close(flushMs = 0): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#attempt?.close(flushMs);
    this.#settle();
  }

  async #open(): Promise<void> {
    const { ways, times } = this.#parts;
    const short = hurried(times);
    const isMoreTime = short.connectMs < times.connectMs || short.handshakeMs < times.handshakeMs;
    const slow: (() => Promise<readonly (Way | NoWay)[]>)[] = [];
    const again = { areOthersLeft: false, isSecondRound: true };
    const given = ways.inOrder(this.#options);
    for (const [index, place] of given.entries()) {
      const isLastPlace = index === given.length - 1;
      const found = await ways.by(place, this.#options, { areOthersLeft: !isLastPlace });
      if (this.#isClosed) return;
      for (const [number, way] of found.entries()) {
        const isLast = isLastPlace && number === found.length - 1;
        const failure = await this.#try(way, isLast ? times : short);
        if (failure === null) return;
        if ("isLate" in way && way.isLate) slow.push(() => ways.by(place, this.#options, again));
        else if (!isLast && isMoreTime && late.includes(failure)) slow.push(async () => [way]);
      }
    }
    // Nobody was there in a hurry. What is slow, or far away, must not be out of reach for having others beside it.
    for (const lookAgain of slow)
      for (const way of await lookAgain())
        if (this.#isClosed || (await this.#try(way, times)) === null) return;
    this.#nowhere();
  }

  /** Whether the server is there; resolves to why not, or to `null`, where there is nothing more to try. */
  async #try(way: Way | NoWay, times: LinkTimes): Promise<LinkFailure | null> {
    if ("failure" in way) {
      this.#note(way.failure, way);
      return way.failure;
    }
    let failure = await this.#attemptAt(way, times);
    // A handshake that was cut looks like that as well: who is passed over for it, and told of, did it twice.
    if (failure === "server-key-mismatch" && this.#hasSeveral && !this.#isClosed)
      failure = await this.#attemptAt(way, times);
    if (failure === null || this.#isClosed) return null;
    this.#note(failure, way.place);
    return failure;
  }

  #attemptAt(way: Way, times: LinkTimes): Promise<LinkFailure | null> {
    const { promise, resolve } = Promise.withResolvers<LinkFailure | null>();
    let wasUp = false;
    const options = { ...this.#options, host: way.address, port: way.place.port };
    this.#attempt = new Attempt(this.#parts, options, times, {
      onUp: () => {
        wasUp = true;
        this.#parts.ways.led(this.#options, way);
        this.#events.onUp();
      },
      onMessage: (message) => this.#events.onMessage(message),
      onWritable: () => this.#events.onWritable(),
      onDown: (failure) => {
        if (!wasUp && elsewhere.includes(failure)) return resolve(failure);
        this.#tried.set(formatServerAddress(way.place), way.place);
        this.#down(failure, { ...way.place, others: 0 });
      },
      onGone: () => {
        resolve(null);
        this.#attemptsOpen -= 1;
        this.#settle();
      },
    });
    this.#attemptsOpen += 1;
    return promise;
  }

  /** The server is not at `at`. */
  #note(failure: LinkFailure, { host, port }: Place): void {
    const at = { host, port };
    this.#tried.set(formatServerAddress(at), at);
    this.#failed = moreTelling(this.#failed, { failure, at });
    if (failure === "server-key-mismatch" && this.#hasSeveral) this.#events.onStranger?.(at);
  }

  /** Of one name with several IP addresses nobody said that the server is at each of them. */
  get #hasSeveral(): boolean {
    const { alsoAt = [], host } = this.#options;
    return alsoAt.length > 0 || isServiceName(host);
  }

  #nowhere(): void {
    const { failure, at } = this.#failed as Failed;
    this.#down(failure, { ...at, others: this.#tried.size - 1 });
  }

  #settle(): void {
    if (this.#isClosed && this.#attemptsOpen === 0) this.#onClosed(this);
  }

  #down(failure: LinkFailure, at: FailedAt): void {
    if (this.#isClosed) return;
    // Where the server answered it is. Else its names may lead elsewhere by now.
    if (failure !== "key-refused" && failure !== "server-error")
      this.#parts.ways.forget([...placesOf(this.#options), ...this.#tried.values()]);
    this.#isDown = true;
    this.#events.onDown(failure, at);
  }
}
