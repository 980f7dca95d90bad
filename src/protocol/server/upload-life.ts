// The whole life of one upload on the server, as a value machine: from the first message under an identity of a user to
// the moment when nothing is under way any more and the catalogue answers. It decides every cell of the table in
// doc/protocol.md, section 5; whoever drives it holds the handles and does as told.
//
// Theory of operation.
//
// Nothing is known at first: the catalogue is asked (*looking*). What it says decides whether the upload begins, goes on
// (*arriving*: its storage is opened), or has only an answer to get. While an upload is *active*, `server-upload.ts`
// decides. At its end its handles are put away (*ending*). What its client says while the server is busy with the
// upload otherwise is held, and dealt with in order afterwards; of several questions the newest. Held is what was said,
// never what it came in: a chunk's data is not kept, nobody gave credit for it.
//
// A post-file that only asks is about no upload, whatever its identity is used for: it is answered by itself, when nothing else
// is to be answered.

import { assert, unreachable } from "../../base/assert.ts";
import { errorMeanings } from "../../base/error.ts";
import type { Bytes } from "../../base/memory/far-bytes.ts";
import type { Machine } from "../machine.ts";
import {
  type ClientMessageOf,
  clientComesBack,
  type ErrorMessage,
  markOfAnswer,
  type PostFile,
  type ServerMessage,
} from "../wire/message.ts";
import type { ServerAction, ServerInput, ServerUploadOptions } from "./server-events.ts";
import { finishedMessage, ServerUpload } from "./server-upload.ts";

/** What the catalogue has about an upload that is not active: as much as answers depend on. */
export interface RecordedUpload {
  readonly id: string;
  readonly state: "open" | "publishing" | "finished" | "failed";
  /** Why it failed. */
  readonly errorCode: number | null;
  readonly reason: string | null;
  /** Whether its client asked for a receipt when it began it. */
  readonly wantsReceipt?: boolean;
  /** Of one that finished: its receipt, or `null` where none can be given. */
  receipt?(): string | null;
  /** Whether `post` has its name and metadata. */
  isSame(post: PostFile): boolean;
}

/** What a client said that waits for an answer. */
export type Question = Held["type"];

/** What a client hears that is refused. */
export type Refusal = Omit<ErrorMessage, "type">;

export type LifeInput =
  | Exclude<ServerInput, { type: "refused" }>
  /** Answers `admit`, `look-up`, `restore` or `publish`: not now or not at all. And `inquire`. */
  | ({ readonly type: "refused" } & Refusal)
  /** Answers `look-up`. */
  | { readonly type: "found"; readonly record: RecordedUpload | null }
  /** Answers `publish`: it is being published, and its client shall come back. */
  | { readonly type: "publishing" }
  /** Answers `done`: the handles are closed and the record is written. */
  | { readonly type: "put-away" };

export type LifeAction =
  | ServerAction
  /** Ask the catalogue for the newest upload of this identity and key; answer `found` or `refused`. */
  | { readonly type: "look-up" }
  /** Open the storage of the upload that was found; answer `restored` or `refused`. It needs a place, unless it is given up. */
  | { readonly type: "restore"; readonly needsPlace: boolean }
  /** Publish the upload that was found, which is complete; answer `publishing` or `refused`, with why that failed a moment ago. */
  | { readonly type: "publish"; readonly question: Question }
  /** Find out what `post`, which only asks, would be refused with; answer `refused`. */
  | { readonly type: "inquire"; readonly post: PostFile }
  /** Nothing is under way: forget this machine. Nothing may follow. */
  | { readonly type: "over" };

export type LifePhase =
  /** Nothing was said yet. */
  | "new"
  /** The catalogue is asked. */
  | "looking"
  /** What is stored of it is opened, or it is looked into why it is not published; or a question is looked into. */
  | "arriving"
  /** `server-upload.ts` decides. */
  | "active"
  /** Its handles are put away. */
  | "ending"
  /** The catalogue answers. */
  | "over";

/** What may follow what, and by which input or, at an upload's end, action: the diagram in doc/protocol.md is drawn from it. */
export const lifeTransitions: Readonly<
  Record<LifePhase, { readonly [event: string]: readonly LifePhase[] }>
> = {
  new: { message: ["looking", "arriving"] },
  looking: { found: ["active", "arriving", "over"], refused: ["arriving", "over"] },
  arriving: {
    restored: ["active"],
    publishing: ["arriving", "over"],
    refused: ["looking", "arriving", "over"],
  },
  active: { done: ["ending"] },
  ending: { "put-away": ["looking", "arriving", "over"] },
  over: {},
};

/** What is kept of a message that waits. */
type Held =
  | Exclude<ClientMessageOf<Bytes>, { type: "post-chunk" }>
  | { readonly type: "chunk"; readonly isLast: boolean }
  | { readonly type: "malformed"; readonly text: string };

