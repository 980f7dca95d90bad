// Which messages of a client were perhaps damaged on the way, and how often that is believed. Part of
// `server-upload.ts`.
//
// CURVE protects what is in a frame, not the header before it: one flipped bit there makes the receiving side drop the
// frame without a word, or join two messages. What is left is mostly no message at all. One thing looks like one: a chunk
// whose data was dropped, with the first frame of the next message in its place.

import type { Bytes } from "../../base/memory/far-bytes.ts";
import type { PostChunkOf } from "../wire/message.ts";
import { commandNamed } from "../wire/message.ts";

interface Doubt {
  readonly seek: number;
  readonly text: string;
}

export class SuspectMessages {
  #wasForgiven = false;
  #doubt: Doubt | null = null;

  /** A chunk was accepted: what was wrong before is mended. */
  progress(): void {
    this.#wasForgiven = false;
  }

  /** Something came that is no message. Returns whether it counts as one that was lost: once without progress. */
  forgive(): boolean {
    if (this.#wasForgiven) return false;
    this.#wasForgiven = true;
    return true;
  }

  /** Whether the data of a chunk in sequence may be another frame: it has to come twice, as it does when it is the data. */
  doubts({ seek, data, checksum }: PostChunkOf<Bytes>): boolean {
    const text = checksum === null && data instanceof Uint8Array ? commandNamed(data) : null;
    if (text === null) {
      // So the data here is another: should this place come again, after a write that failed, a name is no data then either.
      if (this.#doubt?.seek === seek) this.#doubt = null;
      return false;
    }
    const cameBefore = this.#doubt?.seek === seek && this.#doubt.text === text;
    this.#doubt = { seek, text };
    return !cameBefore;
  }
}
