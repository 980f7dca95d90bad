// What a watcher knows of each entry of its folder, and what each waits for: decided from what looks saw over time, and from nothing
// else. Times are monotonic; what the calendar says, or a file's own time, is never compared with them. Pure: `watcher.ts` looks and
// sends.
//
// A look is one pass over the folder, all of it or some entries. What a look does not see is not deleted, and what it sees for the
// first time, again or otherwise than before has to be quiet from then on: a network drive that goes away and comes back, empty for a
// moment or in part, costs time and nothing else.

import { doubled, jittered, type Pauses } from "../base/pauses.ts";
import type { Completion } from "./completion.ts";
import { type Entry, EntryTable } from "./entry-table.ts";
import { type Fingerprint, numberOf, numberOfFingerprint } from "./fingerprint.ts";
import { Restless } from "./restless.ts";
import { reasonsOfEnds, type Waiting, type WaitReason } from "./wait-reason.ts";

export type { Waiting } from "./wait-reason.ts";

/** What a look saw of an entry. */
export interface Seen {
  /** From the watched folder on, with "/" between its parts. */
  readonly path: string;
  readonly kind: "file" | "folder";
  readonly fingerprint: Fingerprint;
  /** Why it cannot be told what is in it, `null` where it can. */
  readonly fault: string | null;
}

/** An entry that waits, and what was seen of it over time. */
export interface WaitingEntry extends Waiting {
  readonly path: string;
  readonly kind: "file" | "folder";
  /** For how long it is as it is, as far as looks can tell; `null`: it was not seen lately. */
  readonly quietMs: number | null;
  /** How often sending it failed since it last changed. */
  readonly tries: number;
  /** In how long it is tried again, `null` where that is not a matter of time. */
  readonly nextTryMs: number | null;
}

/**
 * What is to be done with an entry that was seen: `nothing` more now, or `ask` whether it is complete. Where it is not, and is being
 * written, its upload may begin all the same; else it waits for `otherwise`.
 */
export type Step = "nothing" | "ask" | { readonly otherwise: Waiting };

/** Whether the upload of the entry at a path was begun before, and is not finished. */
export type IsBegun = (path: string) => boolean;

export interface WatchListOptions {
  /** How long an entry has to be quiet, in ms. */
  readonly settleMs: number;
  /** Numbers in [0, 1), for jitter. */
  readonly random: () => number;
  /** Is told when an entry begins to wait for something else. */
  readonly onWaiting: (path: string, waiting: Waiting, kind: "file" | "folder") => void;
  /** Is told once a day of an entry that is never quiet for long enough, and for how long. */
  readonly onRestless?: (path: string, forMs: number) => void;
  /** Is told when the folder cannot be looked at, why, and when it can be again: `null`. */
  readonly onLost: (detail: string | null) => void;
}

/** What is said of an entry that is to be sent again. */
export const grownDetail = "It was sent, and has changed since";

// A sign is trusted, and not blindly: some instruments write a little more behind it.
const signShare = 1 / 4;
// What has less in it than it had may be half of it, on a drive that is coming back.
const shrunkTimes = 5;
// Nothing of these is going to be sent, or it is on its way.
const noBacklog: readonly WaitReason[] = ["left", "vanished", "empty", "taken-in-part", "live"];
/** After sending an entry failed by itself. */
export const retryPauses: Pauses = { minMs: 30_000, maxMs: 60 * 60_000 };
// A program that has it open may write for hours, and end any moment.
const inUsePauseMs = 30_000;
const vanishedMsMax = 24 * 60 * 60_000;
// Of what was sent so many files are looked at in a look, or more, but for so many looks at most an entry is left alone.
const sentFilesInLook = 25_000;
const restsMax = 8;

export class WatchList {
  readonly #options: WatchListOptions;
  readonly #entries = new EntryTable();
  readonly #restless: Restless;
  #look = 0;
  /** Whether a look was over: what comes after that is being written. */
  #hasLooked = false;
  #seenInLook = 0;
  /** Files of what was sent that this look saw, or left alone. */
  #sentFiles = 0;
  /** Each so many looks an entry is looked at that was sent. */
  #turns = 1;
  /** Why the folder cannot be looked at, `null` where it can. */
  #lost: string | null = null;

