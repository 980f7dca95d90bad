// The server's side of one upload while it is active, as a value machine: from a post-file that began it, or from what an
// earlier process left, to its end. Part of `upload-life.ts`, which decides before and after.
//
// Theory of operation.
//
// Position. `expected` is the offset up to which chunks were accepted, that is queued for the storage; stored they
// may be later. Only a chunk that starts there is *in sequence* and accepted. One that ends at or before it is a
// duplicate and is discarded without a word. Any other one shows that something was lost: it is discarded, the
// client is told where to go on by one status-report, and what is still under way from before is discarded in
// silence until the client went back. A chunk that overlaps `expected` is such a one too: taking its tail would
// count one chunk where the client counts two. What may be damaged is treated likewise (suspect-messages.ts).
// Credit belongs to a position (upload-credit.ts).
//
// The end. The last chunk ends the giving of credit; when all is stored the driver publishes.

import { assert, unreachable } from "../../base/assert.ts";
import { errorMeanings } from "../../base/error.ts";
import { sameJson } from "../../base/json-text.ts";
import type { Bytes } from "../../base/memory/far-bytes.ts";
import { limits } from "../limits.ts";
import type { Machine } from "../machine.ts";
import {
  type ClientMessageOf,
  clientComesBack,
  type ErrorInfo,
  markOfAnswer,
  type PostChunkOf,
  type PostFile,
  type QueryStatus,
  type ServerMessage,
} from "../wire/message.ts";
import { storedName } from "../wire/stored-name.ts";
import { judgeChunk } from "./chunk-verdict.ts";
import { IdleTimer } from "./idle-timer.ts";
import { Line } from "./line.ts";
import { PositionReports } from "./position-reports.ts";
import type { Admission, ServerAction, ServerInput, ServerUploadOptions } from "./server-events.ts";
import { type ServerEvent, type ServerState, serverTransitions } from "./server-states.ts";
import { SuspectMessages } from "./suspect-messages.ts";
import { UploadCredit, usableWindow } from "./upload-credit.ts";

export class ServerUpload implements Machine<ServerInput, ServerAction> {
  readonly #options: ServerUploadOptions;
  readonly #timer: IdleTimer;
  readonly #credit: UploadCredit;
  readonly #reports: PositionReports;
  readonly #suspects = new SuspectMessages();
  readonly #line = new Line();
  /** Most chunks that the client can have under way, as far as it says so. */
  #windowMax: number;
  #state: ServerState = "new";
  #actions: ServerAction[] = [];
  #post: PostFile | null = null;
  #last: { readonly size: number; readonly checksum: Uint8Array } | null = null;
  /** The client asked for a receipt, the one that is here now or the one that began it. */
  #wantsReceipt = false;
  /** The client was heard of since the credit was last taken from it: it can use some. */
  #present = false;

  constructor(options: ServerUploadOptions) {
    this.#options = options;
    this.#windowMax = options.maxQueue;
    this.#timer = new IdleTimer(options.idleMs ?? limits.idleMs);
    this.#credit = new UploadCredit((report) => this.#actions.push({ type: "credit", report }));
    this.#reports = new PositionReports(options, this.#credit, (message) => this.#send(message));
  }

  get state(): ServerState {
    return this.#state;
  }

