// Which names are taken in each folder, without regard to case and Unicode form. Listing a folder of
// 100,000 files takes a while, so the names are kept in memory and listed again only when the folder changed.
// What other programs do between two listings is noticed by exact name only; publishing never replaces anyway.

import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { foldName } from "../base/file-name.ts";
import type { Destination } from "../upload/destination.ts";
import { checksumSuffix, metadataSuffix, occupiedNames } from "../upload/names.ts";
import { lookAt, lookBehind } from "./file-calls.ts";
import { forgetOldest, listingShareMax } from "./known-folders.ts";
import { NameSet } from "./name-set.ts";

// A folder for each sample may hold next to nothing.
const foldersMax = 10_000;

interface Folder {
  /** Folded names of the data files, and of files without one. */
  readonly names: NameSet;
  /** Identifies the state of the folder that was listed. */
  signature: string;
  /** Monotonic milliseconds: not listed again before. */
  readonly listAgainAt: number;
  /** Nor is a single name looked for before. */
  searchAgainAt: number;
}

/** Publications of ours that are under way in one folder, from the first that began to the last that ends. */
interface OwnChanges {
  /** State of the folder before the first. */
  readonly before: string | null;
  running: number;
  begun: number;
}

export class NameIndex {
  readonly #root: string;
  readonly #clock: Clock;
  readonly #readNames: (path: string) => Promise<readonly string[]>;
  // Least recently used first.
  readonly #folders = new Map<string, Folder>();
  readonly #listings = new Map<string, Promise<Folder>>();
  readonly #changing = new Map<string, OwnChanges>();

  /** `list` gives the names in a folder. */
  constructor(root: string, clock: Clock, list: (path: string) => Promise<readonly string[]> = readdir) {
    this.#root = root;
    this.#clock = clock;
    this.#readNames = list;
  }

  /** Whether publishing `name` would meet a file that is there. */
  async isTaken({ folder, name }: Destination): Promise<boolean> {
    const path = join(this.#root, folder);
    const signature = await signatureOf(path);
    if (signature === null) {
      this.#folders.delete(folder);
      return false;
    }
    const known = this.#folders.get(folder);
    if (known?.signature === signature) return isIn(known.names, name);
    // What we are changing ourselves is known as soon as it is done.
    const mayList = !this.#changing.has(folder) && this.#clock.now() >= (known?.listAgainAt ?? 0);
    if (known !== undefined && !mayList && !isIn(known.names, name))
      return (await fileAt(path, name)) !== null;
    const listed = await this.#list(folder, path, signature);
    return isIn(listed.names, name);
  }

  /**
   * The same for who publishes now, and so replaces nothing: while uploads of ours change the folder, what they made there is all that is
   * looked for. Listing it would have to wait for their end, and a file of somebody else stands in the way of its name by itself.
   */
  async isTakenAsKnown({ folder, name }: Destination): Promise<boolean> {
    const known = this.#changing.has(folder) ? this.#folders.get(folder) : undefined;
    return known === undefined ? await this.isTaken({ folder, name }) : isIn(known.names, name);
  }

  /**
   * Which file keeps `name` from being published, as it is spelled; `null` when none does, or when finding it would
   * take another listing so soon.
   */
  async whatIsThere({ folder, name }: Destination): Promise<string | null> {
    const path = join(this.#root, folder);
    const exact = await fileAt(path, name);
    if (exact !== null) return exact;
    if (this.#clock.now() < (this.#folders.get(folder)?.searchAgainAt ?? 0)) return null;
    const started = this.#clock.now();
    const clashing = new Set(occupiedNames(name));
    const found = (await this.#readNames(path)).find((it) => clashing.has(foldName(it))) ?? null;
    const known = this.#folders.get(folder);
    const now = this.#clock.now();
    if (known !== undefined) known.searchAgainAt = now + (now - started) / listingShareMax;
    return found;
  }

  /** Runs `publish`, which gives `name` to a file, so that the changes it makes to the folder cost no listing. */
  async publishing({ folder, name }: Destination, publish: () => Promise<void>): Promise<void> {
    await this.adding(folder, async () => {
      await publish();
      return name;
    });
  }

  /** Runs `change`, which makes one more file in `folder`; it returns its name. */
  async adding(folder: string, change: () => Promise<string>): Promise<string> {
    let name = "";
    await this.quietly(folder, async () => {
      name = await change();
      this.#folders.get(folder)?.names.add(foldName(name));
    });
    return name;
  }

  /** Runs `change`, after which `folder` holds what is known of it. */
  async quietly(folder: string, change: () => Promise<void>): Promise<void> {
    const path = join(this.#root, folder);
    const changes = await this.#begin(folder, path);
    try {
      await change();
    } finally {
      changes.running -= 1;
      if (changes.running === 0) await this.#changed(folder, path, changes);
    }
  }

  /** What the folder looked like before is asked by the first alone. */
  async #begin(folder: string, path: string): Promise<OwnChanges> {
    const before = this.#changing.has(folder) ? null : await signatureOf(path);
    // Another one may have begun meanwhile.
    const changes = this.#changing.get(folder) ?? { before, running: 0, begun: 0 };
    this.#changing.set(folder, changes);
    changes.running += 1;
    changes.begun += 1;
    return changes;
  }

  async #changed(folder: string, path: string, changes: OwnChanges): Promise<void> {
    const { begun } = changes;
    // When the folder cannot be looked at it is listed next time, as after any other change.
    const after = await signatureOf(path).catch(() => null);
    // Another one began meanwhile: its end sees to it.
    if (changes.begun !== begun) return;
    this.#changing.delete(folder);
    const known = this.#folders.get(folder);
    if (known?.signature === changes.before && after !== null) known.signature = after;
  }

  #list(name: string, path: string, signature: string): Promise<Folder> {
    const running = this.#listings.get(name);
    if (running !== undefined) return running;
    const listing = this.#listNow(name, path, signature).finally(() => this.#listings.delete(name));
    this.#listings.set(name, listing);
    return listing;
  }

  async #listNow(name: string, path: string, signature: string): Promise<Folder> {
    const started = this.#clock.now();
    const names = new Set((await this.#readNames(path)).map(foldName));
    // The two files beside each data file follow from its name: they need no room here.
    for (const it of names) {
      for (const suffix of [checksumSuffix, metadataSuffix]) {
        if (it.endsWith(suffix) && names.has(it.slice(0, -suffix.length))) names.delete(it);
      }
    }
    const finished = this.#clock.now();
    const listAgainAt = finished + (finished - started) / listingShareMax;
    const folder = { names: new NameSet(names), signature, listAgainAt, searchAgainAt: 0 };
    this.#folders.delete(name);
    this.#folders.set(name, folder);
    forgetOldest(this.#folders, foldersMax);
    return folder;
  }
}

async function fileAt(path: string, name: string): Promise<string | null> {
  for (const suffix of ["", checksumSuffix, metadataSuffix]) {
    if ((await lookAt(join(path, name + suffix))) !== null) return name + suffix;
  }
  return null;
}

function isIn(names: NameSet, name: string): boolean {
  const folded = foldName(name);
  if (occupiedNames(name).some((occupied) => names.has(occupied))) return true;
  // Files beside data files are not in the set: `x.sha256` is taken where `x` is.
  return [checksumSuffix, metadataSuffix].some(
    (suffix) => folded.endsWith(suffix) && names.has(folded.slice(0, -suffix.length)),
  );
}

async function signatureOf(path: string): Promise<string | null> {
  const properties = await lookBehind(path);
  return properties === null ? null : `${properties.ino} ${properties.mtimeNs}`;
}
