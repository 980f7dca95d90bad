// What a client asks its server: which questions of this connection are open, how long an answer takes on it, when to
// ask (again), and when nothing gets through any more. Part of `client-upload.ts`, which says what it waits for.
//
// An answer that names the position at which was asked says that everything before it arrived: what was sent since then is
// under way. Which question a report answers its tag says. A server that does not return tags (the original one) sends no
// report unasked: its reports answer in order. Nothing shows when that order is lost, so it is asked rarely.

import { limits } from "../limits.ts";
import type { QueryStatus, StatusReport, UploadApproved } from "../wire/message.ts";

/** A question, where the client was when it asked, and how many chunks it had sent until then. */
interface Question {
  /** `null` for a post-file, which has none. Only sent to a server that returns it. */
  readonly tag: number | null;
  readonly position: number;
  readonly chunksSent: number;
  readonly askedAt: number;
}

interface SentChunk {
  readonly end: number;
  readonly isLast: boolean;
  readonly wasHeld: boolean;
}

/** How long answers take on this line, estimated as TCP does it (RFC 6298). */
interface RoundTrip {
  readonly smoothedMs: number;
  readonly variationMs: number;
}

export class Questions {
  #open: readonly Question[] = [];
  #tag = 0;
  #hasTags = false;
  /** The next untagged report belongs to the approval that answered a repeated post-file. */
  #isPostNext = false;
  #roundTrip: RoundTrip | null = null;
  #chunksSent = 0;
  /** End of all that was sent since the connection began, or the server lost what it had; the last chunk counts as one byte. */
  #reach = 0;
  /** A chunk was sent for the first time since then, and the server was not asked behind it. */
  #isNew = false;
  #sentAt = 0;
  /** The server was heard or asked last. */
  #quietSince = 0;
  /** A question is unanswered, and so long nothing else showed that what we send gets through. */
  #doubtfulSince: number | null = null;
  /** Questions that were due since the upload last got further: each doubles the pause before the next. */
  #repeats = 0;

  /** Whether answers can be told from each other, so that any number of questions costs nothing but their bytes. */
  get hasTags(): boolean {
    return this.#hasTags;
  }

  /** What an answer takes, in ms; `null` where none came that shows it. */
  get answerMs(): number | null {
    return this.#roundTrip?.smoothedMs ?? null;
  }

  /**
   * Whether an answer now could say something new, and would be understood. Once for each new chunk: a server that never
   * gets further is not asked as fast as the line allows.
   */
  get isWorthAsking(): boolean {
    return this.#hasTags && this.#isNew;
  }

  /** Whether the answer to a `query-status` is due. */
  get isAnswerDue(): boolean {
    return this.#open.some(({ tag }) => tag !== null);
  }

  /** A new connection begins. */
  connected(now: number): void {
    this.#quietSince = this.#sentAt = now;
    this.#doubtfulSince = null;
    this.#repeats = 0;
  }

  /** The connection is over. */
  clear(): void {
    this.#open = [];
    this.#isPostNext = false;
    this.#reach = 0;
  }

  /** The server lost what it had behind `position`: chunks from there are as new to it as those that were never sent. */
  lost(position: number): void {
    this.#reach = Math.min(this.#reach, position);
  }

