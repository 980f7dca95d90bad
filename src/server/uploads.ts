// All uploads of the server with which something is being done, by who sends them and by id; and what they need of each
// other: places, names, and that what is complete is published before anybody else hears of its name.

import { DyncError, errorCodeFromWire, errorMeanings } from "../base/error.ts";
import { holdOf, type UploadRecord } from "../catalogue/catalogue.ts";
import type { Question, Refusal } from "../protocol/server/upload-life.ts";
import type { WaitCause } from "../protocol/wait.ts";
import type { PostFile } from "../protocol/wire/message.ts";
import { storedName } from "../protocol/wire/stored-name.ts";
import { busyText } from "../upload/names.ts";
import { claimRefusal, type NameHolder } from "./claim.ts";
import type { ClientDirectory } from "./client-directory.ts";
import { Inquiries } from "./inquiry.ts";
import { PublishAttempts } from "./publish-attempts.ts";
import { finishPublishing, giveUp } from "./recovery.ts";
import { troubleOf } from "./refusal.ts";
import { type RunningUpload, Session, type SessionParts } from "./session.ts";
import { Upload, type UploadDesk, type UploadOwner, type UploadParts } from "./upload.ts";
import { change } from "./upload-journal.ts";
import { UploadPlaces } from "./upload-places.ts";
import { UserRefusals } from "./user-refusals.ts";

export interface UploadsParts extends Omit<SessionParts, "isActive">, Omit<UploadParts, keyof SessionParts> {
  readonly clients: ClientDirectory;
  /** 16 random bytes as lower-case hex. */
  readonly newId: () => string;
  /** Names of the groups that a user is in; none unless given. */
  readonly groupsOf?: ((user: string) => readonly string[]) | undefined;
}

const pageRecords = 100;
const busyMs = 2_000;
// Whoever is frozen for longer is restarted.
const frozenMsMax = 3_600_000;
const tooMany = errorMeanings["too-many-uploads"].wire;

export class Uploads implements UploadDesk {
  readonly #parts: UploadsParts & Pick<SessionParts, "isActive">;
  readonly #byVoice = new Map<string, Upload>();
  /** Those with a session. */
  readonly #byId = new Map<string, Upload>();
  readonly #places: UploadPlaces;
  readonly #attempts: PublishAttempts;
  readonly #inquiries: Inquiries;
  readonly #refusals: UserRefusals;
  /** Work that `settled` waits for. */
  readonly #tasks = new Set<Promise<void>>();

  constructor(parts: UploadsParts) {
    const refusals = new UserRefusals(parts.clock);
    this.#refusals = refusals;
    this.#parts = { ...parts, isActive: this.isActive, refusals };
    this.#places = new UploadPlaces(
      () => parts.options.uploadsMax,
      (user) => parts.rulesOf(user).uploadsPerUser,
    );
    const sessionsOf = (user: string) => this.#sessionsOf(user);
    const heldElsewhere = (user: string) => this.#heldElsewhere(user, null);
    const own = { refusals, sessionsOf, heldElsewhere, isBusy: () => this.#isBusy() };
    this.#inquiries = new Inquiries({ ...parts, ...own });
    this.#attempts = new PublishAttempts(parts.clock, (id, isAwaited) => this.#publishAgain(id, isAwaited));
  }

  /** The upload that has this voice, where something is being done with it. */
  get(voice: string): Upload | null {
    return this.#byVoice.get(voice) ?? null;
  }

