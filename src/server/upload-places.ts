// Who may have an upload open: places for all, shared among users. Pure; `uploads.ts` asks it for each upload that
// begins or comes back.
//
// A user may fill whatever others do not need, up to a bound of its own. When all places are taken, a user who has at
// least two fewer than the one who has most gets one of its places: so one user's uploads, however many, never keep
// another from beginning.

import { assert } from "../base/assert.ts";

/** What an upload of some user finds. */
export type Place =
  | { readonly type: "free" }
  /** One of this user's uploads has to go first. */
  | { readonly type: "of-another"; readonly user: string }
  /** Its user has as many as one user may have. */
  | { readonly type: "user-full" }
  /** All are taken, and no other user has many more. */
  | { readonly type: "full" };

export class UploadPlaces {
  readonly #max: () => number;
  readonly #perUser: (user: string) => number;
  readonly #users = new Map<string, Set<string>>();
  readonly #byId = new Map<string, string>();

  /** `max` for all, `perUser` of them for one user at most; both may change. */
  constructor(max: () => number, perUser: (user: string) => number) {
    this.#max = max;
    this.#perUser = perUser;
  }

  /** Places that are taken. */
  get taken(): number {
    return this.#byId.size;
  }

  /** What one more upload of `user` would find, of whom other servers have `elsewhere`. */
  find(user: string, elsewhere = 0): Place {
    const own = this.#users.get(user)?.size ?? 0;
    if (own + elsewhere >= this.#perUser(user)) return { type: "user-full" };
    if (this.taken < this.#max()) return { type: "free" };
    let [most, count] = ["", 0];
    for (const [other, uploads] of this.#users)
      if (uploads.size > count) [most, count] = [other, uploads.size];
    return count >= own + 2 ? { type: "of-another", user: most } : { type: "full" };
  }

  /** Uploads of `user` that have a place. */
  of(user: string): readonly string[] {
    return [...(this.#users.get(user) ?? [])];
  }

  take(id: string, user: string): void {
    assert(!this.#byId.has(id), `upload ${id} has one place`);
    this.#byId.set(id, user);
    const uploads = this.#users.get(user);
    if (uploads === undefined) this.#users.set(user, new Set([id]));
    else uploads.add(id);
  }

  /** Does nothing for an upload that has no place. */
  free(id: string): void {
    const user = this.#byId.get(id);
    if (user === undefined) return;
    this.#byId.delete(id);
    const uploads = this.#users.get(user);
    uploads?.delete(id);
    if (uploads?.size === 0) this.#users.delete(user);
  }
}
