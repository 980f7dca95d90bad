// What a watcher knows of each entry of its folder, and what each waits for: decided from what looks saw over time, and from nothing
// else. Times are monotonic; what the calendar says, or a file's own time, is never compared with them. Pure: `watcher.ts` looks and
// sends.
//
// A look is one pass over the folder, all of it or some entries. What a look does not see is not deleted, and what it sees for the
// first time, again or otherwise than before has to be quiet from then on: a network drive that goes away and comes back, empty for a
// moment or in part, costs time and nothing else.

import { doubled, jittered, type Pauses } from "../base/pauses.ts";
import type { Completion } from "./completion.ts";
import type { Fingerprint } from "./fingerprint.ts";
import type { WaitReason } from "./wait-reason.ts";

/** What a look saw of an entry. */
export interface Seen {
  /** From the watched folder on, with "/" between its parts. */
  readonly path: string;
  readonly kind: "file" | "folder";
  readonly fingerprint: Fingerprint;
  /** Why it cannot be told what is in it, `null` where it can. */
  readonly fault: string | null;
}

export interface Waiting {
  readonly reason: WaitReason;
  /** What is to be said beside the sentence of the reason; may be empty. */
  readonly detail: string;
  /** Fields of its metadata, as people write them, that are missing or not as they have to be. */
  readonly fields?: readonly string[];
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

/** What is to be done with an entry that was seen: `nothing` more now, or `ask` whether it is complete. */
export type Step = "nothing" | "ask";

interface Entry {
  readonly kind: "file" | "folder";
  /** `null`: the next time that it is seen counts as the first. */
  fingerprint: string | null;
  /** When it was first seen as it is. */
  since: number;
  /** The most bytes that it ever had. */
  bytesMost: number;
  /** Whether it had more bytes or files than now. */
  hasShrunk: boolean;
  look: number;
  /** The fingerprint with which it was sent, `null` where it was not. */
  sent: string | null;
  isSending: boolean;
  waiting: Waiting | null;
  /** Of what the server refused it; `null`: of nothing. */
  refused: string | null;
  /** Not before then. */
  tryAt: number;
  tries: number;
}

export interface WatchListOptions {
  /** How long an entry has to be quiet, in ms. */
  readonly settleMs: number;
  /** Numbers in [0, 1), for jitter. */
  readonly random: () => number;
  /** Is told when an entry begins to wait for something else. */
  readonly onWaiting: (path: string, waiting: Waiting, kind: "file" | "folder") => void;
  /** Is told when the folder cannot be looked at, why, and when it can be again: `null`. */
  readonly onLost: (detail: string | null) => void;
}

// A sign is trusted, and not blindly: some instruments write a little more behind it.
const signShare = 1 / 4;
// What has less in it than it had may be half of it, on a drive that is coming back.
const shrunkTimes = 5;
const retryPauses: Pauses = { minMs: 30_000, maxMs: 60 * 60_000 };
// A program that has it open may write for hours, and end any moment.
const inUsePauseMs = 30_000;
const vanishedMsMax = 24 * 60 * 60_000;

export class WatchList {
  readonly #options: WatchListOptions;
  readonly #entries = new Map<string, Entry>();
  #look = 0;
  #seenInLook = 0;
  /** Why the folder cannot be looked at, `null` where it can. */
  #lost: string | null = null;

  constructor(options: WatchListOptions) {
    this.#options = options;
  }