  get wakeAt(): number | null {
    if (this.#state !== "receiving" && this.#state !== "hashing") return null;
    return this.#timer.dueAt;
  }

  step(input: ServerInput, now: number): readonly ServerAction[] {
    if (this.#state === "ended") return [];
    const event: ServerEvent = input.type === "message" ? input.message.type : input.type;
    const allowed = serverTransitions[this.#state][event];
    assert(allowed !== undefined, `input ${event} fits an upload that is ${this.#state}`);
    this.#onInput(input, now);
    const { state } = this;
    assert(allowed.includes(state), `${event} leads to one of ${allowed.join(", ")}, not ${state}`);
    if (state !== "ended") this.#want();
    const actions = this.#actions;
    this.#actions = [];
    return actions;
  }

  #onInput(input: ServerInput, now: number): void {
    switch (input.type) {
      case "message":
        this.#hear(now);
        return this.#onMessage(input.message, now);
      case "malformed":
        this.#hear(now);
        return this.#onMalformed(input.text);
      case "admitted":
        return this.#onAdmitted(input.admission, input.hashed, now);
      case "restored":
        this.#timer.heard(now);
        this.#line.unclear(now);
        return this.#onRestored(input.post, input.admission, input.hashed);
      case "refused":
        return this.#fail(input.code, input.text, input.info);
      case "hash-ready":
        this.#state = "receiving";
        return;
      case "granted":
        return this.#onGranted(input.amount, now);
      case "reclaim":
        this.#line.unclear(now);
        return this.#onReclaim();
      case "unreachable":
        this.#timer.gone();
        this.#line.gone(now);
        return this.#onReclaim();
      case "stored":
        this.#credit.stored(input.offset);
        this.#reports.stored(input.offset);
        return this.#finishWhenStored();
      case "rewound":
        this.#line.unclear(now);
        return this.#onRewound(input.offset);
      case "storage-failed":
        this.#sendError(input.code, input.text, input.info);
        return this.#end(input.keep ? "suspended" : "failed", input.code, input.text);
      case "stop":
        this.#sendError(input.code, input.text);
        return this.#end(input.keep ? "suspended" : "failed", input.code, input.text);
      case "finished":
        this.#send(finishedMessage(this.#reports.uploadId, input.receipt));
        return this.#end("finished", 200, "");
      case "tick":
        return this.#onTick(now);
      default:
        return unreachable(input);
    }
  }

  // The first one counts as lost, like any message that a damaged frame header costs.
  #onMalformed(text: string): void {
    if (this.#suspects.forgive())
      return this.#state === "admitting" ? this.#reports.greet() : this.#reports.reportLoss();
    const code = errorMeanings.malformed.wire;
    return this.#state === "finishing" ? this.#sendError(code, text) : this.#fail(code, text);
  }

  #hear(now: number): void {
    this.#timer.heard(now);
    this.#present = true;
  }

  #onMessage(message: ClientMessageOf<Bytes>, now: number): void {
    switch (message.type) {
      case "post-file":
        this.#hearWishes(message.info);
        return this.#onPostFile(message);
      case "post-chunk":
        return this.#state === "receiving" ? this.#onChunk(message, now) : undefined;
      case "query-status":
        this.#hearWishes(message.info);
        return this.#state === "admitting" ? this.#reports.greet() : this.#reports.answer(message);
      case "error":
        // Too late to stop what is being published, and its client has gone.
        if (this.#state === "finishing") return;
        // Said back, so that the client knows that it was heard.
        this.#sendError(message.code, message.text);
        return this.#end(
          message.code === clientComesBack ? "suspended" : "failed",
          message.code,
          message.text,
        );
      default:
        return unreachable(message);
    }
  }

  #onPostFile(post: PostFile): void {
    this.#wantsReceipt ||= post.info.receipt === true;
    if (this.#post === null) {
      this.#post = post;
      this.#state = "admitting";
      this.#actions.push({ type: "admit", post });
      // Before the checks are done, so that the approval can carry credit.
      this.#want();
    } else if (post.info.ask === true || !isSame(post, this.#post)) {
      const name = JSON.stringify(storedName(this.#post));
      const text = `This connection uploads ${name} already, with metadata of its own`;
      this.#sendError(
        errorMeanings["name-taken"].wire,
        text,
        post.info.ask === true ? markOfAnswer(post) : undefined,
      );
    } else if (this.#state === "admitting") {
      this.#reports.greet();
    } else {
      this.#reports.approve(false);
    }
  }

  #onAdmitted(admission: Admission, hashed: boolean, now: number): void {
    this.#reports.startAt(admission);
    this.#state = hashed ? "receiving" : "hashing";
    if (!hashed) this.#credit.giveBack();
    this.#reports.approve(true);
    this.#line.told(this.#credit.outstanding, 0, now);
  }

