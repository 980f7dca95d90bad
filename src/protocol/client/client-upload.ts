// The client's side of one upload, as a value machine: `client/upload.ts` feeds it and performs its actions.
//
// Theory of operation.
//
// The machine states a window: which chunk is next, and up to where it may be sent. The driver pulls: it makes the chunk
// ready, also while there is no credit, sends it when the window and the link allow, and tells the machine. Credit
// belongs to a position (see server-upload.ts): a status-report replaces both.
//
// Going back. A status-report is obeyed to the letter, with one exception: when it answers our own query-status
// and names the position at which we asked, then everything before it arrived; what we sent since then is
// under way and need not be sent again, it only counts against the reported credit (questions.ts). So asking is
// cheap, and we ask behind the chunk after which nothing else would show that something got lost.
//
// A new connection starts with the question that fits: post-file as long as it was not approved, query-status
// afterwards. Both can be asked any number of times. Nothing is sent on it before the answer.
//
// The machine never gives up for lack of a connection: the driver owns that patience.

import { assert, unreachable } from "../../base/assert.ts";
import { type ErrorCode, errorCodeFromWire, errorMeanings } from "../../base/error.ts";
import { limits } from "../limits.ts";
import type { Machine } from "../machine.ts";
import type { Wait } from "../wait.ts";
import type {
  ErrorMessage,
  PostFile,
  ServerMessage,
  StatusReport,
  UploadApproved,
  UploadFinished,
} from "../wire/message.ts";
import type {
  ClientAction,
  ClientControl,
  ClientInput,
  ClientUploadTask,
  SendWindow,
  WaitingReason,
} from "./client-events.ts";
import { type ClientEvent, type ClientState, clientTransitions } from "./client-states.ts";
import { Pace } from "./pace.ts";
import { Questions } from "./questions.ts";
import { keepingFor, ResendWindow } from "./resend-window.ts";
import { rewindFault } from "./rewind-fault.ts";
import { ToldWait } from "./told-wait.ts";
import { Wishes } from "./wishes.ts";

export class ClientUpload implements Machine<ClientInput, ClientAction> {
  readonly #task: ClientUploadTask;
  readonly #questions = new Questions();
  #state: ClientState = "offline";
  #actions: ClientAction[] = [];
  #approved = false;
  #restarts = 0;
  /** Bytes that the server had when an error 400 was doubted last, -1 before it approved the upload. */
  #doubtedAt: number | null = null;
  readonly #pace = new Pace();
  #kept = new ResendWindow();
  #credit = 0;
  /** Most credit that is unused or under way, as far as the client knows. */
  #creditMax = 0;
  #position = 0;
  #highest = 0;
  /** The last chunk; `under-way`: sent on this connection, and the server did not go back since. */
  #last: "unsent" | "sent" | "under-way" = "unsent";
  /** A confirmation was heard that fits nothing, and the server is asked whether it means it. */
  #isFinishDoubted = false;
  readonly #wait = new ToldWait();
  readonly #wishes: Wishes;

  constructor(task: ClientUploadTask) {
    this.#task = task;
    this.#wishes = new Wishes(task);
  }

  get state(): ClientState {
    return this.#state;
  }

  /** Bytes from the beginning of the file that the server is known to have. */
  get taken(): number {
    return this.#pace.taken;
  }

