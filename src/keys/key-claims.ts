// Which file of the folder of authorised keys has which key and which user: what was there first stays, and what
// vanished has a moment to come back. Pure: it is told what lies there and what time it is.

import { foldName } from "../base/file-name.ts";

/** What a good file of the folder says. */
export interface KeyClaim {
  /** Name of the file in the folder. */
  readonly file: string;
  /** The public key, 40 characters of Z85. */
  readonly key: string;
  readonly user: string;
  /** Tells a file that was renamed from a copy of it. */
  readonly inode: string;
  /** When the file was made, calendar time in ms: the order of files that are seen for the first time together. */
  readonly madeAt: number;
  /** Until when the key is good, calendar time in ms; `null`: for ever. */
  readonly expiresAt: number | null;
}

/** A claim that cannot be granted, and why: the end of a sentence. */
export interface RefusedClaim {
  readonly claim: KeyClaim;
  readonly reason: string;
}

/** What changed for the holders. A key whose user changed is in the first two. */
export interface ClaimChanges {
  readonly added: readonly KeyClaim[];
  readonly removed: readonly KeyClaim[];
  /** Whose moment to come back is over. */
  readonly ended: readonly KeyClaim[];
  /** Refused for as long as the holder's file is there. */
  readonly refused: readonly RefusedClaim[];
}

/** Long enough for a file that is replaced by removing it and copying another one, which people take a second for. */
export const leavingMs = 5_000;

/** A key whose file vanished, or has another key now. */
interface Leaving {
  readonly claim: KeyClaim;
  /** Monotonic ms. */
  readonly until: number;
  /** No other file gets its key or its user meanwhile. Not so when the file was only renamed. */
  readonly isReserved: boolean;
}

/** The keys that are authorised, and those that were until a moment ago. */
export class KeyClaims {
  /** By file, in the order in which files were first seen; with those that were refused. */
  #order = new Map<string, number>();
  #seen = 0;
  #granted: ReadonlyMap<string, KeyClaim> = new Map();
  #byKey: ReadonlyMap<string, KeyClaim> = new Map();
  #leaving: readonly Leaving[] = [];

  /** Who holds `key`, or `null`. */
  holder(key: string): KeyClaim | null {
    return this.#byKey.get(key) ?? null;
  }

  /** Whether nobody holds `key` and somebody did until a moment ago. */
  isLeaving(key: string): boolean {
    return !this.#byKey.has(key) && this.#leaving.some(({ claim }) => claim.key === key);
  }

