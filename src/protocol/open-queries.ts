// The `query-status` messages of one connection that were not answered yet. Part of `client-upload.ts`: an answer
// that names the position at which we asked says that nothing is lost.

import { limits } from "./limits.ts";

/** Where the client was when it asked, and how many chunks it had sent. */
interface Query {
  readonly position: number;
  readonly chunksSent: number;
}

export class OpenQueries {
  #queries: Query[] = [];

  ask(position: number, chunksSent: number): void {
    this.#queries.push({ position, chunksSent });
    // Against a server that speaks and never answers.
    if (this.#queries.length > limits.answerMs.length) this.#queries.shift();
  }

  /**
   * A status-report came. Returns how many chunks had been sent when the question was asked at exactly `seek`, or
   * `null` when the report says something else; the questions that are left are void then.
   */
  answer(seek: number): number | null {
    const query = this.#queries.shift();
    if (query?.position === seek) return query.chunksSent;
    this.clear();
    return null;
  }

  clear(): void {
    this.#queries = [];
  }
}
