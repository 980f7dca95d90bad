// Why the server lets the upload wait, as it said last. Part of `client-upload.ts`.

import type { Wait } from "../wait.ts";
import type { ServerMessage } from "../wire/message.ts";

export class ToldWait {
  #current: Wait | null = null;

  /** `null`: nothing is known to be short. */
  get current(): Wait | null {
    return this.#current;
  }

  /** The server spoke: what says nothing of it says that there is nothing. */
  hear(message: ServerMessage): void {
    if (message.type !== "transfer-credit" && message.type !== "status-report") return;
    const { waits: cause, ahead } = message.info ?? {};
    if (cause === undefined) this.#current = null;
    else this.#current = { cause, ...(ahead === undefined ? {} : { ahead }) };
  }

  /** What it was told of is over. */
  forget(): void {
    this.#current = null;
  }
}
