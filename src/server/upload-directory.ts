// All uploads of the server: those with a session, and those that only the catalogue knows. Finds or makes the
// session for a message, and answers for uploads that have none.

import { errorMeanings, messageOf } from "../base/error.ts";
import { jsonDigest } from "../base/json-digest.ts";
import type { UploadRecord } from "../catalogue/catalogue.ts";
import { judge, type Refusal } from "../config/judge.ts";
import {
  type ClientMessage,
  clientComesBack,
  type ErrorMessage,
  type PostFile,
} from "../protocol/message.ts";
import type { ReceivedFromPeer } from "../transport/transport.ts";
import { busyText, clashingNames } from "../upload/names.ts";
import { refusalOf, roomFor, troubleOf } from "./admission.ts";
import type { ClientDirectory } from "./client-directory.ts";
import { OpenNames } from "./open-names.ts";
import {
  finishPublishing,
  giveUp,
  metadataLost,
  metadataOf,
  type RecoveryParts,
  trustedLength,
} from "./recovery.ts";
import { Session, type SessionParts } from "./session.ts";
import { UploadPlaces } from "./upload-places.ts";

export interface UploadDirectoryParts extends Omit<SessionParts, "onEnded" | "isActive">, RecoveryParts {
  readonly clients: ClientDirectory;
  /** 16 random bytes as lower-case hex. */
  readonly newId: () => string;
}

interface Waiting {
  readonly message: ClientMessage;
  readonly received: ReceivedFromPeer;
}

/** What a client said, or `null`: nobody asked. */
type Question = ClientMessage["type"] | null;

interface NotPublished {
  readonly refusal: Refusal;
  /** The latest question that was answered with 503 during the attempt. */
  readonly asked: Question;
  /** Monotonic ms. */
  readonly at: number;
}

// Whoever was told to come later is back by then: a client's pauses are half a minute at most. For anybody else the
// disk may have room by now.
const notPublishedMs = 60_000;

// A client that is answered has no reason to send more than its window before it hears; this bounds the others.
const waitingMax = 64;
const pageRecords = 100;

const tooMany = errorMeanings["too-many-uploads"].wire;

export class UploadDirectory {
  readonly #parts: UploadDirectoryParts;
  readonly #sessions = new Map<string, Session>();
  readonly #byId = new Map<string, Session>();
  readonly #names = new OpenNames();
  /** Messages for uploads that are being looked up, made or put away, by session key. */
  readonly #waiting = new Map<string, Waiting[]>();
  /** Work that `settled` waits for. */
  readonly #tasks = new Set<Promise<void>>();
  /** Uploads that are being put away, by id. */
  readonly #endings = new Map<string, Promise<void>>();
  /** Uploads that are published without a session, each with the latest question after it. */
  readonly #publishing = new Map<string, Question>();
  /** Why the latest attempt to publish an upload failed, until its client hears it. */
  readonly #notPublished = new Map<string, NotPublished>();
  /** Uploads whose client is there and whose session is being made. */
  readonly #arriving = new Set<string>();
  readonly #places: UploadPlaces;

  constructor(parts: UploadDirectoryParts) {
    this.#parts = parts;
    this.#places = new UploadPlaces(parts.options.uploadsMax, (user) => parts.rulesOf(user).uploadsPerUser);
  }

  /** The upload that the key `origin` began under this identity. */
  find(origin: string, identity: string): Session | null {
    return this.#sessions.get(keyOf(origin, identity)) ?? null;
  }

  byId(id: string): Session | null {
    return this.#byId.get(id) ?? null;
  }