// A client that is answered has no reason to send more than this before it hears.
const heldMax = 64;
// And it asks again when it was answered.
const asksMax = 4;

export class UploadLife implements Machine<LifeInput, LifeAction> {
  readonly #options: ServerUploadOptions;
  #phase: LifePhase = "new";
  #upload: ServerUpload | null = null;
  #held: readonly Held[] = [];
  /** What only asks; the first of them is looked into while `#isAsking`. */
  #asks: readonly PostFile[] = [];
  #isAsking = false;
  /** The driver wants it to end, and it cannot just now. */
  #stop: Extract<ServerInput, { type: "stop" }> | null = null;
  #actions: LifeAction[] = [];

  constructor(options: ServerUploadOptions) {
    this.#options = options;
  }

  get phase(): LifePhase {
    return this.#phase;
  }

  /** Whether it can end now and go on later. What is complete is published instead. */
  get canWait(): boolean {
    return this.#upload?.state === "receiving" || this.#upload?.state === "hashing";
  }

  get wakeAt(): number | null {
    return this.#upload?.wakeAt ?? null;
  }

  step(input: LifeInput, now: number): readonly LifeAction[] {
    if (this.#phase === "over") return [];
    // The way of every chunk.
    if (this.#upload !== null) return this.#active(input as ServerInput, now);
    this.#onInput(input, now);
    const actions = this.#actions;
    this.#actions = [];
    return actions;
  }

  #active(input: ServerInput, now: number): readonly LifeAction[] {
    const upload = this.#upload as ServerUpload;
    const actions = upload.step(input, now);
    if (upload.state !== "ended") return actions;
    this.#move("done", "ending");
    this.#upload = null;
    return actions;
  }

  #onInput(input: LifeInput, now: number): void {
    switch (input.type) {
      case "message":
        return this.#onMessage(input.message);
      case "malformed":
        return this.#hold({ type: "malformed", text: input.text });
      case "found":
        return this.#onFound(input.record, now);
      case "restored":
        return this.#onRestored(input, now);
      case "publishing":
        return this.#refuse("publishing", { code: clientComesBack, text: publishingText });
      case "refused":
        // Its client gave it up while it was being checked.
        if (this.#phase === "ending") return;
        return this.#isAsking ? this.#onAnswer(input) : this.#refuse("refused", input);
      case "put-away":
        return this.#look("put-away");
      case "stop":
        return this.#onStop(input);
      // What arrives late of credit, time or the link concerns nobody.
      case "granted":
      case "reclaim":
      case "unreachable":
      case "tick":
        return;
      default:
        assert(this.#phase === "ending", `${input.type} is for an upload that is active`);
    }
  }

  #onMessage(message: ClientMessageOf<Bytes>): void {
    if (message.type === "post-chunk") this.#hold({ type: "chunk", isLast: message.checksum !== null });
    else if (message.type !== "post-file" || message.info.ask === undefined) this.#hold(message);
    else if (this.#asks.length < asksMax) this.#asks = [...this.#asks, message];
    if (this.#phase === "new") this.#look("message");
  }

  // Of what only asks the newest alone is answered. Nothing is lost by what is dropped: its sender asks.
  #hold(it: Held): void {
    const isNew = it.type === "post-file";
    const held = isNew ? this.#held : this.#held.filter((other) => !isSameKind(it, other));
    this.#held = held.length < heldMax ? [...held, it] : held;
  }

  #look(event: string): void {
    if (this.#held.length === 0) return this.#end(event);
    if (this.#stop !== null) return this.#refuse(event, this.#stop);
    this.#move(event, "looking");
    this.#actions.push({ type: "look-up" });
  }

  #onAnswer({ code, text, info }: Refusal): void {
    const [post, ...others] = this.#asks;
    assert(post !== undefined, "somebody asked");
    this.#isAsking = false;
    this.#asks = others;
    this.#sendError({ code, text, info: { ...info, ...markOfAnswer(post) } });
    this.#look("refused");
  }

  #onFound(record: RecordedUpload | null, now: number): void {
    if (this.#stop !== null) return this.#refuse("found", this.#stop);
    const first = this.#held[0];
    assert(first !== undefined, "somebody asked");
    if (record === null || (isGone(record) && first.type === "post-file")) return this.#begin(now);
    const isComingBack = first.type === "error" && first.code === clientComesBack;
    // As suspended as it can be.
    if (record.state === "open" && isComingBack) return this.#refuse("found", first);
    if (record.state === "open") {
      this.#move("found", "arriving");
      return void this.#actions.push({ type: "restore", needsPlace: first.type !== "error" });
    }
    const question = this.#held.find(({ type }) => type !== "malformed");
    if (record.state === "publishing" && question !== undefined) {
      this.#move("found", "arriving");
      // It may have its final name already: no client may change it before that is settled.
      return void this.#actions.push({ type: "publish", question: question.type });
    }
    for (const it of this.#held) {
      const answer = recordedAnswer(record, it);
      if (answer !== null) this.#send(answer);
    }
    this.#end("found");
  }

  // The first post-file begins it; whatever came before that is about an upload that nobody knows.
  #begin(now: number): void {
    const held = this.#held;
    const start = held.findIndex(({ type }) => type === "post-file");
    const before = start < 0 ? held : held.slice(0, start);
    for (const it of before) this.#sendError(unknownAnswer(it));
    if (start < 0) return this.#end("found");
    this.#activate("found");
    this.#replay(held.slice(start), now);
  }

  #activate(event: string): void {
    this.#move(event, "active");
    this.#held = [];
    this.#upload = new ServerUpload(this.#options);
  }

