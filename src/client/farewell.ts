// The last word of an upload that ends before its end: the server hears it although megabytes may be under way in front
// of it, and frees what it holds at once. Used by `upload.ts`.
//
// It goes out on the connection that is there. Where no answer comes at once, it overtakes: on a fresh connection of the
// same identity, which takes the old one's place on the server. The first answer on either ends the wait.

import type { CancelTimer, Clock } from "../base/clock.ts";
import type { ClientInput } from "../protocol/client/client-events.ts";
import { encodeClientMessage } from "../protocol/wire/encode.ts";
import { clientComesBack, type ErrorMessage } from "../protocol/wire/message.ts";
import type { Connection, ConnectionEvents } from "./connection.ts";

export interface FarewellParts {
  readonly clock: Clock;
  /** Opens a fresh connection under the identity of the upload. */
  readonly open: (events: ConnectionEvents) => Connection;
  /** No answer came within a moment: the user may have to wait for `waitMs` at most. */
  readonly onSlow: (waitMs: number) => void;
}

/** `told`: the server said so. `sent`: it never says so, and nothing went wrong. */
export type FarewellOutcome = "told" | "sent" | "unheard";

const waitMsMax = 3_000;
const overtakeAfterMs = 500;
// A server that never answers: so long may the message take to leave.
const leaveMs = 500;

export class Farewell {
  readonly #parts: FarewellParts;
  readonly #message: ErrorMessage;
  readonly #isAnswered: boolean;
  readonly #end = Promise.withResolvers<FarewellOutcome>();
  #fresh: Connection | null = null;
  #timers: CancelTimer[] = [];

  /** `isAnswered`: the server said that it answers an `error`. */
  constructor(message: ErrorMessage, isAnswered: boolean, parts: FarewellParts) {
    this.#message = message;
    this.#isAnswered = isAnswered;
    this.#parts = parts;
  }

  /** Says it, first on `current` if that is up. Closes no connection but its own. */
  async bid(current: Connection | null): Promise<FarewellOutcome> {
    const { onSlow } = this.#parts;
    this.#after(waitMsMax, () => this.#end.resolve("unheard"));
    if (current === null) this.#overtake();
    else this.#say(current);
    this.#after(overtakeAfterMs, () => {
      onSlow(waitMsMax - overtakeAfterMs);
      this.#overtake();
    });
    try {
      return await this.#end.promise;
    } finally {
      for (const cancel of this.#timers) cancel();
      this.#fresh?.close(leaveMs);
    }
  }

  /** What the server says meanwhile, on whichever connection. */
  hear(input: Extract<ClientInput, { type: "message" | "malformed" }>): void {
    if (input.type === "malformed") return;
    const { type } = input.message;
    // Whatever the error is: the upload has ended there.
    if (type === "error" || type === "upload-finished") this.#end.resolve("told");
  }

  /** The connection that was there went down. */
  lost(): void {
    this.#overtake();
  }

  #overtake(): void {
    this.#fresh ??= this.#parts.open({
      onUp: () => this.#fresh !== null && this.#sayAgain(this.#fresh),
      onInput: (input) => this.hear(input),
      onDrained: () => {},
      // There is no third way.
      onDown: () => this.#end.resolve("unheard"),
    });
  }

  #sayAgain(fresh: Connection): void {
    this.#say(fresh);
    if (!this.#canAnswer) this.#after(leaveMs, () => this.#end.resolve("sent"));
  }

  #say(connection: Connection): void {
    connection.sendFirst(encodeClientMessage(this.#message));
    if (!this.#isAnswered && this.#canAnswer) connection.send(encodeClientMessage({ type: "query-status" }));
  }

  /** A question behind it shows that it was heard, unless it would take the upload up again. */
  get #canAnswer(): boolean {
    return this.#isAnswered || this.#message.code !== clientComesBack;
  }

  #after(delayMs: number, task: () => void): void {
    this.#timers.push(this.#parts.clock.after(delayMs, task));
  }
}