  active(): readonly Session[] {
    return [...this.#sessions.values()];
  }

  isActive = (id: string): boolean =>
    this.#byId.has(id) || this.#publishing.has(id) || this.#arriving.has(id);

  /** Before the first message: what an earlier process left. Hashing goes on in the background. */
  async recover(): Promise<void> {
    const { catalogue } = this.#parts;
    for (let last: UploadRecord | null = null; ; ) {
      const page = catalogue.unchanged("publishing", null, last, pageRecords);
      for (const { id } of page) this.#publishing.set(id, null);
      last = page.at(-1) ?? null;
      if (last === null) break;
    }
    if (this.#publishing.size > 0) this.#track(this.#finishPublishing([...this.#publishing.keys()]));
  }

  async #finishPublishing(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      try {
        const record = this.#parts.catalogue.get(id);
        if (record !== null) await finishPublishing(record, this.#parts);
      } catch (error) {
        this.#parts.logger.log("error", "Publishing failed", { upload: id, ...troubleOf(error) });
        const asked = this.#publishing.get(id) ?? null;
        this.#notPublished.set(id, { refusal: refusalOf(error), asked, at: this.#parts.clock.now() });
      }
      this.#publishing.delete(id);
    }
  }

  /** A message that belongs to no session: takes it over, with its memory. */
  receiveUnknown(user: string, received: ReceivedFromPeer, message: ClientMessage): void {
    const key = keyOf(received.origin, received.peer);
    const waiting = this.#waiting.get(key);
    if (waiting !== undefined) {
      // Nobody has credit yet: a chunk that is dropped will be asked for, one that is kept is memory that nobody counts.
      const isKept = message.type !== "post-chunk" && waiting.length < waitingMax;
      if (isKept) waiting.push({ message, received });
      else received.release();
      return;
    }
    let record: UploadRecord | null;
    try {
      record = this.#findRecord(user, received);
    } catch (error) {
      return this.#refuse(user, received, error);
    }
    // Where the stored bytes are gone, its client was told 404, and may begin anew.
    const isNew = record === null || (record.state === "failed" && record.errorCode === 404);
    if (record !== null && !(isNew && message.type === "post-file"))
      return this.#receiveRecorded(record, { message, received });
    if (message.type === "post-file") return this.#open(user, message, { message, received });
    received.release();
    // Also to an error, whose client wants to know that it was heard. Not the same again: under this identity another user's
    // client may be there by now, which asks once more after a 404.
    this.#sendError(received.peer, 404, "No such upload");
  }

  #findRecord(user: string, { peer, origin }: ReceivedFromPeer): UploadRecord | null {
    const record = this.#parts.catalogue.find(peer, user, origin);
    // One whose key is not known is open to all keys of its user, but only to one at a time.
    return record !== null && (this.#byId.has(record.id) || this.#arriving.has(record.id)) ? null : record;
  }

