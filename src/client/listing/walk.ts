// Walks through a folder and all folders below it, names in the order of their bytes and what is in a folder directly behind it (so
// that tar may set its time when it is done with it), with memory for the names of those folders only that it is in. What the system answers from memory is asked in place, many names at a time; while the medium
// is slow, the same many are asked side by side in the runtime's pool.

import { type BigIntStats, lstatSync, statSync } from "node:fs";
import { lstat, stat } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { systemClock } from "../../base/clock.ts";
import { DyncError, systemCode } from "../../base/error.ts";
import { IoPace } from "../../base/io-pace.ts";
import { whyUnreadable } from "../../base/system-errors.ts";
import { systemPathBytes } from "../../base/system-path.ts";
import { isJunk } from "../../tar/member-path.ts";
import { namesIn } from "./names-in.ts";
import { type Chooser, chooserOf, type Selection } from "./selection.ts";

/** Something that a walk came by; `path` is relative to the folder, with "/" between its parts. */
export type Found =
  | FoundItem
  /** Named, and not taken. `why` is the end of a sentence; `isLink`: a symbolic link, or a hard one. */
  | { readonly type: "left-out"; readonly path: string; readonly why: string; readonly isLink: boolean }
  /** What systems leave behind, not taken; for a folder it stands for all that is in it. */
  | { readonly type: "junk"; readonly path: string }
  /** It cannot be told what is there. */
  | { readonly type: "unreadable"; readonly path: string; readonly error: DyncError };

export interface FoundItem {
  readonly type: "file" | "folder";
  readonly path: string;
  readonly stats: BigIntStats;
  /** How many folders were found before this one; 0 for a file. */
  readonly folderNumber: number;
  /** Number of the folder that it is in, -1 for the one that the walk began in. */
  readonly inFolder: number;
}

/** A folder on the way from the first to where the walk is. */
interface Step {
  /** With a "/" at its end, but for the first. */
  readonly prefix: string;
  readonly isChosen: boolean;
  readonly fileId: bigint;
  readonly names: readonly string[];
  at: number;
  /** What the names from `lookedFrom` on are. */
  looked: readonly Look[];
  lookedFrom: number;
  /** Its number once it was told of. */
  number: number | null;
  readonly stats: BigIntStats;
}

/** A folder that is to be gone into. */
type NewFolder = Pick<Step, "prefix" | "isChosen" | "stats" | "number">;

/** What is at a path, or why that cannot be told; junk is not looked at, and what was there may be gone. */
type Look = Present | { readonly error: unknown } | "junk" | "gone";

interface Present {
  readonly stats: BigIntStats;
  /** A symbolic link, which was followed if `stats` are of something else. */
  readonly isLink: boolean;
}

const looksAtOnce = 64;
const foundAtOnce = 256;

/**
 * Everything in `folder`, and below it, that `selection` takes or that has to be told of, in pieces. A folder comes before
 * what is in it, and is there only if it is taken or something in it is. Throws `DyncError` ("source") where `folder` itself
 * cannot be read, and the reason of `signal` when that aborts.
 */
export async function* walk(
  folder: string,
  selection: Selection,
  signal: AbortSignal,
): AsyncGenerator<readonly Found[]> {
  yield* new Walk(folder, selection).run(signal);
}

class Walk {
  readonly #folder: string;
  readonly #selection: Selection;
  readonly #choose: Chooser;
  readonly #pace = new IoPace(systemClock);
  readonly #steps: Step[] = [];
  readonly #found: Found[] = [];
  /** Files with several names (hard links) of which one was found. */
  readonly #linked = new Set<bigint>();
  #folders = 0;

  constructor(folder: string, selection: Selection) {
    this.#folder = folder;
    this.#selection = selection;
    this.#choose = chooserOf(selection, process.platform === "win32");
  }

