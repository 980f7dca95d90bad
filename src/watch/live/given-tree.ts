// What of a live run is in its stream, step by step: which files and folders the server has of it when all of that arrived. Follows from
// the steps alone, so that after a restart it is made again from those that were written down. Pure.

import type { LiveEntry, LiveStep } from "../../client/live/feed.ts";
import { foldersOf, foldPath } from "../../tar/member-path.ts";
import { numberOf } from "../fingerprint.ts";

/** A file or folder that was given. */
export interface Given {
  readonly type: "file" | "folder";
  /** What `versionOf` says of it; `null` for a folder that is there since something in it is. */
  readonly version: number | null;
  /** Bytes; of a folder 0. */
  readonly size: number;
  /** How often it was given. */
  readonly times: number;
}

export class GivenTree {
  readonly #paths = new Map<string, Given>();
  /** By the number of the form in which it is the same for some system: of very many the text would take as much again. */
  readonly #byFolded = new Map<number, string>();
  /** Bytes of all files that were given, and of those among them that were given in vain: another one came later. */
  bytes = 0;
  bytesInVain = 0;

  get size(): number {
    return this.#paths.size;
  }

  at(path: string): Given | undefined {
    return this.#paths.get(path);
  }

  [Symbol.iterator](): Iterator<readonly [path: string, given: Given]> {
    return this.#paths.entries();
  }

  /** Notes what was given next. */
  note(step: LiveStep): void {
    if (step.kind === "member") this.#member(step.path, step.entry);
    else if (step.kind === "removed") this.#removed(step.path);
  }

  #member(path: string, entry: LiveEntry): void {
    for (const folder of foldersOf(path))
      if (!this.#paths.has(folder)) this.#set(folder, { type: "folder", version: null, size: 0, times: 0 });
    const before = this.#paths.get(path);
    const size = entry.type === "file" ? entry.size : 0;
    this.bytes += size;
    this.bytesInVain += before?.size ?? 0;
    this.#set(path, { type: entry.type, version: versionOf(entry), size, times: (before?.times ?? 0) + 1 });
  }

  #set(path: string, given: Given): void {
    if (!this.#paths.has(path)) this.#byFolded.set(numberOf(foldPath(path)), path);
    this.#paths.set(path, given);
  }

  #removed(path: string): void {
    const { type } = this.#paths.get(path) ?? {};
    this.#delete(path);
    if (type !== "folder") return;
    for (const below of this.#paths.keys()) if (below.startsWith(`${path}/`)) this.#delete(below);
  }

  #delete(path: string): void {
    this.bytesInVain += this.#paths.get(path)?.size ?? 0;
    this.#paths.delete(path);
    const folded = numberOf(foldPath(path));
    if (this.#byFolded.get(folded) === path) this.#byFolded.delete(folded);
  }

  /** A file that was given has another content than it was given with: whatever it is now is not what is there. */
  spoil(path: string): void {
    const given = this.#paths.get(path);
    if (given !== undefined) this.#paths.set(path, { ...given, version: null });
  }

  /** What has to be taken out before a member of this path and type can be given; `null`: nothing. */
  clashOf(path: string, type: Given["type"]): string | null {
    for (const folder of foldersOf(path)) {
      const clash = this.#clash(folder, "folder");
      if (clash !== null) return clash;
    }
    return this.#clash(path, type);
  }

  #clash(path: string, type: Given["type"]): string | null {
    const there = this.#paths.get(path);
    if (there !== undefined) return there.type === type ? null : path;
    const folded = foldPath(path);
    const other = this.#byFolded.get(numberOf(folded));
    return other !== undefined && foldPath(other) === folded ? other : null;
  }
}

/** A number that is the same for two states of a file or folder in which nothing differs that a dataset carries. */
export function versionOf(entry: LiveEntry): number {
  if (entry.type === "folder") return numberOf(entry.modified);
  return numberOf(`${entry.size}\0${entry.modified}\0${entry.executable}\0${entry.fileId}`);
}
