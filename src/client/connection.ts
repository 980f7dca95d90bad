// One connection to the server, from being opened to going down: decodes what arrives, and keeps back, in order,
// what the network does not take yet.

import type { DyncError } from "../base/error.ts";
import type { ClientInput } from "../protocol/client/client-events.ts";
import { frameBytesMax } from "../protocol/limits.ts";
import { decodeServerMessage } from "../protocol/wire/decode.ts";
import type { ClientLink, ClientTransport, LinkFailure, OutgoingFrame } from "../transport/transport.ts";
import { type ConnectionParty, connectionError } from "./failure.ts";

export interface ConnectionEvents {
  onUp(): void;
  onInput(input: Extract<ClientInput, { type: "message" | "malformed" }>): void;
  /** Everything that was kept back is on its way. */
  onDrained(): void;
  /** `error` says it to the user. */
  onDown(failure: LinkFailure, error: DyncError): void;
}

export interface ConnectionOptions extends ConnectionParty {
  /** See `ClientLinkOptions`. */
  readonly identity: Uint8Array;
}

export class Connection {
  readonly #link: ClientLink;
  readonly #events: ConnectionEvents;
  readonly #outbox: (readonly OutgoingFrame[])[] = [];
  #state: "opening" | "up" | "closed" = "opening";

  constructor(transport: ClientTransport, options: ConnectionOptions, events: ConnectionEvents) {
    const { host, port, alsoAt, serverKey, keys, identity, memory, onStranger } = options;
    const linkOptions = { host, port, alsoAt, serverKey, keys, identity, frameBytesMax: frameBytesMax(0) };
    this.#events = events;
    this.#link = transport.connect(linkOptions, {
      onUp: () =>
        this.#unlessClosed(() => {
          this.#state = "up";
          memory?.note(serverKey);
          events.onUp();
        }),
      onMessage: (received) => {
        const decoded = decodeServerMessage(received.frames);
        received.release();
        const input = decoded.ok
          ? ({ type: "message", message: decoded.message } as const)
          : ({ type: "malformed", text: decoded.text } as const);
        this.#unlessClosed(() => events.onInput(input));
      },
      onWritable: () => this.#unlessClosed(() => this.#flush()),
      onDown: (failure, at) =>
        this.#unlessClosed(() => events.onDown(failure, connectionError(failure, options, at))),
      onStranger: (at) => this.#unlessClosed(() => onStranger?.(at)),
    });
  }

  get isUp(): boolean {
    return this.#state === "up";
  }

  /** Whether the network is behind: more should only be sent after `onDrained`. */
  get isBehind(): boolean {
    return this.#outbox.length > 0;
  }

  /** Takes the frames over. They leave in order, or are released when the connection goes down before. */
  send(frames: readonly OutgoingFrame[]): void {
    if (this.#state === "closed") releaseAll(frames);
    else if (this.isBehind || !this.#trySend(frames)) this.#outbox.push(frames);
  }

  /** As `send`, in place of everything that was kept back: what the link took before is all that goes out before it. */
  sendFirst(frames: readonly OutgoingFrame[]): void {
    for (const kept of this.#outbox.splice(0)) releaseAll(kept);
    this.send(frames);
  }

  /** Whether the frames are dealt with: taken by the link, or dropped because it is down. */
  #trySend(frames: readonly OutgoingFrame[]): boolean {
    const result = this.#link.send(frames);
    if (result === "unreachable") releaseAll(frames);
    return result !== "full";
  }

  #flush(): void {
    for (let frames = this.#outbox[0]; frames !== undefined; frames = this.#outbox[0]) {
      if (!this.#trySend(frames)) return;
      this.#outbox.shift();
    }
    this.#events.onDrained();
  }

  /** No event follows. What the link took already gets `flushMs` to leave; what was kept back is dropped. */
  close(flushMs: number): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    for (const frames of this.#outbox.splice(0)) releaseAll(frames);
    this.#link.close(flushMs);
  }

  #unlessClosed(event: () => void): void {
    if (this.#state !== "closed") event();
  }
}

function releaseAll(frames: readonly OutgoingFrame[]): void {
  for (const frame of frames) if ("release" in frame) frame.release();
}
