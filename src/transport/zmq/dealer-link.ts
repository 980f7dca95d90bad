// ClientLink over a DEALER socket: looks the host up, tries its addresses in turn, and after the handshake carries
// messages until the connection ends. Made by zmq-transport.ts.

import type {
  ClientLink,
  ClientLinkEvents,
  ClientLinkOptions,
  LinkFailure,
  OutgoingFrame,
  SendResult,
} from "../transport.ts";
import { Attempt } from "./dealer-attempt.ts";
import type { ZmqParts } from "./zmq-parts.ts";

export class DealerLink implements ClientLink {
  readonly #parts: ZmqParts;
  readonly #options: ClientLinkOptions;
  readonly #events: ClientLinkEvents;
  readonly #onClosed: (link: DealerLink) => void;
  #attempt: Attempt | null = null;
  // An attempt that is over still has its sockets for a moment.
  #attemptsOpen = 0;
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
    const addresses = await this.#parts.addresses.of(this.#options.host);
    if (this.#isClosed) return;
    if (addresses.length === 0) this.#down("unknown-host");
    else this.#try(addresses);
  }

  /** Tries the first address; the others are for when nothing answers there. */
  #try([address, ...others]: readonly string[]): void {
    this.#attempt = new Attempt(
      this.#parts,
      { ...this.#options, host: address as string },
      {
        onUp: () => this.#events.onUp(),
        onMessage: (message) => this.#events.onMessage(message),
        onWritable: () => this.#events.onWritable(),
        onDown: (failure) => {
          const isUnanswered = failure === "refused" || failure === "unreachable";
          if (isUnanswered) this.#parts.addresses.forget(this.#options.host);
          if (isUnanswered && others.length > 0) this.#try(others);
          else this.#down(failure);
        },
        onGone: () => {
          this.#attemptsOpen -= 1;
          this.#settle();
        },
      },
    );
    this.#attemptsOpen += 1;
  }

  #settle(): void {
    if (this.#isClosed && this.#attemptsOpen === 0) this.#onClosed(this);
  }

  #down(failure: LinkFailure): void {
    if (this.#isClosed) return;
    if (failure === "unknown-host") this.#parts.addresses.forget(this.#options.host);
    this.#isDown = true;
    this.#events.onDown(failure);
  }
}
