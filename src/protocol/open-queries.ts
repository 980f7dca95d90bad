// The questions of one connection that were not answered yet. Part of `client-upload.ts`, which stays where it is when
// an answer says that nothing is lost.
//
// A server that does not return tags (the original one) sends no report unasked: its reports answer in order. Nothing
// shows when that order is lost, so it is asked rarely.

import { limits } from "./limits.ts";
import type { QueryStatus, StatusReport, UploadApproved } from "./message.ts";
import { RoundTrip } from "./round-trip.ts";

/** Where the client was when it asked, and how many chunks it had sent until then. */
interface Query {
  /** `null` for a post-file, which has none. Only sent to a server that returns it. */
  readonly tag: number | null;
  position: number;
  chunksSent: number;
  readonly askedAt: number;
}

export class OpenQueries {
  readonly #roundTrip = new RoundTrip();
  #queries: Query[] = [];
  #tag = 0;
  #hasTags = false;
  /** The next untagged report belongs to the approval that answered a repeated post-file. */
  #isPostNext = false;

  /** After this long without an answer it is worth asking again, in ms. */
  get patienceMs(): number {
    return this.#hasTags ? this.#roundTrip.patienceMs : limits.askMsMax;
  }

  /** Whether a question now costs nothing: its answer can be told from others, and no other is due. */
  get mayAskBehind(): boolean {
    return this.#hasTags && this.#queries.every(({ tag }) => tag === null);
  }

  /** Whether answers can be told from each other, so that any number of questions costs nothing but their bytes. */
  get hasTags(): boolean {
    return this.#hasTags;
  }

  /** A `query-status` is sent at `position`, after `chunksSent` chunks. Returns the message. */
  ask(position: number, chunksSent: number, now: number): QueryStatus {
    this.#tag += 1;
    this.#add({ tag: this.#tag, position, chunksSent, askedAt: now });
    return { type: "query-status", ...(this.#hasTags ? { seek: position, tag: this.#tag } : {}) };
  }

  /** A `post-file` is sent. */
  post(position: number, chunksSent: number, now: number): void {
    this.#add({ tag: null, position, chunksSent, askedAt: now });
  }

  #add(query: Query): void {
    this.#queries.push(query);
    // Against a server that speaks and never answers.
    if (this.#queries.length > limits.openQueriesMax) this.#queries.shift();
  }

  /** The first approval on this connection came. */
  approved({ info }: UploadApproved, now: number): void {
    this.#hasTags = info.tags === true;
    const [post, ...others] = this.#queries;
    this.#queries = others;
    // Where the post-file was repeated, nobody knows which one this answers.
    if (post !== undefined && others.length === 0) this.#roundTrip.measured(now - post.askedAt);
  }

  /** An approval came that answers a repeated post-file: the report that belongs to it is next. */
  approvedAgain(): void {
    this.#isPostNext = true;
  }

  /**
   * A status-report came. Returns how many chunks had been sent before the question that it answers, when it names the
   * position of then; `obey` when it says something else, or was not asked for; `ignore` when it answers what was asked
   * on an earlier connection.
   */
  answer({ seek, tag }: StatusReport, now: number): number | "obey" | "ignore" {
    const isPost = tag === undefined && this.#isPostNext;
    this.#isPostNext = false;
    const index = this.#queries.findIndex((open) => {
      if (tag !== undefined) return open.tag === tag;
      return isPost ? open.tag === null : !this.#hasTags && open.tag !== null;
    });
    const query = this.#queries[index];
    if (query === undefined) return tag === undefined ? "obey" : "ignore";
    // Answers come in order: what was asked before this will not be answered any more.
    this.#queries.splice(0, index + 1);
    if (!isPost) this.#roundTrip.measured(now - query.askedAt);
    return query.position === seek ? query.chunksSent : "obey";
  }

  /**
   * The server took the client to `position`. It will answer what was asked before that before it sees anything that is
   * sent from there: an answer that names this position then says that nothing sent since is lost.
   */
  moved(position: number, chunksSent: number): void {
    if (!this.#hasTags) this.#queries = [];
    for (const query of this.#queries) {
      query.position = position;
      query.chunksSent = chunksSent;
    }
  }

  /** The connection is over. */
  clear(): void {
    this.#queries = [];
    this.#isPostNext = false;
  }
}
