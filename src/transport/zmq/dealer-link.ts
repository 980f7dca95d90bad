// ClientLink over a DEALER socket: looks the host up, tries its addresses in turn until one is the server's, and after the handshake carries
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

// After these the server may be at another address of its name: nobody answered, or somebody who is not the server. Of
// several, the first here counts: what may pass says more than who else is there.
const elsewhere: readonly LinkFailure[] = [
  "handshake-timeout",
  "refused",
  "unreachable",
  "server-key-mismatch",
  "not-dync",
];

function moreTelling(before: LinkFailure | null, failure: LinkFailure): LinkFailure {
  if (before === null) return failure;
  return elsewhere.indexOf(before) < elsewhere.indexOf(failure) ? before : failure;
}

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
    else this.#try(addresses, null);
  }

  /**
   * Tries the first address; the others are for when the server is not found there. `before` is the most that those said which were
   * tried already.
   */
  #try([address, ...others]: readonly string[], before: LinkFailure | null): void {
    let wasUp = false;
    this.#attempt = new Attempt(
      this.#parts,
      { ...this.#options, host: address as string },
      {
        onUp: () => {
          wasUp = true;
          this.#events.onUp();
        },
        onMessage: (message) => this.#events.onMessage(message),
        onWritable: () => this.#events.onWritable(),
        onDown: (failure) => {
          if (wasUp || !elsewhere.includes(failure)) return this.#down(failure);
          const said = moreTelling(before, failure);
          if (others.length > 0) this.#try(others, said);
          else this.#down(said);
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
    // Where the server answered it is. Else its name may lead elsewhere by now.
    if (failure !== "key-refused" && failure !== "server-error")
      this.#parts.addresses.forget(this.#options.host);
    this.#isDown = true;
    this.#events.onDown(failure);
  }
}
