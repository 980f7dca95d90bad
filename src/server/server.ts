// The server: takes messages from the link, finds out whose they are and which upload they belong to, and hands
// them to its session.

import type { CancelTimer } from "../base/clock.ts";
import { shownDeadline } from "../base/deadline.ts";
import { DyncError, errorMeanings, messageOf } from "../base/error.ts";
import { type Bytes, nearBytes } from "../base/memory/far-bytes.ts";
import { timed } from "../base/stages.ts";
import type { Delivery } from "../catalogue/outbox.ts";
import type { News, Servers, SharedPendingKeys } from "../catalogue/servers.ts";
import { daysText } from "../config/duration.ts";
import { fingerprintOf, type KeyPair, PublicKey } from "../keys/key.ts";
import { frameBytesMax, limits } from "../protocol/limits.ts";
import { CreditOffice } from "../protocol/server/credit-office.ts";
import type { WaitCause } from "../protocol/wait.ts";
import { type DecodeFailure, decodeClientMessage } from "../protocol/wire/decode.ts";
import { encodeServerMessage } from "../protocol/wire/encode.ts";
import type { ClientMessageOf, ErrorMessage, ServerMessage } from "../protocol/wire/message.ts";
import type { ReceivedFromPeer, SendResult, ServerLink, ServerTransport } from "../transport/transport.ts";
import { AfterHooks, type HookParts } from "./after-hooks.ts";
import { Amendments } from "./amend.ts";
import { BeforeHooks } from "./before-hooks.ts";
import { budgetOf, longQueueOf } from "./budget.ts";
import { CreditTurns } from "./credit-turns.ts";
import { Housekeeping } from "./housekeeping.ts";
import { type PendingKey, PendingKeys } from "./pending-keys.ts";
import { PendingSharing } from "./pending-sharing.ts";
import { Room } from "./room.ts";
import type { RunningUpload } from "./session.ts";
import { Fellows } from "./take-over.ts";
import { Turn } from "./turn.ts";
import { type Upload, type UploadOwner, voiceOf } from "./upload.ts";
import { UploadEnds } from "./upload-ends.ts";
import { UploadRecords } from "./upload-records.ts";
import { Uploads, type UploadsParts } from "./uploads.ts";
import { Verification } from "./verification.ts";

export interface ServerParts
  extends Omit<
    UploadsParts,
    "office" | "room" | "send" | "onCreditChanged" | "afterHooks" | "beforeHooks" | "fellows"
  > {
  readonly transport: ServerTransport;
  readonly keys: KeyPair;
  /** None unless given. */
  readonly hooks?: HookParts;
  /** Whether somebody may send what is more urgent than usual; nobody unless given. */
  readonly mayHurry?: () => boolean;
  /** Those that share the catalogue; nobody unless given. */
  readonly servers?: Servers;
  /** Keys that these refused as well; they are this server's own, and forgotten with its process, unless given. */
  readonly pendingKeys?: SharedPendingKeys;
  /** Called when key files of other servers changed. */
  readonly onKeysElsewhere?: () => void;
  /** The same of their settings. */
  readonly onSettingsElsewhere?: () => void;
  /** Called when it listens, before that is said and any message is heard. */
  readonly onListening?: () => void;
}

const forbidden = errorMeanings.forbidden.wire;
const notReady = errorMeanings["not-ready"].wire;

const housekeepingMs = 60_000;
const flushMs = 1_000;

export class Server {
  readonly #parts: ServerParts;
  readonly #office: CreditOffice;
  readonly #credit: CreditTurns;
  readonly #uploads: Uploads;
  readonly #housekeeping: Housekeeping;
  readonly #pending = new PendingKeys();
  readonly #pendingSharing: PendingSharing | null;
  readonly #afterHooks: AfterHooks | undefined;
  readonly #fellows: Fellows | undefined;
  /** When each user was heard last, by the calendar: ms since 1970. There are no more users than keys. */
  readonly #heardAt = new Map<string, number>();
  readonly #timers = new Map<string, CancelTimer>();
  readonly #turn = new Turn(queueMicrotask);
  #link: ServerLink | null = null;
  #stopping = false;
  #fail: (error: Error) => void = () => {};
  /** What is known of uploads. */
  readonly records: UploadRecords;
  /** Ends uploads before their time. */
  readonly ends: UploadEnds;
  /** Gives uploads other metadata. */
  readonly amendments: Amendments;
  /** Reads stored files again. */
  readonly verification: Verification;
  /** Rejects when the server cannot go on. */
  readonly failed: Promise<never>;