  /** Whether `key` holds `user`, or did until a moment ago: what it began goes on. */
  isOf(key: string, user: string): boolean {
    if (this.#byKey.get(key)?.user === user) return true;
    return this.#leaving.some(({ claim }) => claim.key === key && claim.user === user);
  }

  granted(): readonly KeyClaim[] {
    return [...this.#granted.values()];
  }

  /** When somebody's moment to come back is over, monotonic ms, or `null`: nobody is leaving. */
  get nextEnd(): number | null {
    return this.#leaving.length === 0 ? null : Math.min(...this.#leaving.map(({ until }) => until));
  }

  /** Takes in what lies in the folder at `now` (monotonic ms): the claims of all good files, in any order. */
  update(claims: readonly KeyClaim[], now: number): ClaimChanges {
    const before = this.#granted;
    const stillLeaving = this.#leaving.filter(({ until }) => until > now);
    const over = this.#leaving.filter(({ until }) => until <= now);
    const gone = [...before.values()].filter((held) => !claims.some((it) => isSame(it, held)));
    const newlyLeaving = gone.map((held) => ({
      claim: held,
      until: now + leavingMs,
      isReserved: !claims.some((it) => isRenamed(it, held, before)),
    }));
    const leaving = [...stillLeaving, ...newlyLeaving];
    this.#arrange(claims, before, leaving);
    const reserved = leaving.filter(({ isReserved }) => isReserved).map(({ claim }) => claim);
    const refused = this.#grant(this.#ranked(claims, before, leaving), reserved);
    // Whoever is back leaves no longer.
    this.#leaving = leaving.filter(({ claim }) => this.#byKey.get(claim.key)?.user !== claim.user);
    return {
      added: differing(this.#byKey, before.values()),
      removed: [...before.values()].filter((held) => this.#byKey.get(held.key)?.user !== held.user),
      ended: over.map(({ claim }) => claim).filter(({ key, user }) => !this.isOf(key, user)),
      refused,
    };
  }

  /** Gives new files their place in the order, and forgets those that are gone for good. */
  #arrange(
    claims: readonly KeyClaim[],
    before: ReadonlyMap<string, KeyClaim>,
    leaving: readonly Leaving[],
  ): void {
    const there = new Set([...claims.map(({ file }) => file), ...leaving.map(({ claim }) => claim.file)]);
    const order = new Map([...this.#order].filter(([file]) => there.has(file)));
    const fresh = claims.filter(({ file }) => !order.has(file));
    fresh.sort((left, right) => left.madeAt - right.madeAt || (left.file < right.file ? -1 : 1));
    for (const claim of fresh) {
      const former = [...before.values()].find((held) => isRenamed(claim, held, before));
      order.set(claim.file, (former && this.#order.get(former.file)) ?? ++this.#seen);
    }
    this.#order = order;
  }

  /** The claims in the order in which they are granted. */
  #ranked(
    claims: readonly KeyClaim[],
    before: ReadonlyMap<string, KeyClaim>,
    leaving: readonly Leaving[],
  ): readonly KeyClaim[] {
    const awaited = leaving.filter(({ isReserved }) => isReserved);
    const held = [...before.values(), ...awaited.map(({ claim }) => claim)];
    // First who has it already; then who keeps the user and changes the key, or the name of the file; then the others.
    const rankOf = (claim: KeyClaim): number => {
      if (held.some((it) => isSame(it, claim))) return 0;
      const isUsers = (it: KeyClaim): boolean => it.file === claim.file && it.user === claim.user;
      return held.some((it) => isUsers(it) || isRenamed(claim, it, before)) ? 1 : 2;
    };
    const ranked = claims.map((claim) => ({
      claim,
      rank: rankOf(claim),
      order: this.#order.get(claim.file) ?? 0,
    }));
    ranked.sort((left, right) => left.rank - right.rank || left.order - right.order);
    return ranked.map(({ claim }) => claim);
  }

  #grant(ranked: readonly KeyClaim[], reserved: readonly KeyClaim[]): readonly RefusedClaim[] {
    const granted = new Map<string, KeyClaim>();
    const byKey = new Map<string, KeyClaim>();
    const bySpelling = new Map<string, KeyClaim>();
    const refused: RefusedClaim[] = [];
    for (const claim of ranked) {
      const reason = refusalOf(claim, byKey.get(claim.key), bySpelling.get(foldName(claim.user)));
      if (reason !== null) {
        refused.push({ claim, reason });
      } else if (!reserved.some((it) => it.file !== claim.file && isRival(it, claim))) {
        granted.set(claim.file, claim);
        byKey.set(claim.key, claim);
        bySpelling.set(foldName(claim.user), bySpelling.get(foldName(claim.user)) ?? claim);
      }
    }
    this.#granted = granted;
    this.#byKey = byKey;
    return refused;
  }
}

function refusalOf(
  claim: KeyClaim,
  ofKey: KeyClaim | undefined,
  ofSpelling: KeyClaim | undefined,
): string | null {
  if (ofKey !== undefined) return `its key is in ${ofKey.file} already, as that of the user ${ofKey.user}`;
  if (ofSpelling === undefined || ofSpelling.user === claim.user) return null;
  // Some file systems would give both the same folder.
  return `its user ${claim.user} differs from ${ofSpelling.user} of ${ofSpelling.file} only in case or Unicode form`;
}

/** Both cannot have what they claim. */
function isRival(left: KeyClaim, right: KeyClaim): boolean {
  if (left.key === right.key) return true;
  return left.user !== right.user && foldName(left.user) === foldName(right.user);
}

function isSame(left: KeyClaim, right: KeyClaim): boolean {
  return left.file === right.file && left.key === right.key && left.user === right.user;
}

/** `claim` is `held` under a new name. */
function isRenamed(claim: KeyClaim, held: KeyClaim, before: ReadonlyMap<string, KeyClaim>): boolean {
  return claim.inode === held.inode && claim.key === held.key && !before.has(claim.file);
}

function differing(now: ReadonlyMap<string, KeyClaim>, before: Iterable<KeyClaim>): readonly KeyClaim[] {
  const users = new Map([...before].map(({ key, user }) => [key, user]));
  return [...now.values()].filter(({ key, user }) => users.get(key) !== user);
}
