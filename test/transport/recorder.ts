// Ends of links for tests: they record what they are told, and let a test wait for the next thing.

import { nearBytes } from "../../src/base/memory/far-bytes.ts";
import type {
  ClientLinkEvents,
  LinkFailure,
  Received,
  ReceivedFromPeer,
  ServerLinkEvents,
} from "../../src/transport/transport.ts";

type Told<Message> =
  | { readonly type: "up" }
  | { readonly type: "writable" }
  | { readonly type: "message"; readonly message: Message }
  | { readonly type: "down"; readonly failure: LinkFailure }
  | { readonly type: "failure"; readonly error: Error };

class Recorder<Message> {
  readonly #told: Told<Message>[] = [];
  #onTold: (() => void) | null = null;
  /** How many things were told, ever. */
  count = 0;

  protected tell(told: Told<Message>): void {
    this.count += 1;
    this.#told.push(told);
    this.#onTold?.();
  }

  /** The next thing that is told. */
  async next(): Promise<Told<Message>> {
    while (this.#told.length === 0) {
      await new Promise<void>((resolve) => {
        this.#onTold = resolve;
      });
    }
    return this.#told.shift() as Told<Message>;
  }

  /** What was told and nobody waited for. */
  takeRest(): readonly Told<Message>[] {
    return this.#told.splice(0);
  }

  /** The next message; anything else that comes first is an error. */
  async message(): Promise<Message> {
    const told = await this.next();
    if (told.type === "message") return told.message;
    throw new Error(`Expected a message, got ${JSON.stringify(told)}`);
  }
}

export class ClientRecorder extends Recorder<Received> implements ClientLinkEvents {
  onUp = (): void => this.tell({ type: "up" });
  onMessage = (message: Received): void => this.tell({ type: "message", message });
  onWritable = (): void => this.tell({ type: "writable" });
  onDown = (failure: LinkFailure): void => this.tell({ type: "down", failure });

  /** The reason of the link's end, which must be the next thing told. */
  async failure(): Promise<LinkFailure> {
    const told = await this.next();
    if (told.type === "down") return told.failure;
    throw new Error(`Expected the link's end, got ${told.type}`);
  }
}

export class ServerRecorder extends Recorder<ReceivedFromPeer> implements ServerLinkEvents {
  onMessage = (message: ReceivedFromPeer): void => this.tell({ type: "message", message });
  onFailure = (error: Error): void => this.tell({ type: "failure", error });
}

/** The frames as text; releases the message. */
export function textsOf(message: Received | ReceivedFromPeer): string[] {
  const texts = message.frames.map((frame) => Buffer.from(nearBytes(frame)).toString());
  message.release();
  return texts;
}