  /** The same, or one of which nothing is known yet. */
  obtain(owner: UploadOwner): Upload {
    const known = this.get(owner.voice);
    if (known !== null) return known;
    const upload = new Upload(owner, this.#parts, this);
    this.#byVoice.set(owner.voice, upload);
    return upload;
  }

  byId(id: string): Upload | null {
    return this.#byId.get(id) ?? null;
  }

  all(): readonly Upload[] {
    return [...this.#byVoice.values()];
  }

  /** Uploads that have a place. */
  get placesTaken(): number {
    return this.#places.taken;
  }

  /** Those that have a session, in the order in which they got it; at most `limit`. */
  running(limit: number): readonly RunningUpload[] {
    const running: RunningUpload[] = [];
    for (const { session } of this.#byId.values()) {
      if (running.length === limit) break;
      if (session !== null) running.push(session.shown);
    }
    return running;
  }

  /** How many each user has that have a session; who has none is not there. */
  runningByUser(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { owner, session } of this.#byId.values())
      if (session !== null) counts.set(owner.user, (counts.get(owner.user) ?? 0) + 1);
    return counts;
  }

  /** How many uploads wait for each cause. */
  waits(): ReadonlyMap<WaitCause, number> {
    const counts = new Map<WaitCause, number>();
    for (const { session } of this.#byId.values()) {
      const cause = session?.wait?.cause;
      if (cause !== undefined) counts.set(cause, (counts.get(cause) ?? 0) + 1);
    }
    return counts;
  }

  isActive = (id: string): boolean => this.#byId.has(id) || this.#attempts.isRunning(id);

  /**
   * Publishes what other processes left complete, in the background: an earlier one, to be called before the first message; or servers that
   * are gone, at any time.
   */
  async recover(): Promise<void> {
    const { catalogue } = this.#parts;
    const ids: string[] = [];
    for (let last: UploadRecord | null = null; ; ) {
      const page: readonly UploadRecord[] = await catalogue.unchanged("publishing", null, last, pageRecords);
      ids.push(...page.map(({ id }) => id).filter((id) => !this.isActive(id)));
      last = page.at(-1) ?? null;
      if (last === null) break;
    }
    for (const id of ids) this.#attempt(id, null);
  }

  /**
   * Another server has the client of upload `id`, or else wants its name: lets go of it, so that it can be gone on with there. Not where
   * only its name is wanted, and its client is here. Returns whether it did.
   */
  async letGo(id: string, isClientThere: boolean): Promise<boolean> {
    const upload = this.#byId.get(id);
    if (upload === undefined) return await this.#release(id);
    if (!isClientThere && this.#hasClient(upload.owner.identity)) return false;
    upload.stop(errorMeanings["not-ready"].wire, "This upload went on at another server", true);
    await upload.closing;
    return true;
  }

  /** Of one with which nothing is being done. */
  async #release(id: string): Promise<boolean> {
    const { catalogue, owner } = this.#parts;
    const record = this.#attempts.isRunning(id) ? null : await catalogue.get(id);
    if (record === null || record.owner !== owner.id || this.isActive(id)) return false;
    const { durable, mark } = record;
    return await change(
      holdOf(record, owner),
      { verb: "progress", durable, mark, isPutAway: true },
      this.#parts,
    );
  }

  /** Has other servers see which uploads go on here, in the background. To be called now and then. */
  tellProgress(): void {
    for (const { session } of this.#byId.values()) if (session !== null) this.track(session.tellProgress());
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    while (this.#tasks.size > 0) await Promise.all(this.#tasks);
  }

  async find({ identity, user, origin }: UploadOwner): Promise<UploadRecord | null> {
    const record = await this.#parts.catalogue.find(identity, user, origin);
    // One whose key is not known is open to all keys of its user, but only to one at a time.
    return record !== null && this.#byId.has(record.id) ? null : record;
  }

  heldElsewhere({ user }: UploadOwner, record: UploadRecord | null): Promise<number> {
    return this.#heldElsewhere(user, record?.id ?? null);
  }

  async #heldElsewhere(user: string, except: string | null): Promise<number> {
    const { catalogue, owner } = this.#parts;
    return owner.leaseMs === 0 ? 0 : await catalogue.heldElsewhere(user, owner.id, except);
  }

  open(upload: Upload, name: string, record: UploadRecord | null, needsPlace: boolean): Session | Refusal {
    const { identity, user, origin } = upload.owner;
    const refusal = needsPlace ? this.#makePlace(upload, name) : null;
    if (refusal !== null) return refusal;
    const id = record?.id ?? this.#parts.newId();
    this.#byId.set(id, upload);
    this.#places.take(id, user);
    return new Session({ id, identity, user }, origin, name, this.#parts, (input) => upload.feed(input));
  }

  inquire({ owner }: Upload, post: PostFile, signal: AbortSignal): Promise<Refusal> {
    const { user, identity, origin } = owner;
    // Changes nothing for its client, and shows each of the two that the other one is there.
    const poke = () => this.#hasClient(identity);
    return this.#inquiries.answer(post, { user, origin, poke, signal });
  }

  #sessionsOf(user: string): readonly Session[] {
    return [...this.#byId.values()].flatMap(({ owner, session }) =>
      session === null || owner.user !== user ? [] : [session],
    );
  }

  /** Whether any upload moved just now. */
  #isBusy(): boolean {
    const since = this.#parts.clock.now() - busyMs;
    for (const { session } of this.#byId.values())
      if (session !== null && session.activeAt > since) return true;
    return false;
  }

  leavePlace({ key }: Session): void {
    this.#places.free(key.id);
  }

  close({ key }: Session): void {
    this.#byId.delete(key.id);
  }

  forget({ owner }: Upload): void {
    this.#byVoice.delete(owner.voice);
  }

  track(task: Promise<void>): void {
    const tracked = task.finally(() => this.#tasks.delete(tracked));
    this.#tasks.add(tracked);
  }

  /** Makes room for one more upload of `user`; returns why there is none. */
  #makePlace({ owner: { user }, heldElsewhere }: Upload, name: string): Refusal | null {
    const { options, rulesOf, logger, audit } = this.#parts;
    const place = this.#places.find(user, heldElsewhere);
    if (place.type === "free") return null;
    if (place.type === "of-another" && this.#giveUpPlace(place.user)) return null;
    const text =
      place.type === "user-full"
        ? `You have ${countText(rulesOf(user).uploadsPerUser)}, the most that one user may have: no more for now`
        : `The server has ${countText(options.uploadsMax)}, the most that it may have: no more for now`;
    logger.log("warn", "Upload refused", { user, name, code: tooMany, reason: text });
    audit?.record({ event: "refused", user, name, code: tooMany, reason: text });
    this.#refusals.note(user, name, { code: tooMany, text });
    return { code: tooMany, text };
  }

  /** The upload of `user` that sent nothing for the longest time waits, so that another user's can go on. */
  #giveUpPlace(user: string): boolean {
    let idlest: Upload | null = null;
    for (const id of this.#places.of(user)) {
      const upload = this.#byId.get(id);
      if (upload?.canWait !== true) continue;
      const activeAt = upload.session?.activeAt ?? 0;
      if (idlest === null || activeAt < (idlest.session?.activeAt ?? 0)) idlest = upload;
    }
    const reason = "Other users need a place: this upload goes on later, what arrived is kept";
    idlest?.stop(tooMany, reason, true);
    return idlest !== null;
  }

  async makeWay({ owner }: Upload, post: PostFile, holders: readonly UploadRecord[]): Promise<void> {
    const name = storedName(post);
    const closing = holders.map(({ id }) => this.#byId.get(id)?.closing).filter((it) => it != null);
    // What is just ending will hold nothing, or has become a file.
    if (closing.length > 0) return void (await Promise.all(closing));
    // Its client came here from another server, where it began after nothing was found of it here: it is not to be replaced by itself.
    const own = await this.find(owner);
    if (own !== null && holders.some(({ id }) => id === own.id))
      throw new DyncError("not-ready", "This upload has begun at another server, and goes on from there");
    for (const holder of holders) this.#publishFirst(holder);
    const refusal = claimRefusal(
      name,
      holders.map((holder) => this.#holder(holder, owner, post)),
    );
    if (refusal !== null) throw refusal;
    for (const holder of holders) await this.#replace(holder);
  }

  // It may be seen under its name and not be durable there: until it is, nobody may hear that this file is stored.
  #publishFirst({ id, state }: UploadRecord): void {
    if (this.#byId.has(id) || state !== "publishing") return;
    const refusal = this.#attempt(id, "post-file");
    if (refusal !== null) throw new DyncError(errorCodeFromWire(refusal.code), refusal.text);
  }

  #holder(record: UploadRecord, { user, origin }: UploadOwner, post: PostFile): NameHolder {
    const { id, name } = record;
    const isOfUser = record.user === user;
    const upload = this.#byId.get(id);
    const began = upload?.owner.origin ?? record.origin;
    const identity = upload?.owner.identity ?? this.#parkedIdentity(record);
    return {
      name,
      isBusy:
        this.#attempts.isRunning(id) ||
        upload?.session?.isOpen === false ||
        // Its client would be told that it lost the name, and the file be there all the same.
        upload?.session?.wait?.cause === "publishing" ||
        this.#mayStillBePublished(record),
      isReplaced: identity !== null && post.info.replaces?.includes(identity) === true,
      hasClient: identity !== null && this.#hasClient(identity),
      isOfUser,
      isOfKey: isOfUser && (began === null || began === origin || !this.#parts.clients.mayGoOn(began, user)),
    };
  }

  /**
   * Whether another server may be in the midst of publishing it, that was frozen when this one found that not all of it is stored: what that does late
   * has to be this upload's own, with which its client goes on.
   */
  #mayStillBePublished({ state, held, receivedAt }: UploadRecord): boolean {
    const { fellows, clock } = this.#parts;
    if (fellows === undefined || state !== "open" || held !== null || receivedAt === null) return false;
    return clock.date().getTime() - Date.parse(receivedAt) < frozenMsMax;
  }

  /** Whether its client has a connection. Changes nothing for it. */
  #hasClient(identity: string): boolean {
    return this.#parts.send(identity, { type: "transfer-credit", amount: 0 }) !== "unreachable";
  }

  /** Of an upload that gave up its place because its client was silent. */
  #parkedIdentity({ state, origin, user, identity }: UploadRecord): string | null {
    if (state !== "open" || origin === null) return null;
    return this.#parts.clients.mayGoOn(origin, user) ? identity : null;
  }

  async #replace(record: UploadRecord): Promise<void> {
    const code = errorMeanings["name-taken"].wire;
    const reason = "Replaced by a newer upload of the same name";
    const upload = this.#byId.get(record.id);
    // The record is another one when it was put away: it comes with the next round.
    if (upload === undefined) return await this.#replaceLeft(record, code, reason);
    upload.stop(code, reason, true);
    await upload.closing;
  }

  /** Of one that is not open here. */
  async #replaceLeft(record: UploadRecord, code: number, reason: string): Promise<void> {
    const { fellows, clock, owner } = this.#parts;
    if (await giveUp(record, code, reason, this.#parts)) return;
    if (fellows === undefined || record.owner === owner.id) return;
    // Another server works on it. What it is when that let go comes with the next round.
    if (await fellows.askFor(record.id, false, clock)) return;
    throw new DyncError("not-ready", `${busyText(record.name, record.name)}, at another server`);
  }

  publish({ id }: UploadRecord, question: Question): Refusal | null {
    return this.#attempt(id, question);
  }

  /** Publishes an upload that is recorded as being published. Rejects with why that cannot be done now. */
  async publishNow(id: string): Promise<void> {
    const begun = this.#attempts.begin(id, null);
    if (!(begun instanceof Promise)) throw publishLater(begun);
    this.track(begun);
    await begun;
    const record = await this.#parts.catalogue.get(id);
    if (record?.state === "failed")
      throw new DyncError(
        errorCodeFromWire(record.errorCode ?? errorMeanings.internal.wire),
        record.reason ?? "It failed",
      );
    if (record?.state !== "finished") throw publishLater(null);
  }

  #attempt(id: string, question: Question | null): Refusal | null {
    const begun = this.#attempts.begin(id, question);
    if (!(begun instanceof Promise)) return begun;
    this.track(begun);
    return null;
  }

  async #publishAgain(id: string, isAwaited: boolean): Promise<void> {
    try {
      await finishPublishing(id, this.#parts, isAwaited);
    } catch (error) {
      this.#parts.logger.log("error", "Publishing failed", { upload: id, ...troubleOf(error) });
      throw error;
    }
  }
}

function publishLater(refusal: Refusal | null): DyncError {
  const why = refusal === null ? "" : `: ${refusal.text}`;
  return new DyncError("not-ready", `It has its metadata now, and could not be published yet${why}`, {
    hint: "the log of the server says why; it is tried again when its client asks, or the server starts anew",
  });
}

function countText(uploads: number): string {
  return uploads === 1 ? "1 open upload" : `${uploads} open uploads`;
}