  #onRestored(post: PostFile, admission: Admission, hashed: boolean): void {
    this.#post = post;
    this.#wantsReceipt = post.info.receipt === true;
    this.#reports.startAt(admission);
    this.#state = hashed ? "receiving" : "hashing";
    // The client may still send with the credit that the earlier process gave it.
    this.#credit.forgive(limits.maxQueueMax);
    this.#reports.distrust();
  }

  // A question without an info says nothing of it.
  #hearWishes(wishes: QueryStatus["info"]): void {
    if (wishes === undefined) return;
    this.#reports.tellStored(wishes.stored === true);
    const { window: bytes } = wishes;
    if (bytes === undefined) return;
    const { chunkBytes, maxQueue, longQueue = maxQueue } = this.#options;
    this.#windowMax = Math.max(maxQueue, Math.min(longQueue, Math.floor(bytes / chunkBytes)));
  }

  #onChunk(chunk: PostChunkOf<Bytes>, now: number): void {
    const { expected } = this.#reports;
    if (chunk.seek === expected && this.#suspects.doubts(chunk)) return this.#reports.reportLoss();
    const verdict = judgeChunk(chunk, {
      expected,
      outstanding: this.#credit.outstanding,
      chunkBytes: this.#options.chunkBytes,
      size: this.#post?.info.size,
    });
    switch (verdict.type) {
      case "accept":
        return this.#accept(chunk, now);
      case "duplicate":
        return;
      case "out-of-sequence":
        return this.#reports.reportGap();
      case "oversize":
        if (this.#reports.reportChunkBytes()) return;
        return this.#fail(verdict.code, verdict.text);
      case "without-credit":
        this.#line.unclear(now);
        return this.#credit.excess() ? this.#reports.reportExcess() : this.#fail(verdict.code, verdict.text);
      case "wrong-size":
        return this.#fail(verdict.code, verdict.text);
      default:
        return unreachable(verdict);
    }
  }

  #accept(chunk: PostChunkOf<Bytes>, now: number): void {
    const { seek, data, checksum } = chunk;
    const end = seek + data.length;
    // Before the report that may follow: what it says is left is left behind this chunk.
    this.#credit.spend(end);
    this.#line.used(now);
    this.#reports.moveTo(end);
    this.#suspects.progress();
    if (data.length > 0) this.#actions.push({ type: "write", offset: seek, data });
    // It is empty: nothing of it waits to be stored.
    else if (this.#credit.unstored === 1) this.#credit.stored(end);
    if (checksum === null) return;
    this.#last = { size: end, checksum };
    this.#state = "draining";
    this.#credit.giveBack();
    this.#finishWhenStored();
  }

  #onGranted(amount: number, now: number): void {
    if (!this.#credit.grant(amount)) return;
    this.#timer.told(now);
    if (this.#state !== "receiving" || !this.#reports.grant(amount)) return;
    this.#line.told(amount, this.#credit.outstanding - amount, now);
  }

  #onReclaim(): void {
    this.#present = false;
    if (this.#credit.outstanding === 0) return;
    this.#credit.giveBack();
    if (this.#state !== "receiving") return;
    this.#reports.reportReclaim();
  }

  #onRewound(offset: number): void {
    assert(offset <= this.#reports.expected, "the storage is cut back, not extended");
    this.#last = null;
    this.#credit.undo();
    if (this.#state !== "hashing") this.#state = "receiving";
    this.#reports.reportRewind(offset);
  }

  #onTick(now: number): void {
    if (this.wakeAt === null || now < this.wakeAt) return;
    if (this.#timer.due(now) === "poke") return this.#reports.greet();
    // Without a word: whatever its client says next, it goes on from where it was.
    this.#end("suspended", errorMeanings["timed-out"].wire, "Nothing was heard from its client");
  }

  #finishWhenStored(): void {
    if (this.#last === null || this.#credit.unstored > 0) return;
    this.#state = "finishing";
    const { size, checksum } = this.#last;
    const wanted = this.#wantsReceipt ? ({ wantsReceipt: true } as const) : {};
    this.#actions.push({ type: "finish", size, checksum, ...wanted });
  }

  #want(): void {
    const window = this.#usableWindow();
    // Before there is credit for it: so much has to be kept then.
    this.#reports.widen(window);
    const { maxQueue } = this.#options;
    // Half of what is beyond the usual is headroom.
    this.#credit.want(window, Math.floor(Math.max(0, window - maxQueue) / 2));
  }

  #usableWindow(): number {
    if (!this.#present || (this.#state !== "admitting" && this.#state !== "receiving")) return 0;
    const { chunkBytes } = this.#options;
    const maxQueue = Math.min(this.#windowMax, this.#line.window(this.#options.maxQueue));
    const all = { size: this.#post?.info.size ?? null, position: this.#reports.expected };
    return usableWindow(all, this.#credit, { chunkBytes, maxQueue });
  }

  #fail(code: number, text: string, info?: ErrorInfo): void {
    this.#sendError(code, text, info);
    this.#end("failed", code, text);
  }

  #sendError(code: number, text: string, info?: ErrorInfo): void {
    this.#send({ type: "error", code, text, ...(info === undefined ? {} : { info }) });
  }

  #send(message: ServerMessage): void {
    this.#actions.push({ type: "send", message });
  }

  #end(outcome: "finished" | "failed" | "suspended", code: number, text: string): void {
    this.#state = "ended";
    this.#actions.push({ type: "done", outcome, code, text });
  }
}

/** What confirms an upload, with its receipt where there is one. */
export function finishedMessage(uploadId: string, receipt: string | null | undefined): ServerMessage {
  return { type: "upload-finished", uploadId, ...(receipt == null ? {} : { receipt }) };
}

// Not by their names alone: a file and a dataset may not have the same one.
function isSame(a: PostFile, b: PostFile): boolean {
  if (a.info.unpack !== b.info.unpack || storedName(a) !== storedName(b)) return false;
  return sameJson(a.metadataText, b.metadataText);
}
