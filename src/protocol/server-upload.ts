// The server's side of one upload, as a value machine: `server/session.ts` feeds it and performs its actions.
//
// Theory of operation.
//
// Position. `expected` is the offset up to which chunks were accepted, that is queued for the storage; written they
// may be later. Only a chunk that starts there is *in sequence* and accepted. One that ends at or before it is a
// duplicate and is discarded without a word. Any other one shows that something was lost: it is discarded, the
// client is told where to go on by one status-report, and what is still under way from before is discarded in
// silence until the client went back (`#rewindTold`). A chunk that overlaps `expected` is such a one too: taking
// its tail would count one chunk where the client, which starts again at `expected`, counts two.
//
// Credit. What a client may still send is a function of its position: after an upload-approved or a status-report
// (offset s, credit C), both sides count C plus what transfer-credit added minus the chunks between s and the
// position. We keep the same number for our own position in `#outstanding`. So a duplicate costs nothing, a
// repetition costs nothing twice, and a lost transfer-credit leaves the client with less than we think, never
// with more. A chunk in sequence without credit therefore means a broken client (400), unless a status-report
// has lowered its credit while the chunk was under way: each one forgives one window of such chunks, unread.
//
// Budget. A chunk counts against the server's memory from the grant until it is written: the ledger hears
// `return-credit` on `written`, not on arrival. Credit is wanted only while a client is there to use it.
//
// The end. The last chunk ends the giving of credit; when all is written the driver publishes.

import { assert, unreachable } from "../base/assert.ts";
import { limits } from "./limits.ts";
import type { Machine } from "./machine.ts";
import type { ClientMessage, PostChunk, PostFile, ServerMessage } from "./message.ts";
import { equalJson } from "./metadata.ts";
import type { Admission, ServerAction, ServerInput } from "./server-events.ts";
import { type ServerEvent, type ServerState, serverTransitions } from "./server-states.ts";

export interface ServerUploadOptions {
  /** Most bytes in a chunk. */
  readonly chunkBytes: number;
  /** Most chunks that may be granted and unwritten: `maxqueue` on the wire. */
  readonly maxQueue: number;
  /** Name and version of the server program, for `upload-approved`. */
  readonly server: string;
  /** After this long without a word from the client the upload is suspended. Default in limits.ts. */
  readonly idleMs?: number;
}

export class ServerUpload implements Machine<ServerInput, ServerAction> {
  readonly #options: ServerUploadOptions;
  readonly #idleMs: number;
  #state: ServerState = "new";
  #actions: ServerAction[] = [];
  #post: PostFile | null = null;
  #uploadId = "";

  #expected = 0;
  #last: { readonly size: number; readonly checksum: Uint8Array } | null = null;
  #rewindTold = false;
  #approvedTold = false;

  #outstanding = 0;
  #unwritten = 0;
  #wanted = 0;
  #forgiven = 0;
  #grantAbsolute = false;
  #present = false;

  #heardAt: number | null = null;
  #quietSince = 0;
  #pokeMs: number = limits.pokeMs;

  constructor(options: ServerUploadOptions) {
    this.#options = options;
    this.#idleMs = options.idleMs ?? limits.idleMs;
  }

  get state(): ServerState {
    return this.#state;
  }

  /** Offset up to which chunks were accepted. */
  get expected(): number {
    return this.#expected;
  }

  /** Chunks that the client may still send. */
  get outstanding(): number {
    return this.#outstanding;
  }