  /** A look at the whole folder begins. */
  begin(): void {
    this.#look += 1;
    this.#seenInLook = 0;
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
    for (const [path, entry] of this.#entries) {
      if (entry.look === this.#look || entry.isSending) continue;
      const isForgotten = entry.waiting?.reason === "vanished" && now - entry.since > vanishedMsMax;
      if (isSettled(entry) || isForgotten || entry.waiting?.reason === "left") this.#entries.delete(path);
      else if (entry.waiting?.reason !== "vanished") {
        this.#unseen(entry, now);
        this.#wait(path, entry, { reason: "vanished", detail: "" });
      }
    }
  }

  /** The folder could not be looked at. Nothing is known of any entry any more but what was sent. */
  lost(detail: string, now: number): void {
    if (this.#lost !== detail) this.#options.onLost(detail);
    this.#lost = detail;
    for (const [path, entry] of this.#entries) {
      this.#unseen(entry, now);
      if (!isSettled(entry) && !entry.isSending) this.#wait(path, entry, { reason: "not-reachable", detail });
    }
  }

  #unseen(entry: Entry, now: number): void {
    entry.fingerprint = null;
    entry.since = now;
  }

  /** A look saw an entry; `sentAs` finds the fingerprint with which it was sent at some time, or `null`, and is asked once. */
  saw(seen: Seen, now: number, sentAs: () => string | null): Step {
    const { entry, ...how } = this.#note(seen, now, sentAs);
    if (entry.isSending || isAsSent(entry)) return "nothing";
    const waiting = this.#waitingFor(seen, entry, how, now);
    if (waiting === null) return "ask";
    this.#wait(seen.path, entry, waiting);
    return "nothing";
  }

  /** A look saw an entry that is not to be sent, whatever there is in it. */
  sawHeld(seen: Seen, now: number, sentAs: () => string | null, waiting: Waiting): void {
    const { entry } = this.#note(seen, now, sentAs);
    if (!entry.isSending && !isAsSent(entry)) this.#wait(seen.path, entry, waiting);
  }

  #note(
    seen: Seen,
    now: number,
    sentAs: () => string | null,
  ): { readonly entry: Entry; readonly isSame: boolean; readonly isFirst: boolean } {
    this.#seenInLook += 1;
    const { fingerprint } = seen;
    const known = this.#entries.get(seen.path);
    const entry = known ?? newEntry(seen, sentAs(), now);
    if (known === undefined) this.#entries.set(seen.path, entry);
    entry.look = this.#look;
    const isSame = entry.fingerprint === fingerprint.text;
    const isFirst = known === undefined || entry.fingerprint === null;
    if (!isSame) {
      entry.fingerprint = fingerprint.text;
      entry.since = now;
      entry.tries = 0;
      entry.tryAt = now;
      entry.hasShrunk = fingerprint.bytes < entry.bytesMost;
      entry.bytesMost = Math.max(entry.bytesMost, fingerprint.bytes);
    }
    if (!entry.isSending && isAsSent(entry)) entry.waiting = null;
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
    const again = entry.sent === null ? "" : "It was sent, and has changed since";
    if (isFirst) return { reason: "settling", detail: again };
    if (!isSame) return { reason: "changing", detail: again };
    if (now < entry.tryAt && isTriedAgain(entry.waiting)) return entry.waiting;
    if (now - entry.since < this.#settleMs(entry) * signShare) return { reason: "settling", detail: again };
    return null;
  }

  #settleMs({ hasShrunk }: Entry): number {
    return this.#options.settleMs * (hasShrunk ? shrunkTimes : 1);
  }

  /** What its rule says of an entry that was just seen. Returns whether it is complete: then it may be sent, if nothing else is against it. */
  completed(path: string, completion: Completion, now: number): boolean {
    const entry = this.#entries.get(path);
    if (entry === undefined || entry.fingerprint === null) return false;
    switch (completion.type) {
      case "waits":
        this.#wait(path, entry, completion);
        return false;
      case "by-quiet": {
        const quietMs = now - entry.since;
        const settleMs = this.#settleMs(entry);
        if (quietMs >= settleMs) return true;
        const shrunk = entry.hasShrunk ? "It has less in it than it had: it waits longer" : "";
        const again = entry.sent === null ? shrunk : "It was sent, and has changed since";
        this.#wait(path, entry, { reason: "settling", detail: again });
        return false;
      }
      case "complete": {
        if (completion.outcome === "finished") return true;
        const reason = completion.outcome === "failed" ? "run-failed" : "run-aborted";
        this.#wait(path, entry, { reason, detail: completion.sign });
        return false;
      }
    }
  }

  /** Something else is against sending it. */
  waits(path: string, waiting: Waiting): void {
    const entry = this.#entries.get(path);
    if (entry !== undefined) this.#wait(path, entry, waiting);
  }

  /**
   * Whether it may be sent with what `key` stands for: its metadata and name. What was refused is asked for again when that is another, or
   * the entry is.
   */
  mayBeSent(path: string, key: string): boolean {
    const entry = this.#entries.get(path);
    if (entry === undefined || entry.isSending || entry.fingerprint === null) return false;
    return entry.refused === null || entry.refused !== refusalKey(entry, key);
  }

  /** It waits for its turn to be sent. */
  queued(path: string): void {
    const entry = this.#entries.get(path);
    if (entry === undefined) return;
    entry.isSending = true;
    this.#wait(path, entry, { reason: "queued", detail: "" });
  }

  /** The server confirmed it, as it was with that fingerprint. */
  sent(path: string, fingerprint: string): void {
    const entry = this.#entries.get(path);
    if (entry === undefined) return;
    entry.isSending = false;
    entry.sent = fingerprint;
    entry.waiting = null;
    entry.refused = null;
    entry.tries = 0;
  }

  /** The server, or what is here, refuses it with what `key` stands for. */
  refused(path: string, key: string, waiting: Waiting): void {
    const entry = this.#entries.get(path);
    if (entry === undefined) return;
    entry.isSending = false;
    entry.refused = refusalKey(entry, key);
    this.#wait(path, entry, waiting);
  }

