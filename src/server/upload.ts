// One upload on the server, from its client's first word until nothing is under way: performs what its machine
// (`protocol/server/upload-life.ts`) decides. While it is active, its handles are those of a `Session`.

import { assert } from "../base/assert.ts";
import type { Clock } from "../base/clock.ts";
import { DyncError, errorCodeFromWire, messageOf } from "../base/error.ts";
import { jsonDigest } from "../base/json-digest.ts";
import { MachineDriver } from "../base/machine-driver.ts";
import type { Bytes } from "../base/memory/far-bytes.ts";
import type { UploadRecord } from "../catalogue/catalogue.ts";
import type { ProcessSettings } from "../config/server-settings.ts";
import type { Priority } from "../protocol/priority.ts";
import type { ServerInput } from "../protocol/server/server-events.ts";
import { withWait } from "../protocol/server/told-waits.ts";
import {
  type LifeAction,
  type LifeInput,
  type Question,
  type RecordedUpload,
  type Refusal,
  UploadLife,
} from "../protocol/server/upload-life.ts";
import type { ClientMessageOf, PostFile, QueryStatus, ServerMessage } from "../protocol/wire/message.ts";
import { storedName } from "../protocol/wire/stored-name.ts";
import type { Received, SendResult } from "../transport/transport.ts";
import { isAskedToUnpack, type UploadKey } from "../upload/upload.ts";
import { longQueueOf } from "./budget.ts";
import { type ReceiptParts, receiptOf, recordedFacts } from "./receipts.ts";
import { refusalOf, troubleOf } from "./refusal.ts";
import type { Session } from "./session.ts";

/** Who sends, and under which name. */
export type UploadOwner = Omit<UploadKey, "id"> & {
  /** Public key text (Z85). */
  readonly origin: string;
  /** `voiceOf` both. */
  readonly voice: string;
};

/** Which upload a message speaks for: one identity of one key. */
export function voiceOf(origin: string, identity: string): string {
  return `${origin} ${identity}`;
}

/** What an upload needs of all the others: see `uploads.ts`. */
export interface UploadDesk {
  /** The newest upload of this identity, user and key that is not active. Rejects with `DyncError`. */
  find(owner: UploadOwner): Promise<UploadRecord | null>;
  /** How many uploads of the same user other servers work on, beside that of `record`. Rejects with `DyncError`. */
  heldElsewhere(owner: UploadOwner, record: UploadRecord | null): Promise<number>;
  /** Gives `upload` a place and a session, for a new upload or the one of `record`; or says why not. */
  open(upload: Upload, name: string, record: UploadRecord | null, needsPlace: boolean): Session | Refusal;
  /** Resolves when `holders` of the name of `upload` do not hold it any more, or others do; rejects with why it cannot be had. */
  makeWay(upload: Upload, post: PostFile, holders: readonly UploadRecord[]): Promise<void>;
  /** Publishes a complete upload in the background; returns why that failed a moment ago, where `question` waits for that. */
  publish(record: UploadRecord, question: Question): Refusal | null;
  /** What `post`, which only asks, would be refused with; soon after `signal` aborts, the reason of that. Never rejects. */
  inquire(upload: Upload, post: PostFile, signal: AbortSignal): Promise<Refusal>;
  /** It takes no more chunks: its place is free. */
  leavePlace(session: Session): void;
  /** Its handles are closed: its id and name are free. */
  close(session: Session): void;
  /** Nothing is under way. */
  forget(upload: Upload): void;
  /** Work that a server which stops waits for. */
  track(task: Promise<void>): void;
}

export interface UploadParts extends ReceiptParts {
  readonly clock: Clock;
  readonly options: ProcessSettings;
  /** See `BudgetParts`. */
  readonly machineBytes?: number | undefined;
  /** Name and version of the server program, told to clients. */
  readonly program: string;
  readonly send: (peer: string, message: ServerMessage) => SendResult;
}

