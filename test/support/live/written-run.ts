// The folder of a run in memory, as an instrument writes it: files by path, folders, and a clock of the file system that stamps what changes.

import type { LiveEntry } from "../../../src/client/live/feed.ts";
import type { Follower } from "../../../src/watch/live/follower.ts";

export interface WrittenFile {
  readonly size: number;
  readonly modified: string;
  readonly born: string;
  readonly executable: boolean;
  readonly fileId: string;
  /** The same for the same content alone. */
  readonly content: number;
}

export class WrittenRun {
  readonly files = new Map<string, WrittenFile>();
  readonly folders = new Set<string>();
  /** Nanoseconds, as the file system stamps. */
  #stamp = 1_700_000_000_000_000_000n;
  #count = 0;

  passed(ms: number): void {
    this.#stamp += BigInt(Math.round(ms * 1e6));
  }

  /** Writes a file anew, under a name that may be taken, or more of it. */
  write(path: string, size: number, isSameFile = this.files.has(path)): void {
    for (const folder of parentsOf(path)) this.folder(folder);
    if (this.folders.has(path)) this.remove(path);
    const before = this.files.get(path);
    this.#count += 1;
    this.#stamp += 1000n;
    const modified = this.#stamp.toString();
    this.files.set(path, {
      size,
      modified,
      born: isSameFile && before !== undefined ? before.born : modified,
      executable: before?.executable ?? false,
      fileId: isSameFile && before !== undefined ? before.fileId : `${this.#count}`,
      content: this.#count,
    });
  }

  folder(path: string): void {
    for (const folder of [...parentsOf(path), path]) {
      this.files.delete(folder);
      this.folders.add(folder);
    }
  }

  /** Takes a file away, or a folder with all in it. */
  remove(path: string): void {
    for (const at of [...this.files.keys(), ...this.folders])
      if (at === path || at.startsWith(`${path}/`)) {
        this.files.delete(at);
        this.folders.delete(at);
      }
  }

  /** Gives a file, or a folder with all in it, another name, over what has that. */
  rename(path: string, to: string): void {
    if (to === path || to.startsWith(`${path}/`) || path.startsWith(`${to}/`)) return;
    if (!this.files.has(path) && !this.folders.has(path)) return;
    this.remove(to);
    for (const folder of parentsOf(to)) this.folder(folder);
    const moved = (at: string): string => to + at.slice(path.length);
    const isMeant = (at: string): boolean => at === path || at.startsWith(`${path}/`);
    for (const [at, file] of [...this.files].filter(([it]) => isMeant(it))) {
      this.files.delete(at);
      this.files.set(moved(at), file);
    }
    for (const at of [...this.folders].filter(isMeant)) {
      this.folders.delete(at);
      this.folders.add(moved(at));
    }
  }

  entry(path: string): LiveEntry | null {
    if (this.folders.has(path)) return { type: "folder", modified: this.#folderStamp(path) };
    const file = this.files.get(path);
    if (file === undefined) return null;
    const { size, modified, executable, fileId } = file;
    return { type: "file", size, modified, executable, fileId };
  }

  /** Moves when what is directly in it does. */
  #folderStamp(folder: string): string {
    const inside = [...this.files.keys(), ...this.folders].filter((path) => parentOf(path) === folder);
    return `${inside.sort().join("\0").length}${inside.length}`;
  }

  /** Lets `follower` see all of it, but for what is at or below `hidden`. */
  lookedAt(follower: Follower, now: number, hidden: string | null = null): void {
    const isHidden = (path: string): boolean => path === hidden || path.startsWith(`${hidden}/`);
    follower.begin();
    for (const path of [...this.folders, ...this.files.keys()].sort())
      if (hidden === null || !isHidden(path))
        follower.saw(path, this.entry(path)!, now, BigInt(this.files.get(path)?.born ?? 0));
    if (hidden !== null) follower.hidden(hidden, "not allowed");
  }
}

export function parentsOf(path: string): readonly string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}

function parentOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}
