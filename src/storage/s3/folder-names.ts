// Which names are taken in each folder, without regard to case and Unicode form: to the store all keys are different, to who copies them to another
// machine they are not. Exact names are looked up by themselves; this is kept for a while, and what another server publishes meanwhile is
// seen then.

import type { Clock } from "../../base/clock.ts";
import { foldName } from "../../base/file-name.ts";
import type { Destination } from "../../upload/destination.ts";
import { occupiedNames } from "../../upload/names.ts";
import { forgetOldest, listingShareMax } from "../known-folders.ts";

const keptMsMin = 60_000;

interface Folder {
  /** Folded, with how each is spelled. */
  readonly names: Map<string, string>;
  /** Monotonic milliseconds. */
  readonly until: number;
}

export class FolderNames {
  readonly #list: (folder: string) => AsyncIterable<string>;
  readonly #clock: Clock;
  // Least recently listed first.
  readonly #folders = new Map<string, Folder>();
  readonly #listings = new Map<string, Promise<Folder>>();

  constructor(list: (folder: string) => AsyncIterable<string>, clock: Clock) {
    this.#list = list;
    this.#clock = clock;
  }

  /** A name in the folder with which publishing there would collide, or `null`. */
  async clash({ folder, name }: Destination): Promise<string | null> {
    const { names } = await this.#namesIn(folder);
    for (const occupied of occupiedNames(name)) {
      const there = names.get(occupied);
      if (there !== undefined) return there;
    }
    return null;
  }

  /** Something is there now. */
  add({ folder, name }: Destination): void {
    const names = this.#folders.get(folder)?.names;
    names?.set(foldName(name), name);
    for (const occupied of occupiedNames(name)) if (names?.has(occupied) === false) names.set(occupied, name);
  }

  /** It may be different now. */
  forget(folder: string): void {
    this.#folders.delete(folder);
  }

  async #namesIn(folder: string): Promise<Folder> {
    const known = this.#folders.get(folder);
    if (known !== undefined && this.#clock.now() < known.until) return known;
    const running = this.#listings.get(folder);
    if (running !== undefined) return await running;
    const listing = this.#listNow(folder).finally(() => this.#listings.delete(folder));
    this.#listings.set(folder, listing);
    return await listing;
  }

  async #listNow(folder: string): Promise<Folder> {
    const began = this.#clock.now();
    const names = new Map<string, string>();
    for await (const name of this.#list(folder)) names.set(foldName(name), name);
    const now = this.#clock.now();
    const listed = { names, until: now + Math.max(keptMsMin, (now - began) / listingShareMax) };
    this.#folders.delete(folder);
    this.#folders.set(folder, listed);
    forgetOldest(this.#folders);
    return listed;
  }
}