  constructor(parts: ServerParts) {
    const { options } = parts;
    this.#parts = parts;
    const { chunkBytes: chunkCost } = options;
    const capacity = Math.max(chunkCost, budgetOf(parts));
    const office = new CreditOffice({ capacity, chunkCost, mayHurry: parts.mayHurry });
    this.#office = office;
    const { servers, pendingKeys: shared } = parts;
    const isShared = servers !== undefined && shared !== undefined;
    this.#pendingSharing = isShared
      ? new PendingSharing({ ...parts, known: this.#pending, shared, servers })
      : null;
    const fellows = servers && new Fellows(servers);
    this.#fellows = fellows;
    this.#afterHooks = parts.hooks && new AfterHooks({ ...parts, ...parts.hooks, fellows });
    this.#uploads = new Uploads({
      ...parts,
      fellows,
      afterHooks: this.#afterHooks,
      beforeHooks: parts.hooks && new BeforeHooks({ ...parts, ...parts.hooks }),
      office,
      room: new Room(parts.storage),
      send: (peer, message) => this.#send(peer, message),
      onCreditChanged: () => this.#credit.changed(),
    });
    const progressOf = (id: string) => this.#uploads.byId(id)?.session?.progress ?? null;
    // Without any hooks there is none that could be told.
    const deliveryStateOf = (it: Delivery) => this.#afterHooks?.stateOf(it) ?? "stuck";
    this.records = new UploadRecords({ ...parts, progressOf, deliveryStateOf });
    const activeOf = (id: string) => this.#uploads.byId(id);
    this.ends = new UploadEnds({ ...parts, records: this.records, activeOf });
    this.amendments = new Amendments({
      ...parts,
      records: this.records,
      isActive: this.#uploads.isActive,
      closed: async (id) => {
        await this.#uploads.byId(id)?.closing;
      },
      publish: (id) => this.#uploads.publishNow(id),
    });
    this.verification = new Verification({ ...parts, records: this.records });
    this.#credit = new CreditTurns({
      office,
      clock: parts.clock,
      byId: (id) => this.#uploads.byId(id),
      soon: queueMicrotask,
    });
    this.#housekeeping = new Housekeeping(parts, this.#uploads.isActive);
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    this.failed.catch(() => {});
  }

  /** Uploads that have a place just now. */
  get openUploads(): number {
    return this.#uploads.placesTaken;
  }

  /** Uploads that are open, in the order in which they began or came back; at most `limit`. */
  running(limit: number): readonly RunningUpload[] {
    return this.#uploads.running(limit);
  }

  /** How many open uploads each user has; who has none is not there. */
  runningByUser(): ReadonlyMap<string, number> {
    return this.#uploads.runningByUser();
  }

  /** Bytes that are stored of the upload `id`, if it has a client now; else `null`. */
  bytesOf(id: string): number | null {
    return this.#uploads.byId(id)?.session?.progress.bytes ?? null;
  }

  /** When a client of `user` was heard last, since the server started; else `null`. */
  heardOf(user: string): Date | null {
    const at = this.#heardAt.get(user);
    return at === undefined ? null : new Date(at);
  }

  /** How many uploads wait for each cause. */
  waits(): ReadonlyMap<WaitCause, number> {
    return this.#uploads.waits();
  }

  /** The memory for what uploads have under way: bytes in all, and those that are granted or not stored yet. */
  get credit(): { readonly budgetBytes: number; readonly heldBytes: number } {
    const { capacity: budgetBytes, held: heldBytes } = this.#office;
    return { budgetBytes, heldBytes };
  }

  /** Whether it listens and takes uploads. */
  get isServing(): boolean {
    return this.#link !== null && !this.#stopping;
  }

  /** Keys that were refused lately and are not authorised yet, the latest first. */
  get pendingKeys(): readonly PendingKey[] {
    return this.#pending.list(this.#isKnown);
  }

  readonly #isKnown = (key: string): boolean => {
    const { clients } = this.#parts;
    return clients.userOf(key) !== null || clients.expiryOf(key) !== null;
  };

  /** Keeps a key that was refused out of that list from now on. Returns whether it was there. */
  dismissKey(fingerprint: string): boolean {
    return (this.#pendingSharing ?? this.#pending).dismiss(fingerprint);
  }

  /** Whether `key`, the text of a public key, was refused lately, and was not known to be let in since. */
  wasRefused(key: string): boolean {
    return this.#pending.has(key);
  }

  /** Where it listens; `null` before it does. */
  get port(): number | null {
    return this.#link?.port ?? null;
  }

  /** Takes up what an earlier process left, then listens. Returns the port. Throws `DyncError` ("configuration"). */
  async start(): Promise<number> {
    await this.#uploads.recover();
    const { options, transport, keys, logger, storage } = this.#parts;
    const { chunkBytes, windowChunks, address, port } = options;
    checkWindow(chunkBytes * windowChunks, storage.properties.partBytes);
    this.#link = transport.listen(
      {
        address,
        port,
        keys,
        frameBytesMax: frameBytesMax(chunkBytes),
        messagesMax: longQueueOf(this.#parts) + limits.otherMessagesMax,
        authorize: (key, from) => this.#authorize(key, from),
      },
      { onMessage: (received) => this.#receive(received), onFailure: (error) => this.#fail(error) },
    );
    this.#parts.onListening?.();
    this.#parts.servers?.observe((news) => this.#hear(news));
    await this.#pendingSharing?.begin();
    logger.log("info", "Listening", { address, port: this.#link.port, key: keys.publicKey.fingerprint });
    this.#keepHouse();
    this.#afterHooks?.changed();
    return this.#link.port;
  }

  /** Whether this server does what one does for all that share the catalogue. */
  get leads(): boolean {
    return this.#fellows?.leads ?? true;
  }

  /** What another server told; `null`: this one begins to lead. */
  #hear(news: News | null): void {
    if (this.#stopping) return;
    switch (news?.kind) {
      case "keys":
        return void this.#parts.onKeysElsewhere?.();
      case "settings":
        return void this.#parts.onSettingsElsewhere?.();
      case "pending-keys":
        return this.#pendingSharing?.changed();
      case "key-refused":
        return news.isKept ? undefined : this.#noteElsewhere(news.key, news.address);
      case "key-dismissed":
        return news.isKept ? undefined : this.#pendingSharing?.dismissElsewhere(news.fingerprint);
      case "let-go":
        return this.#uploads.track(this.#letGo(news.id, news.isClientHere));
      case "put-away":
        return this.#fellows?.putAway(news.id);
      case "outbox":
        return this.leads ? this.#afterHooks?.changed() : undefined;
      case "servers":
        return this.leads ? this.#uploads.track(this.#recover()) : undefined;
      case undefined:
        this.#afterHooks?.changed();
        return this.#uploads.track(this.#recover());
    }
  }

  /** A server of the version before refused it. */
  #noteElsewhere(text: string, address: string): void {
    const key = PublicKey.parse(text);
    if (key !== null && !this.#isKnown(text)) this.#pendingSharing?.noteElsewhere(key, address);
  }

  /** Never rejects. */
  async #letGo(id: string, isClientThere: boolean): Promise<void> {
    try {
      if (await this.#uploads.letGo(id, isClientThere)) this.#fellows?.tell({ kind: "put-away", id });
    } catch (error) {
      const reason = messageOf(error);
      this.#parts.logger.log("warn", "An upload was not handed to another server", { upload: id, reason });
    }
  }

  /** Never rejects. */
  async #recover(): Promise<void> {
    try {
      await this.#uploads.recover();
    } catch (error) {
      const reason = messageOf(error);
      this.#parts.logger.log("error", "What other servers left cannot be looked up", { reason });
    }
  }

  /** Looks again who may send: uploads of keys that expired, or were removed and did not come back, end now. */
  clientsChanged(): void {
    const letIn = this.#pending.forgetAuthorised(this.#isKnown);
    this.#pendingSharing?.letIn(letIn);
    for (const upload of this.#uploads.all()) {
      if (this.#parts.clients.mayGoOn(upload.owner.origin, upload.owner.user)) continue;
      upload.stop(forbidden, this.#whyNotAuthorised(upload.owner.origin, " any more"), true);
    }
  }

  /** Hooks that are told of what was stored; `undefined`: this server has none. */
  get afterHooks(): AfterHooks | undefined {
    return this.#afterHooks;
  }

  /** Other hooks are configured. */
  hooksChanged(): void {
    this.#afterHooks?.changed();
  }

  /**
   * Takes nothing any more, for good, and lets go of all that is under way: clients keep their uploads, and come again, to another server
   * where there is one. What is to be told to hooks is told, unless another server does. Returns how many uploads that were.
   */
  async drain(): Promise<number> {
    const uploads = this.#uploads.placesTaken;
    await this.#letAllGo("The server takes no more uploads");
    this.#link?.close(flushMs);
    this.#link = null;
    await this.#pendingSharing?.flush();
    await this.#parts.servers?.leave();
    return uploads;
  }

  async #letAllGo(why: string): Promise<void> {
    this.#stopping = true;
    for (const cancel of this.#timers.values()) cancel();
    this.#credit.stop();
    const text = `${why}, what arrived is kept for ${daysText(this.#parts.options.expireMs)}`;
    for (const upload of this.#uploads.all()) upload.stop(notReady, text, true);
    this.#parts.storage.stopWaiting?.();
    await Promise.all([this.#uploads.settled(), this.#housekeeping.stop()]);
  }

  /** Ends cleanly: clients are told to come back later and keep their uploads. */
  async stop(): Promise<void> {
    await this.#letAllGo("The server is going down");
    await this.#afterHooks?.stop();
    this.#link?.close(flushMs);
    await this.#pendingSharing?.end();
  }

  #authorize(key: PublicKey, address: string): string | null {
    const { clients, logger, audit } = this.#parts;
    if (clients.userOf(key.text) !== null) return key.text;
    // Its client tries again, and learns then whether the key is back.
    if (clients.isLeaving(key.text)) throw new DyncError("not-ready", "The key was removed a moment ago");
    const expiry = clients.expiryOf(key.text);
    // Who it is is known: nobody has to approve it.
    if (expiry === null) this.#notePending(key, address);
    const fields = expiry === null ? {} : { reason: `expired on ${shownDeadline(expiry)}` };
    logger.log("warn", "Key refused", { key: key.fingerprint, address, ...fields });
    audit?.record({ event: "key-refused", key: key.fingerprint, address, ...fields });
    return null;
  }

  #notePending(key: PublicKey, address: string): void {
    if (this.#pendingSharing !== null) this.#pendingSharing.note(key, address);
    else this.#pending.note(key, address, this.#parts.clock.date());
  }

  /** `since` ends the sentence where the key is simply not known. */
  #whyNotAuthorised(origin: string, since = ""): string {
    const expiry = this.#parts.clients.expiryOf(origin);
    if (expiry === null) return `This key is not authorised on the server${since}`;
    return `This key expired on ${shownDeadline(expiry)}: ask the administrator of the server to renew it`;
  }

  #receive(received: ReceivedFromPeer): void {
    timed("handle", () => this.#guarded(received, () => this.#dispatch(received)));
  }

  #guarded(received: ReceivedFromPeer, act: () => void): void {
    try {
      act();
    } catch (error) {
      // One upload's trouble must not take the others with it.
      this.#parts.logger.log("error", "A message was not handled", {
        key: fingerprintOf(received.origin),
        reason: messageOf(error),
      });
      if (!(error instanceof DyncError)) throw error;
    }
  }

  #dispatch(received: ReceivedFromPeer): void {
    const { origin, peer: identity } = received;
    const voice = voiceOf(origin, identity);
    const upload = this.#uploads.get(voice);
    const user = this.#userOf(origin, upload);
    if (user !== null) this.#heardAt.set(user, this.#parts.clock.date().getTime());
    // Large metadata takes a millisecond to read. Only of the very same message the answer is the same: another one
    // may be damaged, and counts.
    if (this.#turn.isAsked(voice, received.frames)) return received.release();
    const decoded = timed("decode", () => decodeClientMessage(received.frames));
    if (user === null || this.#stopping || !decoded.ok) {
      received.release();
      if (user === null) this.#refuseKey(origin, identity);
      else if (this.#stopping) this.#sendError(identity, notReady, "The server is going down");
      else if (!decoded.ok) this.#receiveMalformed({ voice, origin, identity, user }, decoded);
      return;
    }
    this.#hand({ voice, user, origin, identity }, received, decoded.message);
  }

  // A question is answered once in a turn, and never after what came behind it: its answer would take the client back.
  #hand(owner: UploadOwner, received: ReceivedFromPeer, message: ClientMessageOf<Bytes>): void {
    const { origin, peer } = received;
    const isRepeatedPost = message.type === "post-file" && this.#uploads.get(owner.voice) !== null;
    if (message.type === "query-status" || isRepeatedPost) {
      const frames = received.frames.map((frame) => new Uint8Array(nearBytes(frame)));
      received.release();
      const asked = { origin, peer, frames: [], release() {} };
      const answer = () => this.#guarded(asked, () => this.#uploads.obtain(owner).receive(message, asked));
      return this.#turn.ask(owner.voice, answer, frames);
    }
    this.#turn.before(owner.voice);
    this.#uploads.obtain(owner).receive(message, received);
  }

  /** As whom a message of this key is taken, or `null`: not at all. */
  #userOf(origin: string, upload: Upload | null): string | null {
    const { clients } = this.#parts;
    if (upload === null) return clients.userOf(origin);
    // It goes on as it began, also when its key was removed a moment ago or is another user's now.
    return clients.mayGoOn(origin, upload.owner.user) ? upload.owner.user : null;
  }

  #refuseKey(origin: string, peer: string): void {
    if (this.#parts.clients.isLeaving(origin))
      this.#sendError(peer, notReady, "This key was removed from the server a moment ago");
    else this.#sendError(peer, forbidden, this.#whyNotAuthorised(origin));
  }

  #receiveMalformed(owner: UploadOwner, { code, text }: DecodeFailure): void {
    const { voice, user, origin, identity } = owner;
    const upload = this.#uploads.get(voice);
    this.#turn.before(voice);
    if (upload === null && this.#turn.isRepeated(voice, "malformed")) return;
    const key = fingerprintOf(origin);
    this.#parts.logger.log("warn", "Malformed message", { user, key, code, reason: text });
    if (upload !== null) upload.receiveMalformed(text);
    else this.#sendError(identity, code, text);
  }

  #send(peer: string, message: ServerMessage): SendResult {
    return this.#link?.send(peer, encodeServerMessage(message)) ?? "unreachable";
  }

  #sendError(peer: string, code: number, text: string): void {
    const message: ErrorMessage = { type: "error", code, text };
    this.#send(peer, message);
  }

  #keepHouse(): void {
    this.#uploads.tellProgress();
    (this.leads ? this.#housekeeping.run() : Promise.resolve())
      .catch((error) => {
        this.#parts.logger.log("error", "Housekeeping failed", { reason: messageOf(error) });
      })
      .then(() => {
        if (this.#stopping) return;
        const cancel = this.#parts.clock.after(housekeepingMs, () => this.#keepHouse());
        this.#timers.set("housekeeping", cancel);
      });
  }
}

// What a client may send is given anew when something of it is stored: a window below that would be waited for, for ever.
function checkWindow(windowBytes: number, partBytes: number): void {
  if (windowBytes >= partBytes) return;
  const text = `A window has ${windowBytes} bytes, and this storage takes parts of ${partBytes}`;
  throw new DyncError("configuration", text, { hint: "give uploads larger chunks, or more of them at once" });
}
