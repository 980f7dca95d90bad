// Space that admitted uploads will still need. Without it, many uploads that fit one by one would fill the disk
// together, and all of them would fail.
//
// Between the uploads of one user what is announced counts in full: what cannot fit is told at once. From other users
// an announcement alone takes little, or one that is never kept would take the whole disk: a step, then as much as has come
// already, and half of what is free at most for all uploads of a user. So two users may be let in who do not both fit; who
// is alone never is told in the middle what could be told at the start.

import { DyncError } from "../base/error.ts";
import type { Storage } from "../storage/storage.ts";

const MiB = 1024 * 1024;
// Left over for the catalogue, sidecars and folders.
const headroomBytes = MiB;
// A large file of an instrument; small beside the disks that take such files.
const stepBytes = 1024 * MiB;

/** What an upload announced. */
interface Claim {
  readonly user: string;
  /** Bytes that are still to come, as far as they were announced. */
  readonly left: number;
  /** Bytes that came. */
  readonly come: number;
}

export class Room {
  readonly #storage: Storage;
  readonly #claims = new Map<string, Claim>();
  /** What all of them may still take, at most. */
  #left = 0;

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  /**
   * Sets room aside for `bytes` more of upload `id` of `user`, of which `come` have come, or throws `DyncError`
   * ("no-space") that names what is free. `null` is an upload of unknown size: it only needs something to be left.
   */
  async reserve(id: string, user: string, bytes: number | null, come = 0): Promise<void> {
    const leftBefore = this.#left;
    const free = await this.#storage.freeBytes();
    // Where there is room for all that was announced, whose it is need not be looked at.
    const isAmple = free === null || free - headroomBytes - Math.max(leftBefore, this.#left) > (bytes ?? 0);
    if (!isAmple) {
      const before = [...this.#claims.values()];
      const freeNow = await this.#storage.freeBytes();
      // From here to the claim nobody else gets a turn.
      expectRoom(this.#availableOf(freeNow, before, user), bytes);
    }
    this.#set(id, { user, left: bytes ?? 0, come });
  }

  #set(id: string, claim: Claim | null): void {
    this.#left += (claim?.left ?? 0) - (this.#claims.get(id)?.left ?? 0);
    if (claim === null) this.#claims.delete(id);
    else this.#claims.set(id, claim);
  }

  /** Bytes that one more upload of `user` may have, now; `null` where the storage cannot tell. */
  async available(user: string): Promise<number | null> {
    const before = [...this.#claims.values()];
    return this.#availableOf(await this.#storage.freeBytes(), before, user);
  }

  /** Of `free` bytes, which were told after the claims were those of `before`. */
  #availableOf(free: number | null, before: readonly Claim[], user: string): number | null {
    if (free === null) return null;
    // What was written while we waited is no longer set aside, but may have been counted as free.
    const claimed = Math.max(claimedOf(before, user, free), claimedOf(this.#claims.values(), user, free));
    return Math.max(0, free - headroomBytes - claimed);
  }

  /** Upload `id` has `come` bytes on the disk now: what was set aside for them is free, once. */
  use(id: string, come: number): void {
    const claim = this.#claims.get(id);
    if (claim === undefined || come <= claim.come) return;
    const left = Math.max(0, claim.left - (come - claim.come));
    this.#set(id, { ...claim, left, come });
  }

  release(id: string): void {
    this.#set(id, null);
  }
}

/** Throws as `Room.reserve` for an upload that needs `bytes` more, where so many are `available`. */
function expectRoom(available: number | null, bytes: number | null): void {
  if (available === null || (available > 0 && (bytes ?? 0) <= available)) return;
  const wanted = bytes === null ? "the upload has no announced size" : `the upload needs ${bytes}`;
  throw new DyncError("no-space", `Not enough room on the server: ${available} bytes are free, ${wanted}`);
}

/** What `claims` set aside against one more upload of `user`, where `free` bytes are free. */
function claimedOf(claims: Iterable<Claim>, user: string, free: number): number {
  let sum = 0;
  const others = new Map<string, number>();
  for (const { user: owner, left, come } of claims) {
    if (owner === user) sum += left;
    else others.set(owner, (others.get(owner) ?? 0) + Math.min(left, Math.max(stepBytes, come)));
  }
  for (const bytes of others.values()) sum += Math.min(bytes, Math.floor(free / 2));
  return sum;
}