  constructor(options: WatchListOptions) {
    this.#options = options;
    this.#restless = new Restless((path, forMs) => options.onRestless?.(path, forMs));
  }

  /** A look at the whole folder begins. */
  begin(): void {
    this.#look += 1;
    this.#seenInLook = 0;
    this.#sentFiles = 0;
  }

  /**
   * The look is over that `begin` began. What it did not see waits, or is forgotten where it was sent. Where it saw nothing at all of what
   * was there, it is not believed: as `lost`.
   */
  end(now: number): void {
    if (this.#seenInLook === 0 && this.#entries.size > 0)
      return this.lost("It is empty, and there was something in it", now);
    if (this.#lost !== null) this.#options.onLost(null);
    this.#lost = null;
    this.#hasLooked = true;
    this.#turns = Math.min(restsMax, Math.max(1, Math.ceil(this.#sentFiles / sentFilesInLook)));
    for (const entry of this.#entries.all()) {
      if (entry.seenIn === this.#look || entry.isSending) continue;
      const isForgotten = entry.reason === "vanished" && now - entry.since > vanishedMsMax;
      if (isSettled(entry) || isForgotten || entry.reason === "left") this.#entries.delete(entry);
      else this.#vanished(entry, now);
    }
  }

  #vanished(entry: Entry, now: number): void {
    if (entry.reason === "vanished") return;
    this.#unseen(entry, now);
    this.#wait(entry, { reason: "vanished", detail: "" });
  }

  /** An entry whose turn it was to be sent is not there. */
  missed(path: string, now: number): void {
    const entry = this.#entries.get(path);
    if (entry?.reason === "queued" && !entry.isSending) this.#vanished(entry, now);
  }

  /** The folder could not be looked at. Nothing is known of any entry any more but what was sent. */
  lost(detail: string, now: number): void {
    if (this.#lost !== detail) this.#options.onLost(detail);
    this.#lost = detail;
    for (const entry of this.#entries.all()) {
      this.#unseen(entry, now);
      if (!isSettled(entry) && !entry.isSending) this.#wait(entry, { reason: "not-reachable", detail });
    }
  }

  #unseen(entry: Entry, now: number): void {
    entry.fingerprint = null;
    entry.since = now;
    this.#restless.forget(entry.path);
  }

  /**
   * Whether it is enough for this look that the entry is there: who sends it while it is written looks at it; or it was sent, the look before
   * found it as it was sent, and its turn comes with another one. Then it counts as seen.
   */
  rests(path: string): boolean {
    const entry = this.#entries.get(path);
    if (entry?.reason === "live") {
      entry.seenIn = this.#look;
      this.#seenInLook += 1;
      return true;
    }
    if (this.#turns === 1 || entry === undefined || !isSettled(entry) || !entry.isAsSent) return false;
    const isItsTurn = (entry.row + this.#look) % this.#turns === 0;
    if (isItsTurn || this.#look - entry.lookedAtIn >= restsMax) return false;
    entry.seenIn = this.#look;
    this.#seenInLook += 1;
    this.#sentFiles += entry.files;
    return true;
  }

  /**
   * A look saw an entry; `sentAs` finds the fingerprint with which it was sent at some time, or `null`, and is asked once. `isBegun` is
   * given where runs are sent while they are written.
   */
  saw(seen: Seen, now: number, sentAs: () => string | null, isBegun?: IsBegun): Step {
    const { entry, ...how } = this.#note(seen, now, sentAs);
    if (entry.isSending || entry.isAsSent) return "nothing";
    const waiting = this.#waitingFor(seen, entry, how, now);
    if (waiting === null) return "ask";
    const isQuieting = waiting.reason === "changing" || waiting.reason === "settling";
    if (isQuieting && isBegun !== undefined && mayBegin(entry, isBegun)) return { otherwise: waiting };
    this.#wait(entry, waiting);
    return "nothing";
  }

  /** Whether the upload of an entry that was just seen may begin before it is complete: it is a folder that is being written, or was begun. */
  mayBegin(path: string, isBegun: IsBegun): boolean {
    const entry = this.#entries.get(path);
    return entry !== undefined && !entry.isSending && entry.isKnown && mayBegin(entry, isBegun);
  }

  /** It is being sent, and is not complete. */
  begun(path: string): void {
    const entry = this.#entries.get(path);
    if (entry === undefined) return;
    entry.isSending = true;
    this.#wait(entry, { reason: "live", detail: "" });
  }

  /** A look saw an entry that is not to be sent, whatever there is in it. */
  sawHeld(seen: Seen, now: number, sentAs: () => string | null, waiting: Waiting): void {
    const { entry } = this.#note(seen, now, sentAs);
    this.#restless.forget(seen.path);
    if (!entry.isSending && !entry.isAsSent) this.#wait(entry, waiting);
  }

  #note(
    seen: Seen,
    now: number,
    sentAs: () => string | null,
  ): { readonly entry: Entry; readonly isSame: boolean; readonly isFirst: boolean } {
    this.#seenInLook += 1;
    const { path, kind, fingerprint } = seen;
    const number = numberOfFingerprint(fingerprint);
    const known = this.#entries.get(path);
    const entry = known ?? this.#entries.add(path, kind, now);
    if (known === undefined) {
      entry.isWritten = this.#hasLooked;
      entry.bytesMost = fingerprint.bytes;
      const sent = sentAs();
      if (sent !== null) entry.sent = numberOf(sent);
      if (sent !== null && number === numberOf(sent)) entry.fingerprint = number;
    }
    entry.seenIn = this.#look;
    entry.lookedAtIn = this.#look;
    entry.files = fingerprint.files;
    const isSame = entry.fingerprint === number;
    const isFirst = known === undefined || !entry.isKnown;
    if (!isSame) {
      if (!isFirst) entry.isWritten = true;
      entry.fingerprint = number;
      entry.since = now;
      entry.retrying = undefined;
      entry.hasShrunk = fingerprint.bytes < entry.bytesMost;
      entry.bytesMost = Math.max(entry.bytesMost, fingerprint.bytes);
    }
    if (!entry.isSending && entry.isAsSent) {
      entry.waiting = null;
      this.#sentFiles += entry.files;
    }
    const isQuiet =
      isFirst || entry.isSending || entry.isAsSent || now - entry.since >= this.#settleMs(entry);
    this.#restless.note(path, isQuiet, now);
    return { entry, isSame, isFirst };
  }

  /** What can be told without asking anybody; `null`: it has to be asked whether it is complete. */
  #waitingFor(
    { fault, fingerprint, kind }: Seen,
    entry: Entry,
    { isSame, isFirst }: { readonly isSame: boolean; readonly isFirst: boolean },
    now: number,
  ): Waiting | null {
    if (fault !== null) return { reason: "unreadable", detail: fault };
    if (kind === "folder" ? fingerprint.files === 0 : fingerprint.bytes === 0)
      return { reason: "empty", detail: "" };
    const again = entry.wasSent ? grownDetail : "";
    if (isFirst) return { reason: "settling", detail: again };
    if (!isSame) return { reason: "changing", detail: again };
    if (now < (entry.retrying?.tryAt ?? now) && isTriedAgain(entry.reason)) return entry.waiting;
    if (now - entry.since < this.#settleMs(entry) * signShare) return { reason: "settling", detail: again };
    return null;
  }

  #settleMs({ hasShrunk }: Entry): number {
    return this.#options.settleMs * (hasShrunk ? shrunkTimes : 1);
  }

  /** What its rule says of an entry that was just seen. Returns whether it is complete: then it may be sent, if nothing else is against it. */
  completed(path: string, completion: Completion, now: number): boolean {
    const entry = this.#entries.get(path);
    if (entry === undefined || !entry.isKnown) return false;
    switch (completion.type) {
      case "waits":
        this.#wait(entry, completion);
        return false;
      case "by-quiet": {
        const quietMs = now - entry.since;
        const settleMs = this.#settleMs(entry);
        if (quietMs >= settleMs) return true;
        const shrunk = entry.hasShrunk ? "It has less in it than it had: it waits longer" : "";
        const again = entry.wasSent ? grownDetail : shrunk;
        this.#wait(entry, { reason: "settling", detail: again });
        return false;
      }
      case "complete": {
        if (completion.outcome === "finished") return true;
        this.#wait(entry, { reason: reasonsOfEnds[completion.outcome], detail: completion.sign });
        return false;
      }
    }
  }

  /** Something else is against sending it. */
  waits(path: string, waiting: Waiting): void {
    const entry = this.#entries.get(path);
    if (entry !== undefined) this.#wait(entry, waiting);
  }

  /**
   * Whether it may be sent with what `key` stands for: its metadata and name. What was refused is asked for again when that is another, or
   * the entry is.
   */
  mayBeSent(path: string, key: string): boolean {
    const entry = this.#entries.get(path);
    if (entry === undefined || entry.isSending || !entry.isKnown) return false;
    return !entry.wasRefused(key);
  }

  /** It waits for its turn to be sent. */
  queued(path: string): void {
    const entry = this.#entries.get(path);
    if (entry === undefined) return;
    entry.isSending = true;
    this.#wait(entry, { reason: "queued", detail: "" });
  }

  /** The server confirmed it, as it was with that fingerprint. */
  sent(path: string, fingerprint: string): void {
    const entry = this.#entries.get(path);
    if (entry === undefined) return;
    entry.isSending = false;
    entry.sent = numberOf(fingerprint);
    entry.waiting = null;
    entry.admit();
    entry.retrying = undefined;
  }

  /** The server, or what is here, refuses it with what `key` stands for. */
  refused(path: string, key: string, waiting: Waiting): void {
    const entry = this.#entries.get(path);
    if (entry === undefined) return;
    entry.isSending = false;
    entry.refuse(key);
    this.#wait(entry, waiting);
  }

  /** It changed while it was sent, or just before: it has to be quiet anew. */
  changed(path: string, now: number): void {
    const entry = this.#entries.get(path);
    if (entry === undefined) return;
    entry.isSending = false;
    this.#unseen(entry, now);
    this.#wait(entry, { reason: "changing", detail: "" });
  }

  /** Sending it failed for a reason that may pass: it is tried again, after pauses that grow. */
  failed(path: string, detail: string, now: number): void {
    const entry = this.#entries.get(path);
    if (entry === undefined) return;
    entry.isSending = false;
    const tries = entry.retrying?.tries ?? 0;
    const tryAt = now + jittered(doubled(retryPauses, tries), this.#options.random());
    entry.retrying = { tryAt, tries: tries + 1 };
    this.#wait(entry, { reason: "retrying", detail });
  }

  /** A program keeps it for itself, so that it cannot be read: it is tried again until it can be, at a rhythm that does not slow down. */
  inUse(path: string, detail: string, now: number): void {
    const entry = this.#entries.get(path);
    if (entry === undefined) return;
    entry.isSending = false;
    const tryAt = now + jittered(inUsePauseMs, this.#options.random());
    entry.retrying = { tryAt, tries: entry.retrying?.tries ?? 0 };
    this.#wait(entry, { reason: "open-for-writing", detail });
  }

  /** It was not tried after all: its turn comes again. */
  returned(path: string): void {
    const entry = this.#entries.get(path);
    if (entry !== undefined) entry.isSending = false;
  }

  /**
   * It is to be taken away after it was sent: until it is `gone`, or `returned`, nothing that is seen of it counts. Returns `false` where
   * it was not sent, or is not known to be what was.
   */
  leaving(path: string): boolean {
    const entry = this.#entries.get(path);
    if (entry === undefined || !entry.isKnown) return false;
    const isRest = entry.reason === "taken-in-part" && !entry.isSending;
    if (!isRest && !isSettled(entry)) return false;
    entry.isSending = true;
    return true;
  }

  /** It was taken away. */
  gone(path: string): void {
    const entry = this.#entries.get(path);
    if (entry !== undefined) this.#entries.delete(entry);
  }

  /** Whether the entry, as it was last seen, has this fingerprint. */
  isStill(path: string, fingerprint: string): boolean {
    return this.#entries.get(path)?.fingerprint === numberOf(fingerprint);
  }

  /** Whether an entry is known, and not with this fingerprint. */
  hasChanged(path: string, fingerprint: string): boolean {
    const entry = this.#entries.get(path);
    return entry !== undefined && entry.fingerprint !== numberOf(fingerprint);
  }

  /** What an entry waits for; `null`: nothing. */
  reasonOf(path: string): WaitReason | null {
    return this.#entries.get(path)?.reason ?? null;
  }

  /** What each entry waits for that was not sent, or has changed since; or those alone that wait for `only`. */
  *waiting(
    only: WaitReason | null = null,
  ): Generator<{ readonly path: string; readonly kind: "file" | "folder" } & Waiting> {
    if (only !== null && this.reasons[only] === undefined) return;
    for (const entry of this.#entries.all()) {
      if (only !== null && entry.reason !== only) continue;
      const { waiting, kind } = entry;
      if (waiting !== null) yield { path: entry.path, kind, ...waiting };
    }
  }

  /** At most so many of those that are complete and wait for nothing but their turn. */
  inTurn(max: number): readonly string[] {
    const paths: string[] = [];
    for (const entry of this.#entries.all()) {
      if (paths.length >= max) break;
      if (entry.reason === "queued" && !entry.isSending) paths.push(entry.path);
    }
    return paths;
  }

  /** The same, with what was seen over time, for who asks now. */
  *details(now: number): Generator<WaitingEntry> {
    for (const entry of this.#entries.all()) {
      const { waiting, path, kind, isKnown, since, retrying } = entry;
      if (waiting === null) continue;
      const isTried = waiting.reason === "retrying" && retrying !== undefined && retrying.tryAt > now;
      yield {
        ...{ path, kind, ...waiting, quietMs: isKnown ? now - since : null },
        ...{ tries: retrying?.tries ?? 0, nextTryMs: isTried ? retrying.tryAt - now : null },
      };
    }
  }

  /** What is still to be sent: entries, their bytes as far as they were seen, and for how long the one that changed last the longest ago waits. */
  backlog(now: number): { readonly entries: number; readonly bytes: number; readonly oldestMs: number } {
    let [entries, bytes, oldestMs] = [0, 0, 0];
    if (this.counts.waiting > 0)
      for (const { reason, bytesMost, since } of this.#entries.all()) {
        if (reason === null || noBacklog.includes(reason)) continue;
        entries += 1;
        bytes += bytesMost;
        oldestMs = Math.max(oldestMs, now - since);
      }
    return { entries, bytes, oldestMs };
  }

  /** Why the folder cannot be looked at, `null` where it can. */
  get whyLost(): string | null {
    return this.#lost;
  }

  /** How many entries there are, and how many of them wait. */
  get counts(): { readonly entries: number; readonly waiting: number } {
    const waiting = Object.values(this.reasons).reduce((sum, count) => sum + count, 0);
    return { entries: this.#entries.size, waiting };
  }

  /** How many of them wait for which reason. */
  get reasons(): Readonly<Record<string, number>> {
    return this.#entries.texts.reasons;
  }

  #wait(entry: Entry, { reason, detail, fields }: Waiting): void {
    const before = entry.waiting;
    const waiting = { reason, detail, ...(fields === undefined ? {} : { fields }) };
    entry.waiting = waiting;
    if (before?.reason !== reason || before.detail !== detail)
      this.#options.onWaiting(entry.path, waiting, entry.kind);
  }
}

/** What was sent once goes as a whole again. */
function mayBegin({ kind, wasSent, isWritten, path }: Entry, isBegun: IsBegun): boolean {
  return kind === "folder" && !wasSent && (isWritten || isBegun(path));
}

/** Whether only trying tells that it is over. */
function isTriedAgain(reason: WaitReason | null): boolean {
  return reason === "retrying" || reason === "open-for-writing";
}

/** It was sent, and nothing is known of it that would be to be sent. */
function isSettled({ wasSent, isWaiting, isSending }: Entry): boolean {
  return wasSent && !isWaiting && !isSending;
}
