// Which names are taken in each user's folder, without regard to case and Unicode form. Listing a folder of
// 100,000 files takes a while, so the names are kept in memory and listed again only when the folder changed.
// What other programs do between two listings is noticed by exact name only; publishing never replaces anyway.

import { lstat, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { systemCode } from "../base/error.ts";
import { checksumSuffix, foldName, metadataSuffix, occupiedNames } from "./destination.ts";

// Some 100 bytes each.
const namesMax = 500_000;
// Another program that works in a large folder all the time must not make us list it all the time: listing may
// take this part of the time at most.
const listingShareMax = 0.05;

interface Folder {
  /** Folded names of the data files, and of files without one. */
  readonly names: Set<string>;
  /** Identifies the state of the folder that was listed. */
  signature: string;
  /** Monotonic milliseconds: not listed again before. */
  readonly listAgainAt: number;
}

export class NameIndex {
  readonly #root: string;
  readonly #clock: Clock;
  // Least recently used first.
  readonly #folders = new Map<string, Folder>();
  readonly #listings = new Map<string, Promise<Folder>>();

  constructor(root: string, clock: Clock) {
    this.#root = root;
    this.#clock = clock;
  }

  /** Whether publishing `name` would meet a file that is there. */
  async isTaken(user: string, name: string): Promise<boolean> {
    const path = join(this.#root, user);
    const signature = await signatureOf(path);
    if (signature === null) {
      this.#folders.delete(user);
      return false;
    }
    const known = this.#folders.get(user);
    if (known?.signature === signature) return isIn(known.names, name);
    const mayList = known === undefined || this.#clock.now() >= known.listAgainAt;
    if (known !== undefined && !mayList && !isIn(known.names, name)) return this.#isThere(path, name);
    const folder = await this.#list(user, path, signature);
    return isIn(folder.names, name);
  }

  /** Notes what we published ourselves, so that the change it made to the folder does not cost a listing. */
  async published(user: string, name: string, before: string | null): Promise<void> {
    const folder = this.#folders.get(user);
    if (folder === undefined) return;
    folder.names.add(foldName(name));
    const after = await signatureOf(join(this.#root, user));
    if (folder.signature === before && after !== null) folder.signature = after;
  }

  /** To be taken before publishing, for `published`. */
  signature(user: string): Promise<string | null> {
    return signatureOf(join(this.#root, user));
  }

  #list(user: string, path: string, signature: string): Promise<Folder> {
    const running = this.#listings.get(user);
    if (running !== undefined) return running;
    const listing = this.#listNow(user, path, signature).finally(() => this.#listings.delete(user));
    this.#listings.set(user, listing);
    return listing;
  }

  async #listNow(user: string, path: string, signature: string): Promise<Folder> {
    const started = this.#clock.now();
    const names = new Set((await readdir(path)).map(foldName));
    // The two files beside each data file follow from its name: they need no room here.
    for (const name of names) {
      for (const suffix of [checksumSuffix, metadataSuffix]) {
        if (name.endsWith(suffix) && names.has(name.slice(0, -suffix.length))) names.delete(name);
      }
    }
    const finished = this.#clock.now();
    const folder = { names, signature, listAgainAt: finished + (finished - started) / listingShareMax };
    this.#folders.delete(user);
    this.#folders.set(user, folder);
    this.#evict();
    return folder;
  }

  #evict(): void {
    let total = 0;
    for (const { names } of this.#folders.values()) total += names.size;
    for (const [user, { names }] of this.#folders) {
      if (total <= namesMax || this.#folders.size === 1) return;
      this.#folders.delete(user);
      total -= names.size;
    }
  }

  async #isThere(path: string, name: string): Promise<boolean> {
    for (const suffix of ["", checksumSuffix, metadataSuffix]) {
      const isThere = await lstat(join(path, name + suffix)).then(() => true, falseWhenMissing);
      if (isThere) return true;
    }
    return false;
  }
}

function isIn(names: ReadonlySet<string>, name: string): boolean {
  const folded = foldName(name);
  if (occupiedNames(name).some((occupied) => names.has(occupied))) return true;
  // Files beside data files are not in the set: `x.sha256` is taken where `x` is.
  return [checksumSuffix, metadataSuffix].some(
    (suffix) => folded.endsWith(suffix) && names.has(folded.slice(0, -suffix.length)),
  );
}

async function signatureOf(path: string): Promise<string | null> {
  try {
    const { ino, mtimeNs } = await stat(path, { bigint: true });
    return `${ino} ${mtimeNs}`;
  } catch (error) {
    if (systemCode(error) === "ENOENT") return null;
    throw error;
  }
}

function falseWhenMissing(error: unknown): false {
  if (systemCode(error) === "ENOENT") return false;
  throw error;
}