  get wakeAt(): number | null {
    if (this.#state === "offline" || this.#state === "ended") return null;
    return this.#questions.dueAt(this.#state !== "sending" || this.#isHeldUp);
  }

  /** What may be sent next, `null` while nobody can know: before the server said where to go on, and at the end. */
  get window(): SendWindow | null {
    if (this.#state !== "sending") return null;
    const end = this.#credit > 0 ? this.#position + this.#room : -1;
    const lengthMax = this.#pace.chunkBytes;
    return { offset: this.#position, lengthMax, end, keptFrom: this.#kept.start };
  }

  /** What the upload waits for. */
  get waiting(): WaitingReason {
    if (this.#state === "posting" || this.#state === "asking") return "approval";
    if (this.#state === "confirming") return "confirmation";
    if (this.#state !== "sending" || this.#credit > 0) return null;
    // A report may have taken it back to the last chunk.
    return this.#last !== "unsent" && this.#position === this.#highest ? "confirmation" : "credit";
  }

  /** Why the server lets it wait; `null` where it does not, or did not say. */
  get wait(): Wait | null {
    return this.waiting === null ? null : this.#wait.current;
  }

  // Only the server can let the next chunk go.
  get #isHeldUp(): boolean {
    const rest = (this.#task.size ?? Number.POSITIVE_INFINITY) - this.#position;
    return this.#credit === 0 || Math.min(this.#pace.chunkBytes, rest) > this.#room;
  }

  // Of the next chunk: what the line takes, and of a stream what can be kept besides.
  get #room(): number {
    return Math.min(this.#pace.room, this.#kept.room);
  }

  step(input: ClientInput, now: number): readonly ClientAction[] {
    if (this.#state === "ended") return [];
    const event: ClientEvent = input.type === "message" ? input.message.type : input.type;
    const allowed = clientTransitions[this.#state][event];
    assert(allowed !== undefined, `input ${event} fits an upload that is ${this.#state}`);
    this.#onInput(input, now);
    this.#askBehind(input.type === "chunk-sent" && input.isCaughtUp === true, now);
    const { state } = this;
    assert(allowed.includes(state), `${event} leads to one of ${allowed.join(", ")}, not ${state}`);
    const actions = this.#actions;
    this.#actions = [];
    return actions;
  }

  #onInput(input: ClientInput, now: number): void {
    switch (input.type) {
      case "link-up":
        this.#questions.connected(now);
        this.#wishes.mayBeForgotten();
        this.#isFinishDoubted = false;
        this.#forgetEnd();
        this.#state = this.#approved ? "asking" : "posting";
        return this.#ask(now);
      case "link-lost":
        return this.#disconnect();
      case "message":
        if (this.#state === "offline") return;
        this.#questions.heard(this.#state === "posting" || input.message.type !== "transfer-credit", now);
        return this.#onMessage(input.message, now);
      case "malformed":
        return this.#state === "offline" ? undefined : this.#violation(input.text);
      case "chunk-sent":
        return this.#onSent(input, now);
      case "give-up":
        return this.#giveUp(input.code, input.text, input.keep);
      case "tick":
        return this.#onTick(now);
      default:
        return unreachable(input);
    }
  }

  #onMessage(message: ServerMessage, now: number): void {
    this.#wait.hear(message);
    switch (message.type) {
      case "upload-approved":
        return this.#onApproved(message, now);
      case "transfer-credit":
        if (this.#state !== "posting") this.#hearStored(message.info, message.amount > 0);
        // While we ask, credit has no position that it could belong to: the answer will include it.
        if (this.#state === "sending" || this.#state === "confirming") this.#addCredit(message.amount, now);
        return message.amount > 0 ? this.#questions.getsThrough(now) : undefined;
      case "status-report":
        return this.#state === "posting" ? undefined : this.#onReport(message, now);
      case "upload-finished":
        return this.#onFinished(message, now);
      case "error":
        return this.#onError(message, now);
      default:
        return unreachable(message);
    }
  }

  // A server that went back lacks bytes, and confirms nothing before it has the last chunk once more. Only, chunks that were
  // under way when it spoke, on this connection or the one before, may have been those bytes: so it is asked.
  #onFinished({ type: _, ...confirmed }: UploadFinished, now: number): void {
    if (this.#last === "unsent" && !this.#task.resume) {
      return this.#violation("The server confirmed an upload whose end it has not seen");
    }
    const isAnswer = this.#state === "posting" || this.#state === "asking" || this.#isFinishDoubted;
    if (this.#last === "under-way" || isAnswer) return this.#end({ type: "finished", ...confirmed });
    this.#isFinishDoubted = true;
    this.#ask(now);
  }

  #onApproved(message: UploadApproved, now: number): void {
    const { chunkBytes, maxQueue } = message;
    if (chunkBytes === 0) return this.#violation("The server allows chunks of 0 bytes only");
    const keeping = keepingFor(message, this.#task.canSeek, this.#wishes.all.window);
    if (keeping === null) {
      return this.#violation(`The server wants ${maxQueue} chunks kept: more than ${limits.maxQueueMax}`);
    }
    this.#pace.allow(keeping.chunkBytes);
    const isNew = this.#state === "posting";
    if (isNew) this.#kept = new ResendWindow();
    this.#kept.allow(keeping);
    if (this.#questions.hasTags) this.#creditMax = Math.max(this.#creditMax, maxQueue);
    // A late answer to a post-file that was repeated, or the server took the upload up again: position and credit are out of date.
    if (!isNew) {
      this.#wishes.mayBeForgotten();
      return this.#questions.approvedAgain();
    }
    this.#approved = true;
    this.#wishes.answered();
    this.#questions.approved(message, now);
    this.#pace.connected(0, this.#questions.answerMs);
    this.#moveTo(0);
    this.#credit = message.credit;
    // A server whose answers tell what arrived may grant less than a window, and more later.
    this.#creditMax = this.#questions.hasTags ? maxQueue : message.credit;
    this.#state = "sending";
  }

  // Chunks that arrived come back as credit: what is not unused can be under way.
  #addCredit(amount: number, now: number): void {
    const credit = this.#credit + amount;
    this.#creditMax = Math.max(this.#creditMax, credit);
    if (amount > 0) this.#pace.left(this.#creditMax - credit, now);
    this.#setCredit(credit);
  }

  #setCredit(credit: number): void {
    this.#creditMax = Math.max(this.#creditMax, credit);
    // What said how much is to be kept for that got lost.
    if (credit > this.#kept.chunksMax) this.#wishes.mayBeForgotten();
    this.#credit = credit;
  }

  // A server that took the upload up again does not know that we want to hear of it.
  #hearStored(info: StatusReport["info"], isExpected: boolean): void {
    if (info?.stored !== undefined && !this.#task.canSeek) return this.#kept.stored(info.stored);
    if (this.#kept.tellsStored && isExpected) this.#wishes.mayBeForgotten();
  }

  #onReport(report: StatusReport, now: number): void {
    this.#isFinishDoubted = false;
    const answer = this.#questions.answer(report, now);
    if (answer === "ignore") return;
    this.#wishes.answered();
    this.#hearStored(report.info, report.tag !== undefined);
    // The last chunk is empty: only its credit, which is left, shows that it got lost.
    const isLastLost = this.#state === "confirming" && answer === 0 && report.credit > 0;
    if (answer !== "obey" && this.#state !== "asking" && !isLastLost) {
      this.#pace.left(answer, now);
      return this.#setCredit(Math.max(0, report.credit - answer));
    }
    if (this.#state === "asking") this.#pace.connected(report.seek, this.#questions.answerMs);
    this.#goTo(report.seek);
    if (this.#state === "ended") return;
    this.#setCredit(report.credit);
    this.#state = "sending";
  }

  #goTo(seek: number): void {
    const fault = rewindFault(seek, this.#task, this.#kept.start, this.#highest);
    if (fault !== null) return this.#giveUp(fault.code, fault.text);
    if (seek < this.#highest) this.#forgetEnd();
    if (seek < this.#pace.taken) this.#questions.lost(seek);
    this.#highest = Math.max(this.#highest, seek);
    this.#moveTo(seek);
    if (!this.#task.canSeek) this.#kept.rewind(seek);
  }

  #forgetEnd(): void {
    if (this.#last === "under-way") this.#last = "sent";
  }

  #moveTo(position: number): void {
    this.#position = position;
    this.#pace.moveTo(position);
    this.#questions.moved(position);
  }

  #onError({ code: wire, text, info }: ErrorMessage, now: number): void {
    const code = errorCodeFromWire(wire);
    const isForgotten = code === "unknown-upload" && this.#approved && this.#restarts < limits.restartsMax;
    if (isForgotten && (this.#task.canSeek || this.#kept.start === 0)) return this.#restart(now);
    const isLater = errorMeanings[code].retry;
    if (isLater || (code === "malformed" && this.#doubts())) return this.#reconnect(code, text, isLater);
    this.#end({ type: "failed", code, text, wire, ...(info === undefined ? {} : { info }) });
  }

  // What was sent was well-formed, but may have been damaged on the way: 400 is believed where nothing moved since the last.
  #doubts(): boolean {
    const reached = this.#approved ? this.#pace.taken : -1;
    if (this.#doubtedAt !== null && this.#doubtedAt >= reached) return false;
    this.#doubtedAt = reached;
    return true;
  }

  // The server forgot the upload: the same identity may post it as if it were new. What was sent stays known: should
  // the server find the upload after all, it goes on from there.
  #restart(now: number): void {
    this.#restarts += 1;
    this.#approved = false;
    this.#credit = 0;
    this.#questions.clear();
    this.#state = "posting";
    this.#ask(now);
  }

  #onTick(now: number): void {
    if (this.wakeAt === null || now < this.wakeAt) return;
    if (this.#questions.due(now) === "ask") return this.#ask(now);
    this.#reconnect("timed-out", "The server does not answer", false);
  }

  #ask(now: number): void {
    this.#pace.asked();
    if (this.#state !== "posting") {
      return this.#say(this.#questions.ask(this.#position, now, this.#wishes.due));
    }
    this.#questions.post(this.#position, now);
    const { name, metadataText, size, modified, client, replaces = [] } = this.#task;
    const known = { ...(size === null ? {} : { size }), ...(modified == null ? {} : { modified }) };
    const info = {
      ...known,
      client,
      ...(replaces.length === 0 ? {} : { replaces }),
      ...wantedOf(this.#task),
      ...this.#wishes.all,
    };
    this.#say({ type: "post-file", name, metadataText, info });
  }

  #say(message: ClientControl): void {
    this.#actions.push({ type: "send", message });
  }

  // Behind the chunk after which only the server can go on: the answer shows what got lost, of ours or of the server's,
  // that nothing later would show, and the same where nothing may come later. On a slow line the answers also say what it bears, and they come
  // in step with what it takes.
  #askBehind(isCaughtUp: boolean, now: number): void {
    if (this.#state !== "confirming" && this.#state !== "sending") return;
    if (!this.#questions.isWorthAsking) return;
    const isOut = this.#state === "confirming" || this.#isHeldUp;
    const windowBytes = this.#creditMax * this.#pace.chunkBytes;
    // Behind the last byte comes the last chunk, with a question behind it.
    const isBeforeLast = this.#state === "sending" && this.#position === this.#task.size;
    const wantsAnswer = !isBeforeLast && this.#pace.wantsAnswer(windowBytes);
    if ((isOut && !this.#questions.isAnswerDue) || wantsAnswer || isCaughtUp) this.#ask(now);
  }

  #onSent(
    { offset, length, isLast, wasHeld }: Extract<ClientInput, { type: "chunk-sent" }>,
    now: number,
  ): void {
    assert(offset === this.#position && this.#credit > 0, "what the window allows is sent");
    assert(length <= this.#pace.chunkBytes, "a chunk is no longer than the window says");
    assert((length === 0) === isLast, "the last chunk is empty, and no other");
    this.#questions.sent({ end: offset + length, isLast, wasHeld }, now);
    this.#credit -= 1;
    this.#wait.forget();
    this.#position += length;
    this.#pace.sent(this.#position, length, now);
    this.#highest = Math.max(this.#highest, this.#position);
    if (!this.#task.canSeek) this.#kept.push(offset, length);
    if (!isLast) return;
    this.#last = "under-way";
    this.#state = "confirming";
  }

  #reconnect(code: ErrorCode, text: string, isLater: boolean): void {
    this.#actions.push({ type: "reconnect", code, text, isLater });
    this.#disconnect();
  }

  #disconnect(): void {
    this.#state = "offline";
    this.#credit = 0;
    this.#wait.forget();
    this.#questions.clear();
  }

  #violation(text: string): void {
    this.#giveUp("malformed", text);
  }

  // Ends the upload from our side, and tells the server that knows of it, if need be on a connection made for that.
  #giveUp(code: ErrorCode, text: string, keep = false): void {
    if (this.#state !== "offline" || this.#approved) {
      const wire = errorMeanings[keep ? "not-ready" : code].wire ?? errorMeanings.cancelled.wire;
      this.#say({ type: "error", code: wire, text });
    }
    this.#end({ type: "failed", code, text, wire: null });
  }

  #end(result: Extract<ClientAction, { type: "done" }>["result"]): void {
    this.#state = "ended";
    this.#actions.push({ type: "done", result });
  }
}

function wantedOf({ unpack, wantsReceipt }: ClientUploadTask): Partial<PostFile["info"]> {
  return {
    ...(unpack === undefined ? {} : { unpack }),
    ...(wantsReceipt === true ? { receipt: true } : {}),
  };
}