  /** A `query-status` is sent at `position`, with `info` where the server reads such. Returns the message. */
  ask(position: number, now: number, info?: QueryStatus["info"]): QueryStatus {
    this.#tag += 1;
    this.#asked(this.#tag, position, now);
    if (!this.#hasTags) return { type: "query-status" };
    return { type: "query-status", seek: position, tag: this.#tag, ...(info === undefined ? {} : { info }) };
  }

  /** A `post-file` is sent. */
  post(position: number, now: number): void {
    this.#asked(null, position, now);
  }

  #asked(tag: number | null, position: number, now: number): void {
    const question = { tag, position, chunksSent: this.#chunksSent, askedAt: now };
    // Bounded against a server that speaks and never answers.
    this.#open = [...this.#open, question].slice(-limits.openQueriesMax);
    this.#isNew = false;
    this.#quietSince = now;
    this.#doubtfulSince ??= now;
  }

  /**
   * A chunk is sent that ends at `end`. `wasHeld`: it waited for the connection, which is slow then, but moves; that a
   * connection takes a chunk for which nobody waited shows nothing.
   */
  sent({ end, isLast, wasHeld }: SentChunk, now: number): void {
    this.#chunksSent += 1;
    this.#sentAt = now;
    if (wasHeld) this.getsThrough(now);
    const reach = isLast ? end + 1 : end;
    if (reach <= this.#reach) return;
    this.#reach = reach;
    this.#isNew = true;
    this.#repeats = 0;
  }

  /** What we send gets on, though perhaps not yet the question behind it. */
  getsThrough(now: number): void {
    if (this.#doubtfulSince !== null) this.#doubtfulSince = now;
  }

  /**
   * The server spoke; `isAnswer`: because it had heard us. That need not help: as long as the upload does not get
   * further, pauses keep growing.
   */
  heard(isAnswer: boolean, now: number): void {
    this.#quietSince = now;
    if (isAnswer) this.#doubtfulSince = null;
  }

  /** The first approval on this connection came. */
  approved({ info }: UploadApproved, now: number): void {
    this.#hasTags = info.tags === true;
    const [post, ...others] = this.#open;
    this.#open = others;
    // Where the post-file was repeated, nobody knows which one this answers.
    if (post !== undefined && others.length === 0) this.#measure(now - post.askedAt);
  }

  /** An approval came that answers a repeated post-file: the report that belongs to it is next. */
  approvedAgain(): void {
    this.#isPostNext = true;
  }

  /**
   * A status-report came. Returns how many chunks were sent since the question that it answers, when it names the
   * position of then; `obey` when it says something else, or was not asked for; `ignore` when it answers what was asked
   * on an earlier connection.
   */
  answer({ seek, tag }: StatusReport, now: number): number | "obey" | "ignore" {
    const isPost = tag === undefined && this.#isPostNext;
    this.#isPostNext = false;
    const index = this.#open.findIndex((open) => {
      if (tag !== undefined) return open.tag === tag;
      return isPost ? open.tag === null : !this.#hasTags && open.tag !== null;
    });
    const question = this.#open[index];
    if (question === undefined) return tag === undefined ? "obey" : "ignore";
    // Answers come in order: what was asked before this will not be answered any more.
    this.#open = this.#open.slice(index + 1);
    // Not for one that may answer another question (Karn).
    if (!isPost) this.#measure(now - question.askedAt);
    return question.position === seek ? this.#chunksSent - question.chunksSent : "obey";
  }

  /**
   * The server takes the client to `position`. It spoke before it saw any chunk that is sent from there, and the
   * questions that are open reach it before those chunks do. So an answer to one of them counts from here: when it names
   * `position`, nothing that was sent from there is lost.
   */
  moved(position: number): void {
    const chunksSent = this.#chunksSent;
    this.#open = this.#hasTags ? this.#open.map((open) => ({ ...open, position, chunksSent })) : [];
  }

  /** When to ask or to give the connection up. `isWaiting`: nothing can go on before the server speaks. */
  dueAt(isWaiting: boolean): number {
    const isUnanswered = this.#doubtfulSince !== null;
    if (!isWaiting && !isUnanswered) return this.#quietSince + limits.keepaliveMs;
    const pauseMsMax = isUnanswered ? limits.askAgainMsMax : limits.askMsMax;
    const pauseMs = Math.min(pauseMsMax, this.#patienceMs * 2 ** this.#repeats);
    return Math.min(Math.max(this.#quietSince, this.#sentAt) + pauseMs, this.#deadAt);
  }

  /** At `dueAt`: whether to ask (again), or to give the connection up. */
  due(now: number): "ask" | "give-up" {
    if (now >= this.#deadAt) return "give-up";
    this.#repeats += 1;
    return "ask";
  }

  get #deadAt(): number {
    return this.#doubtfulSince === null ? Number.POSITIVE_INFINITY : this.#doubtfulSince + limits.silenceMs;
  }

  /** After this long without an answer it, or the question, may have got lost, in ms. */
  get #patienceMs(): number {
    if (!this.#hasTags) return limits.askMsMax;
    if (this.#roundTrip === null) return limits.askMsFirst;
    const { smoothedMs, variationMs } = this.#roundTrip;
    return Math.min(limits.askMsMax, Math.max(limits.askMsMin, smoothedMs + 4 * variationMs));
  }

  #measure(elapsedMs: number): void {
    const before = this.#roundTrip;
    if (before === null) {
      this.#roundTrip = { smoothedMs: elapsedMs, variationMs: elapsedMs / 2 };
      return;
    }
    const { smoothedMs, variationMs } = before;
    const differenceMs = elapsedMs - smoothedMs;
    this.#roundTrip = {
      smoothedMs: smoothedMs + differenceMs / 8,
      variationMs: variationMs + (Math.abs(differenceMs) - variationMs) / 4,
    };
  }
}