  #onRestored(input: Extract<ServerInput, { type: "restored" }>, now: number): void {
    const held = this.#held;
    this.#activate("restored");
    this.#pass(input, now);
    if (this.#stop !== null) this.#pass(this.#stop, now);
    this.#replay(held, now);
  }

  #replay(held: readonly Held[], now: number): void {
    for (const it of held) {
      // What came behind the end is answered from the catalogue, like all that comes later.
      if (this.#upload === null) this.#hold(it);
      else this.#pass(inputOf(it), now);
    }
  }

  #pass(input: ServerInput, now: number): void {
    if (this.#upload !== null) this.#actions.push(...this.#active(input, now));
  }

  #onStop(stop: Extract<ServerInput, { type: "stop" }>): void {
    // Until the driver answers there is nothing to end.
    this.#stop = stop;
  }

  #refuse(event: string, { code, text, info }: Refusal): void {
    this.#sendError({ code, text, ...(info === undefined ? {} : { info }) });
    this.#end(event);
  }

  #sendError(refusal: Refusal): void {
    this.#send({ type: "error", ...refusal });
  }

  #send(message: ServerMessage): void {
    this.#actions.push({ type: "send", message });
  }

  #end(event: string): void {
    this.#held = [];
    const [post] = this.#asks;
    const stop = this.#stop;
    if (post !== undefined && stop === null) {
      this.#move(event, "arriving");
      this.#isAsking = true;
      return void this.#actions.push({ type: "inquire", post });
    }
    if (post !== undefined && stop !== null) this.#sendError({ code: stop.code, text: stop.text });
    this.#move(event, "over");
    this.#actions.push({ type: "over" });
  }

  #move(event: string, next: LifePhase): void {
    const allowed = lifeTransitions[this.#phase][event] ?? [];
    assert(allowed.includes(next), `${event} does not lead from ${this.#phase} to ${next}`);
    this.#phase = next;
  }
}

const unknownUpload = errorMeanings["unknown-upload"].wire;
const publishingText = "The stored bytes are being checked and published";

/** What a message gets whose upload ended, or is complete, and is not active: two columns of the table. */
function recordedAnswer(record: RecordedUpload, held: Held): ServerMessage | null {
  switch (held.type) {
    case "malformed":
      return { type: "error", code: errorMeanings.malformed.wire, text: held.text };
    case "chunk":
      if (!held.isLast) return null;
      break;
    case "post-file": {
      const text = "This upload identity was used for another file";
      if (record.state === "finished" && !record.isSame(held)) {
        return { type: "error", code: errorMeanings["name-taken"].wire, text };
      }
      break;
    }
    case "query-status":
    case "error":
      break;
    default:
      return unreachable(held);
  }
  if (record.state === "finished") return confirmation(record, held);
  return {
    type: "error",
    code: record.errorCode ?? errorMeanings.internal.wire,
    text: record.reason ?? "The upload failed",
  };
}

function confirmation(record: RecordedUpload, held: Held): ServerMessage {
  const isWanted = record.wantsReceipt || (held.type === "post-file" && held.info.receipt === true);
  return finishedMessage(record.id, isWanted ? record.receipt?.() : null);
}

/** Where there is no such upload: also to an error, whose client wants to know that it was heard. */
function unknownAnswer(held: Held): Refusal {
  if (held.type === "malformed") return { code: errorMeanings.malformed.wire, text: held.text };
  // Not the same again: under this identity another user's client may be there by now, which asks once more after a 404.
  return { code: unknownUpload, text: "No such upload" };
}

/** Its stored bytes are gone: its client was told 404, and may begin anew. */
function isGone(record: RecordedUpload): boolean {
  return record.state === "failed" && record.errorCode === unknownUpload;
}

function isSameKind(a: Held, b: Held): boolean {
  return a.type === b.type && (a.type !== "chunk" || b.type !== "chunk" || a.isLast === b.isLast);
}

// A chunk that came before the storage was open only asks where to go on.
function inputOf(held: Held): ServerInput {
  if (held.type === "malformed") return held;
  return { type: "message", message: held.type === "chunk" ? { type: "query-status" } : held };
}