export class Upload {
  readonly owner: UploadOwner;
  readonly #parts: UploadParts;
  readonly #desk: UploadDesk;
  readonly #life: UploadLife;
  readonly #driver: MachineDriver<LifeInput, LifeAction>;
  #session: Session | null = null;
  /** What was found in the catalogue. */
  #record: UploadRecord | null = null;
  #heldElsewhere = 0;
  /**
   * The message that is dealt with just now, for as long as one call takes: the machine says which chunk is written, and need
   * not carry the memory of a message through, nor say of each that it drops that it was.
   */
  #received: Pick<Received, "release"> | null = null;
  #closing: Promise<void> | null = null;
  /** Ends what is done to answer a question. */
  #inquiry: AbortController | null = null;
  /** The priority that its client asked for last, and the one that it has. */
  #asked: Priority | null = null;
  #priority: Priority | null = null;
  /** Its client wants to be told why it waits. */
  #tellsWaits = false;

  constructor(owner: UploadOwner, parts: UploadParts, desk: UploadDesk) {
    this.owner = owner;
    this.#parts = parts;
    this.#desk = desk;
    const { chunkBytes, windowChunks: maxQueue, idleMs } = parts.options;
    const longQueue = longQueueOf(parts);
    this.#life = new UploadLife({ chunkBytes, maxQueue, longQueue, idleMs, server: parts.program });
    this.#driver = new MachineDriver({
      machine: this.#life,
      clock: parts.clock,
      perform: (action) => this.#perform(action),
      tick: { type: "tick" },
    });
  }

  /** While it has handles open. */
  get session(): Session | null {
    return this.#session;
  }

  /** Resolves when its handles are closed, where they are being closed. */
  get closing(): Promise<void> | null {
    return this.#closing;
  }

  /** How many uploads of its user other servers worked on when it was looked up. */
  get heldElsewhere(): number {
    return this.#heldElsewhere;
  }

  get canWait(): boolean {
    return this.#life.canWait;
  }

  /** Takes a message of its client; `received` is released here, now or when its chunk is written. */
  receive(message: ClientMessageOf<Bytes>, received: Pick<Received, "release">): void {
    assert(this.#received === null, "messages come one after the other, and from outside");
    this.#received = received;
    this.#heed(wishesIn(message));
    try {
      this.#driver.feed({ type: "message", message });
    } finally {
      this.#received?.release();
      this.#received = null;
    }
  }

  // Also of one that goes on: who asks again may want something else by now. A question without an info says nothing of it.
  #heed(wishes: QueryStatus["info"]): void {
    if (wishes === undefined) return;
    const { priority, waits } = wishes;
    this.#tellsWaits = waits === true;
    if (priority === undefined && this.#asked === null) return;
    this.#asked = priority ?? null;
    this.#prioritise();
  }

  #prioritise(): void {
    if (this.#session === null || (this.#asked === null && this.#priority === null)) return;
    this.#priority = this.#session.prioritise(this.#asked ?? "normal");
  }

  /** Takes what became of something that was done for it. */
  feed(input: ServerInput): void {
    this.#driver.feed(input);
  }

  /** Frames came that are no message. */
  receiveMalformed(text: string): void {
    this.#driver.feed({ type: "malformed", text });
  }

  /** It may send `amount` more chunks. */
  grant(amount: number): void {
    this.#driver.feed({ type: "granted", amount });
  }

  /** Its client lets its credit lie while others wait. */
  reclaim(): void {
    this.#driver.feed({ type: "reclaim" });
  }

  stop(code: number, text: string, keep: boolean): void {
    this.#inquiry?.abort(new DyncError(errorCodeFromWire(code), text));
    this.#driver.feed({ type: "stop", code, text, keep });
  }

  #perform(action: LifeAction): void {
    switch (action.type) {
      case "send":
        return this.#send(action.message);
      case "write": {
        const received = this.#received;
        this.#received = null;
        return this.#session?.write(action.offset, action.data, received);
      }
      case "credit":
        return this.#session?.hearCredit(action.report);
      case "look-up":
        return this.#desk.track(this.#lookUp());
      case "admit":
        return this.#admit(action.post);
      case "restore":
        return this.#restore(action.needsPlace);
      case "publish":
        return this.#publish(action.question);
      case "inquire":
        return this.#desk.track(this.#inquire(action.post));
      case "finish":
        return void this.#session?.finish(action);
      case "done":
        return this.#close(action);
      case "over":
        this.#driver.stop();
        return this.#desk.forget(this);
    }
  }

  #send(message: ServerMessage): void {
    const said = this.#tellsWaits ? withWait(message, () => this.#session?.wait ?? null) : message;
    const result = this.#parts.send(this.owner.identity, this.#withPriority(said));
    if (result === "unreachable") this.#driver.feed({ type: "unreachable" });
  }

  #withPriority(message: ServerMessage): ServerMessage {
    if (message.type !== "upload-approved" || this.#asked === null || this.#priority === null) return message;
    return { ...message, info: { ...message.info, priority: this.#priority } };
  }

  async #lookUp(): Promise<void> {
    try {
      this.#record = await this.#desk.find(this.owner);
      this.#heldElsewhere = await this.#desk.heldElsewhere(this.owner, this.#record);
    } catch (error) {
      const { user } = this.owner;
      this.#parts.logger.log("error", "A message was not handled", { user, reason: messageOf(error) });
      return this.#driver.feed({ type: "refused", ...refusalOf(error) });
    }
    const record = this.#record === null ? null : recorded(this.#record, this.#parts);
    this.#driver.feed({ type: "found", record });
  }

  async #inquire(post: PostFile): Promise<void> {
    const inquiry = new AbortController();
    this.#inquiry = inquiry;
    const refusal = await this.#desk.inquire(this, post, inquiry.signal);
    this.#inquiry = null;
    this.#refuse(refusal);
  }

  #admit(post: PostFile): void {
    const session = this.#desk.open(this, storedName(post), null, true);
    if ("code" in session) return this.#refuse(session);
    this.#session = session;
    this.#prioritise();
    this.#desk.track(
      session
        .admit(post, (holders) => this.#desk.makeWay(this, post, holders))
        .then((input) => this.#driver.feed(input)),
    );
  }

  #restore(needsPlace: boolean): void {
    const record = this.#record as UploadRecord;
    const session = this.#desk.open(this, record.name, record, needsPlace);
    if ("code" in session) return this.#refuse(session);
    this.#session = session;
    this.#prioritise();
    this.#desk.track(this.#takeUp(session, !needsPlace));
  }

  async #takeUp(session: Session, givesUp: boolean): Promise<void> {
    try {
      const restored = await session.restore(givesUp);
      if (restored.type === "restored") return this.#driver.feed(restored);
      this.#leave(session);
      this.#refuse(restored);
    } catch (error) {
      const { user } = this.owner;
      this.#parts.logger.log("error", "The upload was not taken up", { user, ...troubleOf(error) });
      this.#leave(session);
      this.#refuse(refusalOf(error));
    }
  }

  #leave(session: Session): void {
    session.leave();
    this.#session = null;
    this.#desk.leavePlace(session);
    this.#desk.close(session);
  }

  #publish(question: Question): void {
    const refusal = this.#desk.publish(this.#record as UploadRecord, question);
    if (refusal === null) this.#driver.feed({ type: "publishing" });
    else this.#refuse(refusal);
  }

  #refuse({ code, text, info }: Refusal): void {
    this.#driver.feed({ type: "refused", code, text, ...(info === undefined ? {} : { info }) });
  }

  // Until the bytes are put away, messages of this upload wait; then they are answered from the catalogue.
  #close(done: Extract<LifeAction, { type: "done" }>): void {
    const session = this.#session;
    // It was refused before it had one.
    if (session === null) return this.#driver.feed({ type: "put-away" });
    this.#desk.leavePlace(session);
    this.#closing = session.close(done).then(() => {
      this.#session = null;
      this.#closing = null;
      this.#desk.close(session);
      this.#driver.feed({ type: "put-away" });
    });
    this.#desk.track(this.#closing);
  }
}

/** What a message says of how its upload is to be treated; `undefined`: nothing. */
function wishesIn(message: ClientMessageOf<Bytes>): QueryStatus["info"] {
  if (message.type === "query-status") return message.info;
  return message.type === "post-file" && message.info.ask !== true ? message.info : undefined;
}

function recorded(record: UploadRecord, parts: ReceiptParts): RecordedUpload {
  return {
    ...record,
    receipt: () => receiptOf(recordedFacts(record), parts),
    isSame: (post) => isNamed(post, record) && jsonDigest(post.metadataText) === record.metadataDigest,
  };
}

function isNamed(post: PostFile, record: UploadRecord): boolean {
  return storedName(post) === record.name && (post.info.unpack !== undefined) === isAskedToUnpack(record);
}
