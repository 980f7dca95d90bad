// What a client wants of its upload besides, and whether the server may not have heard it: a server that took the upload up again
// knows nothing of it. Part of `client-upload.ts`.

import { limits } from "../limits.ts";
import type { QueryStatus } from "../wire/message.ts";
import type { ClientUploadTask } from "./client-events.ts";

export class Wishes {
  /** As a `post-file` says them. */
  readonly all: NonNullable<QueryStatus["info"]> & { readonly window: number };
  #areDue = false;

  constructor({ priority, canSeek }: ClientUploadTask) {
    // Of a stream in chunks as the server allows them, which are twice as long by default as those that it is sent in.
    const window = canSeek ? limits.windowBytesMax : 2 * limits.keptBytesMax;
    this.all = {
      ...(priority === undefined ? {} : { priority }),
      waits: true,
      window,
      ...(canSeek ? {} : { stored: true }),
    };
  }

  /** What a question says of them; `undefined`: the server has heard them. */
  get due(): QueryStatus["info"] {
    return this.#areDue ? this.all : undefined;
  }

  /** A new connection begins, or the server took the upload up again. */
  mayBeForgotten(): void {
    this.#areDue = true;
  }

  /** The server answered. */
  answered(): void {
    this.#areDue = false;
  }
}