  async *run(signal: AbortSignal): AsyncGenerator<readonly Found[]> {
    await this.#begin();
    for (let step = this.#steps.at(-1); step !== undefined; step = this.#steps.at(-1)) {
      const name = step.names[step.at];
      if (name === undefined) {
        this.#steps.pop();
        continue;
      }
      if (step.at >= step.lookedFrom + step.looked.length) {
        await this.#lookAhead(step);
        // Everything else has its turn in between.
        await setImmediate();
        signal.throwIfAborted();
      }
      const folder = this.#judge(step, name, step.looked[step.at - step.lookedFrom] as Look);
      step.at += 1;
      if (folder !== null) await this.#enter(folder);
      if (this.#found.length >= foundAtOnce) yield this.#found.splice(0);
    }
    if (this.#found.length > 0) yield this.#found;
  }

  async #begin(): Promise<void> {
    try {
      const stats = await stat(systemPathBytes(this.#folder), { bigint: true });
      const names = await namesIn(this.#at(""), this.#pace);
      const isChosen = this.#selection.include.length === 0;
      this.#push({ prefix: "", isChosen, stats, names, number: -1 });
    } catch (error) {
      throw unreadable(this.#folder, error);
    }
  }

  #push(step: NewFolder & Pick<Step, "names">): void {
    const fileId = fileIdOf(step.stats);
    this.#steps.push({ ...step, fileId, at: 0, looked: [], lookedFrom: 0 });
  }

  async #enter(folder: NewFolder): Promise<void> {
    const path = folder.prefix.slice(0, -1);
    try {
      this.#push({ ...folder, names: await namesIn(this.#at(path), this.#pace) });
    } catch (error) {
      this.#unreadable(path, error);
    }
  }

  #unreadable(path: string, error: unknown): void {
    this.#found.push({ type: "unreadable", path, error: unreadable(this.#at(path), error) });
  }

  async #lookAhead(step: Step): Promise<void> {
    const follow = this.#selection.links === "follow";
    const asked = step.names
      .slice(step.at, step.at + looksAtOnce)
      .map((name) => (this.#isJunk(name) ? null : systemPathBytes(this.#at(step.prefix + name))));
    step.looked = await this.#pace.run(
      () => asked.map((path) => (path === null ? "junk" : lookInPlace(path, follow))),
      () => Promise.all(asked.map((path) => (path === null ? "junk" : look(path, follow)))),
    );
    step.lookedFrom = step.at;
  }

  #isJunk(name: string): boolean {
    return !this.#selection.all && isJunk(name);
  }

  /** Tells what it is. Returns a folder in which something may be. */
  #judge(step: Step, name: string, looked: Look): NewFolder | null {
    const path = step.prefix + name;
    const isFolder = typeof looked === "object" && "stats" in looked && looked.stats.isDirectory();
    const choice = this.#choose(path, isFolder, step.isChosen);
    if (choice === "leave") return null;
    if (looked === "junk") this.#found.push({ type: "junk", path });
    else if (looked === "gone") {
      // A name that is no text cannot be asked for in every runtime.
      if (name.includes("\ufffd")) this.#unreadable(path, new Error("its name is no text"));
    } else if ("error" in looked) this.#unreadable(path, looked.error);
    else if (isFolder) return this.#foundFolder(step, path, looked, choice === "take");
    else if (choice === "take") this.#foundOther(step, path, looked.stats);
    return null;
  }

  #foundFolder(step: Step, path: string, { stats, isLink }: Present, isChosen: boolean): NewFolder | null {
    const id = fileIdOf(stats);
    if (isLink && this.#steps.some(({ fileId }) => fileId === id)) {
      const why = "a symbolic link back to a folder that it is in";
      this.#found.push({ type: "left-out", path, why, isLink: true });
      return null;
    }
    const number = isChosen ? this.#tellFolder(path, stats, this.#numberOf(step)) : null;
    return { prefix: `${path}/`, isChosen, stats, number };
  }

  #foundOther(step: Step, path: string, stats: BigIntStats): void {
    const why = kindOf(stats) ?? this.#hardLink(stats);
    if (why !== null) {
      const isLink = stats.isFile() || stats.isSymbolicLink();
      return void this.#found.push({ type: "left-out", path, why, isLink });
    }
    const inFolder = this.#numberOf(step);
    this.#found.push({ type: "file", path, stats, folderNumber: 0, inFolder });
  }

  /** The number of a folder in which something is taken: it is told of now, if it was not yet. */
  #numberOf(step: Step): number {
    if (step.number !== null) return step.number;
    const above = this.#steps[this.#steps.indexOf(step) - 1] as Step;
    step.number = this.#tellFolder(step.prefix.slice(0, -1), step.stats, this.#numberOf(above));
    return step.number;
  }

  #tellFolder(path: string, stats: BigIntStats, inFolder: number): number {
    const folderNumber = this.#folders++;
    this.#found.push({ type: "folder", path, stats, folderNumber, inFolder });
    return folderNumber;
  }

  /** Why this name of a file is left out, `null` where it is taken. */
  #hardLink(stats: BigIntStats): string | null {
    // Some network drives have no numbers.
    if (stats.nlink < 2n || stats.ino === 0n || this.#selection.links === "follow") return null;
    const id = fileIdOf(stats);
    if (this.#linked.has(id)) return "a hard link to a file that is taken by another of its names";
    this.#linked.add(id);
    return null;
  }

  #at(path: string): string {
    return path === "" ? this.#folder : join(this.#folder, path);
  }
}

function lookInPlace(path: string | Buffer, follow: boolean): Look {
  let isLink = false;
  try {
    const stats = lstatSync(path, { bigint: true });
    isLink = stats.isSymbolicLink();
    return { stats: isLink && follow ? statSync(path, { bigint: true }) : stats, isLink };
  } catch (error) {
    return failedLook(error, isLink);
  }
}

async function look(path: string | Buffer, follow: boolean): Promise<Look> {
  let isLink = false;
  try {
    const stats = await lstat(path, { bigint: true });
    isLink = stats.isSymbolicLink();
    return { stats: isLink && follow ? await stat(path, { bigint: true }) : stats, isLink };
  } catch (error) {
    return failedLook(error, isLink);
  }
}

// A link that leads nowhere is there.
function failedLook(error: unknown, isLink: boolean): Look {
  return systemCode(error) === "ENOENT" && !isLink ? "gone" : { error };
}

/** What is there that is no file to be sent, `null` for a file. */
function kindOf(stats: BigIntStats): string | null {
  if (stats.isFile()) return null;
  if (stats.isSymbolicLink()) return "a symbolic link";
  if (stats.isSocket()) return "a socket";
  return stats.isFIFO() ? "a named pipe" : "a device";
}

function fileIdOf({ dev, ino }: BigIntStats): bigint {
  return (dev << 64n) | ino;
}

function unreadable(path: string, error: unknown): DyncError {
  const reason = systemCode(error) === "ENOTDIR" ? "it is no folder" : whyUnreadable(error);
  return new DyncError("source", `Cannot read "${path}": ${reason}`, { cause: error });
}