  get wakeAt(): number | null {
    if (this.#heardAt === null || (this.#state !== "receiving" && this.#state !== "hashing")) return null;
    const idleAt = this.#heardAt + this.#idleMs;
    return this.#outstanding > 0 ? Math.min(idleAt, this.#quietSince + this.#pokeMs) : idleAt;
  }

  step(input: ServerInput, now: number): readonly ServerAction[] {
    if (this.#state === "ended") return [];
    const event: ServerEvent = input.type === "message" ? input.message.type : input.type;
    const allowed = serverTransitions[this.#state][event];
    assert(allowed !== undefined, `input ${event} fits an upload that is ${this.#state}`);
    this.#heardAt ??= now;
    if (input.type === "message") {
      this.#hear(now);
      this.#onMessage(input.message);
    } else {
      this.#onInput(input, now);
    }
    assert(
      allowed.includes(this.#state),
      `${event} leads to one of ${allowed.join(", ")}, not ${this.#state}`,
    );
    this.#updateWant();
    const actions = this.#actions;
    this.#actions = [];
    return actions;
  }

  #hear(now: number): void {
    this.#heardAt = now;
    this.#quietSince = now;
    this.#pokeMs = limits.pokeMs;
    this.#present = true;
  }

  #onMessage(message: ClientMessage): void {
    switch (message.type) {
      case "post-file":
        return this.#onPostFile(message);
      case "post-chunk":
        return this.#onChunk(message);
      case "query-status":
        if (this.#state === "new") return this.#fail(404, "Unknown upload, post the file first");
        return this.#state === "admitting" ? this.#tellPatience() : this.#report();
      case "error":
        // Too late to stop what is being published, and its client has gone.
        if (this.#state === "finishing") return;
        return this.#end("failed", message.code, message.text);
      default:
        return unreachable(message);
    }
  }

  #onInput(input: Exclude<ServerInput, { type: "message" }>, now: number): void {
    switch (input.type) {
      case "malformed":
        this.#hear(now);
        if (this.#state === "finishing") return this.#send({ type: "error", code: 400, text: input.text });
        return this.#fail(400, input.text);
      case "admitted":
        return this.#onAdmitted(input.admission, input.hashed);
      case "restored":
        return this.#onRestored(input.post, input.admission, input.hashed);
      case "refused":
        return this.#fail(input.code, input.text);
      case "hash-ready":
        this.#state = "receiving";
        return;
      case "granted":
        return this.#onGranted(input.amount, now);
      case "reclaim":
        return this.#onReclaim();
      case "written":
        return this.#onWritten();
      case "rewound":
        return this.#onRewound(input.offset);
      case "storage-failed":
      case "stop":
        this.#send({ type: "error", code: input.code, text: input.text });
        return this.#end(input.keep ? "suspended" : "failed", input.code, input.text);
      case "finished":
        this.#send({ type: "upload-finished", uploadId: this.#uploadId });
        return this.#end("finished", 200, "");
      case "tick":
        return this.#onTick(now);
      default:
        return unreachable(input);
    }
  }

  #onPostFile(post: PostFile): void {
    if (this.#post === null) {
      this.#post = post;
      this.#state = "admitting";
      // Before the checks, so that the approval can carry credit.
      this.#updateWant();
      this.#actions.push({ type: "admit", post });
    } else if (post.name !== this.#post.name || !equalJson(post.metadata, this.#post.metadata)) {
      const text = `This connection uploads ${JSON.stringify(this.#post.name)} already, with its own metadata`;
      this.#send({ type: "error", code: 409, text });
    } else if (this.#state === "admitting") {
      this.#tellPatience();
    } else {
      this.#approve();
    }
  }

  #onAdmitted(admission: Admission, hashed: boolean): void {
    this.#uploadId = admission.uploadId;
    this.#expected = admission.offset;
    this.#state = hashed ? "receiving" : "hashing";
    if (!hashed) this.#giveBack();
    this.#approve();
    if (!hashed) this.#grantAbsolute = true;
  }

  #onRestored(post: PostFile, admission: Admission, hashed: boolean): void {
    this.#post = post;
    this.#uploadId = admission.uploadId;
    this.#expected = admission.offset;
    this.#state = hashed ? "receiving" : "hashing";
    // The client may still send with the credit that the earlier process gave it.
    this.#forgiven = limits.maxQueueMax;
    this.#grantAbsolute = true;
  }

  #onChunk(chunk: PostChunk): void {
    if (this.#state === "new") return this.#fail(404, "Unknown upload, post the file first");
    if (this.#state !== "receiving") return;
    const end = chunk.seek + chunk.data.length;
    if (chunk.seek !== this.#expected) {
      const isDuplicate = end <= this.#expected;
      if (!isDuplicate && !this.#rewindTold) this.#reportGap();
      return;
    }
    if (chunk.data.length > this.#options.chunkBytes) return this.#onOversize(chunk.data.length);
    if (this.#outstanding === 0) return this.#onExcess(chunk.seek);
    const size = this.#post?.info.size;
    if (size !== undefined && end > size) {
      return this.#fail(413, `Data up to offset ${end}, but ${size} bytes were announced`);
    }
    if (size !== undefined && end < size && chunk.checksum !== null) {
      return this.#fail(400, `Last chunk ends at offset ${end}, but ${size} bytes were announced`);
    }
    this.#accept(chunk, end);
  }

  #accept(chunk: PostChunk, end: number): void {
    this.#rewindTold = false;
    this.#outstanding -= 1;
    this.#expected = end;
    if (chunk.data.length > 0) {
      this.#unwritten += 1;
      this.#actions.push({ type: "write", offset: chunk.seek, data: chunk.data });
    } else {
      this.#actions.push({ type: "return-credit", amount: 1 });
    }
    if (chunk.checksum === null) return;
    this.#last = { size: end, checksum: chunk.checksum };
    this.#state = "draining";
    this.#giveBack();
    this.#finishWhenWritten();
  }

  // The client of a restored upload may go by the chunk size of an earlier process: tell it ours, once.
  #onOversize(bytes: number): void {
    if (this.#approvedTold) {
      return this.#fail(400, `Chunk of ${bytes} bytes, at most ${this.#options.chunkBytes} are allowed`);
    }
    this.#approve();
    if (this.#expected === 0) this.#report();
    this.#rewindTold = true;
  }

  #onExcess(seek: number): void {
    if (this.#forgiven === 0) return this.#fail(400, `Chunk at offset ${seek} was sent without credit`);
    this.#forgiven -= 1;
    if (this.#rewindTold) return;
    // Not by `#report`: a client that ignores its reports has to run out of forgiveness.
    this.#send({ type: "status-report", seek: this.#expected, credit: 0 });
    this.#rewindTold = true;
  }

  #onGranted(amount: number, now: number): void {
    if (this.#wanted === 0) {
      this.#actions.push({ type: "return-credit", amount });
      return;
    }
    this.#outstanding += amount;
    if (this.#state !== "receiving") return;
    this.#quietSince = now;
    if (this.#grantAbsolute) this.#report();
    else this.#send({ type: "transfer-credit", amount });
  }

  #onReclaim(): void {
    this.#present = false;
    if (this.#outstanding === 0) return;
    this.#giveBack();
    if (this.#state !== "receiving") return;
    this.#report();
    // The report may not have reached anybody: the grant to come repeats it.
    this.#grantAbsolute = true;
  }

  #onWritten(): void {
    assert(this.#unwritten > 0, "only a write that was asked for can be done");
    this.#unwritten -= 1;
    this.#actions.push({ type: "return-credit", amount: 1 });
    this.#finishWhenWritten();
  }

  #onRewound(offset: number): void {
    assert(offset <= this.#expected, "the storage is cut back, not extended");
    this.#expected = offset;
    this.#last = null;
    // What was accepted and is lost can be sent again: the client holds that credit once more.
    this.#outstanding += this.#unwritten;
    this.#unwritten = 0;
    this.#wanted = 0;
    if (this.#state !== "hashing") this.#state = "receiving";
    this.#reportGap();
  }

  #onTick(now: number): void {
    if (this.wakeAt === null || now < this.wakeAt || this.#heardAt === null) return;
    if (now >= this.#heardAt + this.#idleMs) {
      const text = `Nothing was heard for ${Math.round(this.#idleMs / 1000)} s, what arrived is kept`;
      this.#send({ type: "error", code: 408, text });
      return this.#end("suspended", 408, text);
    }
    this.#tellPatience();
    this.#quietSince = now;
    this.#pokeMs = Math.min(2 * this.#pokeMs, limits.pokeMsMax);
  }

  /** Answers a post-file, the first or a repeated one. */
  #approve(): void {
    const { chunkBytes, maxQueue, server } = this.#options;
    const info = { server, upload: this.#uploadId };
    this.#send({ type: "upload-approved", credit: this.#outstanding, chunkBytes, maxQueue, info });
    this.#approvedTold = true;
    this.#grantAbsolute = false;
    if (this.#expected > 0) this.#report();
  }

  #report(): void {
    this.#send({ type: "status-report", seek: this.#expected, credit: this.#outstanding });
    this.#forgiven = Math.max(this.#forgiven, this.#options.maxQueue);
    this.#grantAbsolute = this.#state === "hashing";
  }

  #reportGap(): void {
    this.#report();
    this.#rewindTold = true;
  }

  // Means nothing to any client, but shows that we are there; and whether it is.
  #tellPatience(): void {
    this.#send({ type: "transfer-credit", amount: 0 });
  }

  #giveBack(): void {
    if (this.#outstanding > 0) this.#actions.push({ type: "return-credit", amount: this.#outstanding });
    this.#outstanding = 0;
  }

  #finishWhenWritten(): void {
    if (this.#last === null || this.#unwritten > 0) return;
    this.#state = "finishing";
    this.#actions.push({ type: "finish", size: this.#last.size, checksum: this.#last.checksum });
  }

  /** Tells the ledger when what we can use changed. */
  #updateWant(): void {
    const wanted = this.#usableWindow();
    if (this.#state === "ended" || wanted === this.#wanted) return;
    this.#wanted = wanted;
    this.#actions.push({ type: "want-credit", window: wanted });
  }

  #usableWindow(): number {
    if (!this.#present || (this.#state !== "admitting" && this.#state !== "receiving")) return 0;
    const size = this.#post?.info.size;
    if (size === undefined) return this.#options.maxQueue;
    // And one for the last chunk, which is empty.
    const remaining = Math.ceil(Math.max(0, size - this.#expected) / this.#options.chunkBytes) + 1;
    if (this.#outstanding >= remaining) return 0;
    return this.#wanted > 0 ? this.#wanted : Math.min(this.#options.maxQueue, remaining);
  }

  #fail(code: number, text: string): void {
    this.#send({ type: "error", code, text });
    this.#end("failed", code, text);
  }

  #send(message: ServerMessage): void {
    this.#actions.push({ type: "send", message });
  }

  #end(outcome: "finished" | "failed" | "suspended", code: number, text: string): void {
    this.#state = "ended";
    this.#actions.push({ type: "done", outcome, code, text });
  }
}