  /** It changed while it was sent, or just before: it has to be quiet anew. */
  changed(path: string, now: number): void {
    const entry = this.#entries.get(path);
    if (entry === undefined) return;
    entry.isSending = false;
    this.#unseen(entry, now);
    this.#wait(path, entry, { reason: "changing", detail: "" });
  }

  /** Sending it failed for a reason that may pass: it is tried again, after pauses that grow. */
  failed(path: string, detail: string, now: number): void {
    const entry = this.#entries.get(path);
    if (entry === undefined) return;
    entry.isSending = false;
    entry.tryAt = now + jittered(doubled(retryPauses, entry.tries++), this.#options.random());
    this.#wait(path, entry, { reason: "retrying", detail });
  }

  /** A program keeps it for itself, so that it cannot be read: it is tried again until it can be, at a rhythm that does not slow down. */
  inUse(path: string, detail: string, now: number): void {
    const entry = this.#entries.get(path);
    if (entry === undefined) return;
    entry.isSending = false;
    entry.tryAt = now + jittered(inUsePauseMs, this.#options.random());
    this.#wait(path, entry, { reason: "open-for-writing", detail });
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
    if (entry === undefined || entry.fingerprint === null) return false;
    const isRest = entry.waiting?.reason === "taken-in-part" && !entry.isSending;
    if (!isRest && !isSettled(entry)) return false;
    entry.isSending = true;
    return true;
  }

  /** It was taken away. */
  gone(path: string): void {
    this.#entries.delete(path);
  }

  /** Whether the entry, as it was last seen, has this fingerprint. */
  isStill(path: string, fingerprint: string): boolean {
    return this.#entries.get(path)?.fingerprint === fingerprint;
  }

  /** What each entry waits for that was not sent, or has changed since. */
  *waiting(): Generator<{ readonly path: string; readonly kind: "file" | "folder" } & Waiting> {
    for (const [path, { kind, waiting }] of this.#entries)
      if (waiting !== null) yield { path, kind, ...waiting };
  }

  /** The same, with what was seen over time, for who asks now. */
  *details(now: number): Generator<WaitingEntry> {
    for (const [path, { kind, waiting, fingerprint, since, tries, tryAt }] of this.#entries) {
      if (waiting === null) continue;
      const quiet = fingerprint === null ? null : now - since;
      const isTried = waiting.reason === "retrying" && tryAt > now;
      yield {
        ...{ path, kind, ...waiting, quietMs: quiet },
        ...{ tries, nextTryMs: isTried ? tryAt - now : null },
      };
    }
  }

  /** Why the folder cannot be looked at, `null` where it can. */
  get whyLost(): string | null {
    return this.#lost;
  }

  /** How many entries there are, and how many of them wait. */
  get counts(): { readonly entries: number; readonly waiting: number } {
    let waiting = 0;
    for (const entry of this.#entries.values()) if (entry.waiting !== null) waiting += 1;
    return { entries: this.#entries.size, waiting };
  }

  /** How many of them wait for which reason. */
  get reasons(): Readonly<Record<string, number>> {
    const reasons: Record<string, number> = {};
    for (const { reason } of this.waiting()) reasons[reason] = (reasons[reason] ?? 0) + 1;
    return reasons;
  }

  #wait(path: string, entry: Entry, { reason, detail, fields }: Waiting): void {
    const before = entry.waiting;
    entry.waiting = { reason, detail, ...(fields === undefined ? {} : { fields }) };
    if (before?.reason !== reason || before.detail !== detail)
      this.#options.onWaiting(path, entry.waiting, entry.kind);
  }
}

/** Whether only trying tells that it is over. */
function isTriedAgain(waiting: Waiting | null): waiting is Waiting {
  return waiting?.reason === "retrying" || waiting?.reason === "open-for-writing";
}

function newEntry({ kind, fingerprint }: Seen, sent: string | null, now: number): Entry {
  return {
    kind,
    fingerprint: sent === fingerprint.text ? sent : null,
    since: now,
    bytesMost: fingerprint.bytes,
    hasShrunk: false,
    look: 0,
    sent,
    isSending: false,
    waiting: null,
    refused: null,
    tryAt: now,
    tries: 0,
  };
}

/** It was last seen as it was sent. */
function isAsSent({ sent, fingerprint }: Entry): boolean {
  return sent !== null && sent === fingerprint;
}

/** It was sent, and nothing is known of it that would be to be sent. */
function isSettled({ sent, waiting, isSending }: Entry): boolean {
  return sent !== null && waiting === null && !isSending;
}

function refusalKey({ fingerprint }: Entry, key: string): string {
  return `${fingerprint}\0${key}`;
}