  #refuse(user: string, received: ReceivedFromPeer, error: unknown): void {
    received.release();
    this.#parts.logger.log("error", "A message was not handled", { user, reason: messageOf(error) });
    const { code, text } = refusalOf(error);
    this.#sendError(received.peer, code, text);
  }

  #receiveRecorded(record: UploadRecord, waiting: Waiting): void {
    const { message, received } = waiting;
    if (message.type === "error" && message.code === clientComesBack && record.state === "open") {
      // As suspended as it can be.
      received.release();
      return this.#sendError(record.identity, message.code, message.text);
    }
    if (record.state === "open" || record.state === "publishing") return this.#restoreLater(record, waiting);
    received.release();
    const isLastChunk = message.type === "post-chunk" && message.checksum !== null;
    if (message.type === "post-chunk" && !isLastChunk) return;
    if (record.state === "failed") {
      return this.#sendError(record.identity, record.errorCode ?? 500, record.reason ?? "The upload failed");
    }
    if (message.type === "post-file" && !isSame(message, record)) {
      return this.#sendError(record.identity, 409, "This upload identity was used for another file");
    }
    this.#parts.send(record.identity, { type: "upload-finished", uploadId: record.id });
  }

  #open(user: string, post: PostFile, waiting: Waiting): void {
    const { peer, origin } = waiting.received;
    const { logger } = this.#parts;
    if (!this.#makePlace(user, post.name, waiting)) return;
    const id = this.#parts.newId();
    this.#hold(id, user, waiting, async () => {
      // An upload that will be refused must not replace an older one.
      const isAcceptable = judge(post, this.#parts.rulesOf(user)).type === "accepted";
      const refusal = isAcceptable ? await this.#claimName(user, origin, post, id) : null;
      if (refusal !== null) {
        const { code, text } = refusal;
        logger.log("warn", "Upload refused", { user, name: post.name, code, reason: text });
        this.#sendError(peer, code, text);
        return null;
      }
      return this.#makeSession(id, peer, user, origin);
    });
  }

  /** Makes room for one more upload of `user`, or answers for it. Returns whether there is room. */
  #makePlace(user: string, name: string, { received }: Waiting): boolean {
    const { options, rulesOf, logger } = this.#parts;
    const place = this.#places.find(user);
    if (place.type === "free") return true;
    if (place.type === "of-another" && this.#giveUpPlace(place.user)) return true;
    received.release();
    const reason =
      place.type === "user-full"
        ? `You have ${countText(rulesOf(user).uploadsPerUser)}, the most that one user may have: no more for now`
        : `The server has ${countText(options.uploadsMax)}, the most that it may have: no more for now`;
    logger.log("warn", "Upload refused", { user, name, code: tooMany, reason });
    this.#sendError(received.peer, tooMany, reason);
    return false;
  }

  /** The upload of `user` that sent nothing for the longest time waits, so that another user's can go on. */
  #giveUpPlace(user: string): boolean {
    const sessions = this.#places.of(user).map((id) => this.#byId.get(id));
    let idlest: Session | null = null;
    for (const session of sessions) {
      if (session === undefined || !session.canWait) continue;
      if (idlest === null || session.activeAt < idlest.activeAt) idlest = session;
    }
    const reason = "Other users need a place: this upload goes on later, what arrived is kept";
    idlest?.stop(tooMany, reason, true);
    return idlest !== null;
  }

  // The newest upload of a name wins over one of the same key whose client is gone, or that this client says it replaces;
  // never over another whose client is there. Returns why the name cannot be had, or `null`: it is claimed.
  async #claimName(user: string, origin: string, post: PostFile, id: string): Promise<Refusal | null> {
    const { catalogue } = this.#parts;
    const { name } = post;
    const replaced = new Set(post.info.replaces);
    // What has just ended holds nothing, or has become a file.
    for (const former of this.#names.holders(user, name)) await this.#endings.get(former);
    const recorded = catalogue.holdersOf(user, clashingNames(name));
    const holders = [...new Set([...this.#names.holders(user, name), ...recorded])];
    for (const it of holders) {
      const refusal = this.#publishFirst(it);
      if (refusal !== null) return refusal;
    }
    const holder = holders.find((it) => this.#isHeldFast(it, replaced));
    if (holder !== undefined) return this.#waitsFor(name, holder);
    const shown = JSON.stringify(name);
    if (holders.some((it) => !this.#mayReplace(it, user, origin))) {
      const text = `Another key of this user began an upload of ${shown}, which is not finished`;
      return { code: 409, text };
    }
    this.#names.claim(user, name, id);
    const reason = "Replaced by a newer upload of the same name";
    for (const holder of holders) {
      this.#byId.get(holder)?.stop(409, reason, true);
      await this.#endings.get(holder);
      const record = catalogue.get(holder);
      if (record !== null && record.state === "open") await giveUp(record, 409, reason, this.#parts);
      const refusal = this.#publishFirst(holder);
      if (refusal !== null) return refusal;
      if (this.#publishing.has(holder)) return this.#waitsFor(name, holder);
    }
    return null;
  }

  // It may be seen under its name and not be durable there: until it is, nobody may hear that this file is stored.
  #publishFirst(id: string): Refusal | null {
    if (this.#byId.has(id) || this.#parts.catalogue.get(id)?.state !== "publishing") return null;
    return this.#publishLater(id, "post-file");
  }

  /** It ends one day, and may fail: then the name is free. */
  #waitsFor(name: string, holder: string): Refusal {
    const other = this.#names.nameOf(holder) ?? this.#parts.catalogue.get(holder)?.name ?? name;
    return { code: 503, text: `${busyText(name, other)}; this one waits until it has ended` };
  }

  /** Only the key that began an upload may replace it; any key of its user, when that one is no longer this user's. */
  #mayReplace(id: string, user: string, origin: string): boolean {
    const began = this.#byId.get(id)?.origin ?? this.#parts.catalogue.get(id)?.origin ?? null;
    return began === null || began === origin || !this.#parts.clients.mayGoOn(began, user);
  }

  #isHeldFast(id: string, replaced: ReadonlySet<string>): boolean {
    if (this.#publishing.has(id) || this.#arriving.has(id)) return true;
    const identity = this.#byId.get(id)?.key.identity ?? this.#parkedIdentity(id);
    // Changes nothing for its client; what matters is whether there is one.
    const poke = { type: "transfer-credit", amount: 0 } as const;
    if (identity !== undefined && replaced.has(identity)) return false;
    return identity !== undefined && this.#parts.send(identity, poke) !== "unreachable";
  }

  /** Of an upload that gave up its place because its client was silent. */
  #parkedIdentity(id: string): string | undefined {
    const record = this.#parts.catalogue.get(id);
    if (record?.state !== "open" || record.origin === null) return undefined;
    return this.#parts.clients.mayGoOn(record.origin, record.user) ? record.identity : undefined;
  }

  #restoreLater(record: UploadRecord, waiting: Waiting): void {
    if (record.state === "publishing") {
      // It may have its final name already: no client may change it before that is settled.
      waiting.received.release();
      const refusal = this.#publishLater(record.id, waiting.message.type);
      if (refusal !== null) return this.#sendError(record.identity, refusal.code, refusal.text);
      return this.#sendError(record.identity, 503, "The stored bytes are being checked and published");
    }
    const { id, user } = record;
    const { origin } = waiting.received;
    // A client that gives its upload up needs no place for it.
    if (waiting.message.type !== "error" && !this.#makePlace(user, record.name, waiting)) return;
    this.#hold(id, user, withoutChunk(waiting), () => this.#restore(record, origin));
  }

  /** Publishes in the background what arrived whole. Returns why that failed a moment ago, where it is waited for. */
  #publishLater(id: string, question: Question): Refusal | null {
    const refusal = this.#whyNotPublished(id, question);
    if (refusal !== null) return refusal;
    const isNew = !this.#publishing.has(id);
    this.#publishing.set(id, question);
    if (isNew) this.#track(this.#finishPublishing([id]));
    return null;
  }

  // Told once, and only to who waits for it: who asks again after that, or asks something else (a question that was
  // under way when the upload ended, then a new process that posts its file), wants it tried again.
  #whyNotPublished(id: string, question: Question): Refusal | null {
    const last = this.#notPublished.get(id);
    if (last === undefined) return null;
    this.#notPublished.delete(id);
    const isLate = this.#parts.clock.now() - last.at > notPublishedMs;
    const isWaitedFor = last.asked === null || last.asked === question;
    return isWaitedFor && !isLate ? last.refusal : null;
  }

  async #restore(record: UploadRecord, origin: string): Promise<Session | null> {
    const { storage, room, bootId, catalogue, clock } = this.#parts;
    const metadata = metadataOf(record, this.#parts);
    if (metadata === null) {
      await giveUp(record, ...metadataLost, this.#parts);
      this.#sendError(record.identity, ...metadataLost);
      return null;
    }
    const partial = await storage.open(record.id);
    if (partial === null) {
      const text = "The stored bytes are gone";
      const updatedAt = clock.date().toISOString();
      catalogue.change(record.id, { state: "failed", errorCode: 404, reason: text, updatedAt });
      this.#sendError(record.identity, 404, text);
      return null;
    }
    try {
      const trusted = trustedLength(record, partial.length, bootId);
      if (trusted < partial.length) await partial.truncate(trusted);
      const missing = record.size === null ? null : Math.max(0, record.size - trusted);
      await room.reserve(record.id, record.user, roomFor(missing, metadata), trusted);
      const session = this.#makeSession(record.id, record.identity, record.user, origin);
      session.restore(record, metadata, partial, Math.min(record.durable, trusted));
      return session;
    } catch (error) {
      await partial.close();
      throw error;
    }
  }

  // Holds further messages of this upload back until `make` has made its session, then hands them over in order.
  #hold(id: string, user: string, first: Waiting, make: () => Promise<Session | null>): void {
    const { peer, origin } = first.received;
    const key = keyOf(origin, peer);
    const waiting = [first];
    this.#waiting.set(key, waiting);
    this.#arriving.add(id);
    this.#places.take(id, user);
    const task = make()
      .catch((error) => {
        this.#parts.logger.log("error", "The upload was not taken up", { user, ...troubleOf(error) });
        const { code, text } = refusalOf(error);
        this.#sendError(peer, code, text);
        return null;
      })
      .then((session) => {
        this.#waiting.delete(key);
        this.#arriving.delete(id);
        if (session === null) {
          this.#names.release(id);
          this.#places.free(id);
        }
        for (const { message, received } of waiting) {
          if (session === null) received.release();
          // What came behind the end is answered from the catalogue, like all that comes later.
          else if (session.ended) this.receiveUnknown(user, received, message);
          else session.receive(message, received);
        }
      });
    this.#track(task);
  }

  #makeSession(id: string, identity: string, user: string, origin: string): Session {
    const key = { id, identity, user };
    const session = new Session(key, origin, {
      ...this.#parts,
      isActive: this.isActive,
      onEnded: (ended, done) => this.#ended(ended, done),
    });
    this.#sessions.set(keyOf(origin, identity), session);
    this.#byId.set(id, session);
    return session;
  }

  // Until the bytes are put away, messages of this upload wait; then they are answered from the catalogue.
  #ended(session: Session, done: Promise<void>): void {
    const { id, user, identity } = session.key;
    const key = keyOf(session.origin, identity);
    this.#sessions.delete(key);
    this.#places.free(id);
    const waiting: Waiting[] = [];
    this.#waiting.set(key, waiting);
    const task = done.then(() => {
      this.#byId.delete(id);
      this.#endings.delete(id);
      this.#names.release(id);
      this.#waiting.delete(key);
      for (const { message, received } of waiting) this.receiveUnknown(user, received, message);
    });
    this.#endings.set(id, task);
    this.#track(task);
  }

  /** Resolves when no session is left and nothing is under way. */
  async settled(): Promise<void> {
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
  }

  #track(task: Promise<void>): void {
    const tracked = task.finally(() => this.#tasks.delete(tracked));
    this.#tasks.add(tracked);
  }

  #sendError(peer: string, code: number, text: string): void {
    const message: ErrorMessage = { type: "error", code, text };
    this.#parts.send(peer, message);
  }
}

function keyOf(origin: string, identity: string): string {
  return `${origin} ${identity}`;
}

/** A chunk that nobody gave credit for takes no memory: all it can get is the question where to go on answered. */
function withoutChunk(waiting: Waiting): Waiting {
  const { message, received } = waiting;
  if (message.type !== "post-chunk") return waiting;
  const { peer, origin } = received;
  received.release();
  return { message: { type: "query-status" }, received: { peer, origin, frames: [], release() {} } };
}

function isSame(post: PostFile, record: UploadRecord): boolean {
  return post.name === record.name && jsonDigest(post.metadataText) === record.metadataDigest;
}

function countText(uploads: number): string {
  return uploads === 1 ? "1 open upload" : `${uploads} open uploads`;
}
