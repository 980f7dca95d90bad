// Looks at a watched folder: finds its entries, and makes a fingerprint of each. Memory is that of the names of the folders that a look
// is in, however many files there are. What the system answers from memory is asked in place, with a turn for everybody else now and
// then; while the medium is slow, it is asked in the runtime's pool.

import { lstatSync, type Stats } from "node:fs";
import { lstat } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { type Clock, systemClock } from "../../base/clock.ts";
import { systemCode } from "../../base/error.ts";
import { IoPace } from "../../base/io-pace.ts";
import { whyUnreadable } from "../../base/system-errors.ts";
import { systemPathBytes } from "../../base/system-path.ts";
import { namesIn } from "../../client/listing/names-in.ts";
import type { EntryView } from "../completion.ts";
import { FingerprintSum } from "../fingerprint.ts";
import type { Seen } from "../watch-list.ts";
import { EntryOnDisk, seenFile } from "./entry-view.ts";
import { SameRoot } from "./same-root.ts";

/** An entry as a look saw it. */
export interface Sighting extends Seen {
  /** Where it lies. */
  readonly at: string;
  readonly view: EntryView;
}

/** What of a folder is an entry. */
export interface Shape {
  /** How deep below the folder entries may lie; 1: in it. */
  readonly depth: number;
  /** Whether what was found is an entry; a folder that is none is looked into, down to `depth`. */
  readonly isEntry: (view: EntryView, depth: number) => boolean;
  /** Whether what lies at a path, from the watched folder on, is no entry and in none. */
  readonly isLeftOut: (path: string, isFolder: boolean) => boolean;
  /** Whether what lies at a path in an entry, from that one on, is none of it. */
  readonly isJunk: (path: string, isFolder: boolean) => boolean;
}

/** The folder could not be looked at, or not to its end. */
export class NotReachable extends Error {}

// Long enough that turns cost nothing, short enough that nobody notices.
const turnMs = 15;

export class Scanner {
  readonly #folder: string;
  readonly #shape: Shape;
  readonly #clock: Clock;
  readonly #pace: IoPace;
  #turnAt = 0;
  readonly #root: SameRoot;

  constructor(folder: string, shape: Shape, clock: Clock = systemClock) {
    this.#folder = folder;
    this.#root = new SameRoot(folder);
    this.#shape = shape;
    this.#clock = clock;
    this.#pace = new IoPace(clock);
  }

  /**
   * Looks at everything. Throws `NotReachable` where the folder is not there, or becomes another one: of a network drive that went away
   * an empty folder may be left.
   */
  async *entries(signal: AbortSignal): AsyncGenerator<Sighting> {
    this.#expectSameRoot();
    yield* this.#within("", 1, signal);
    this.#expectSameRoot();
  }

  #expectSameRoot(): void {
    const fault = this.#root.fault();
    if (fault !== null) throw new NotReachable(fault);
  }

  async *#within(below: string, depth: number, signal: AbortSignal): AsyncGenerator<Sighting> {
    const names = await this.#names(below, depth);
    for (const name of names) {
      await this.#turn(signal);
      const path = below === "" ? name : `${below}/${name}`;
      const stats = await this.#stats(this.#at(path));
      if (stats === null || "fault" in stats) continue;
      const isFolder = stats.isDirectory();
      if ((!isFolder && !stats.isFile()) || this.#shape.isLeftOut(path, isFolder)) continue;
      const view = this.#view(path, name, stats, names);
      if (this.#shape.isEntry(view, depth)) yield await this.#sighting(path, view, stats, signal);
      else if (isFolder && depth < this.#shape.depth) yield* this.#within(path, depth + 1, signal);
    }
  }

  async #names(below: string, depth: number): Promise<readonly string[]> {
    try {
      return await namesIn(this.#at(below), this.#pace);
    } catch (error) {
      if (depth === 1) throw new NotReachable(whyUnreadable(error));
      // What lies in it is not seen, which is said of what was.
      return [];
    }
  }

  /** Looks at one entry again; `null`: it is not there. */
  async look(path: string, signal: AbortSignal): Promise<Sighting | null> {
    const stats = await this.#stats(this.#at(path));
    if (stats === null || "fault" in stats) return null;
    const cut = path.lastIndexOf("/");
    const folder = cut < 0 ? "" : path.slice(0, cut);
    const siblings = await namesIn(this.#at(folder), this.#pace).catch(() => []);
    return await this.#sighting(path, this.#view(path, path.slice(cut + 1), stats, siblings), stats, signal);
  }

  #view(path: string, name: string, stats: Stats, siblings: readonly string[]): EntryView {
    const kind = stats.isDirectory() ? "folder" : "file";
    const at = this.#at(path);
    return new EntryOnDisk({ at, name, kind, stats, siblings, isLeftOut: this.#shape.isJunk });
  }

  async #sighting(path: string, view: EntryView, stats: Stats, signal: AbortSignal): Promise<Sighting> {
    const sum = new FingerprintSum();
    let fault: string | null = null;
    if (view.kind === "file") sum.add(seenFile("", stats));
    else fault = await this.#addAll(path, sum, signal);
    const { kind } = view;
    return { path, kind, fingerprint: sum.result, fault, at: this.#at(path), view };
  }

  /** Adds all files of a folder to `sum`. Returns what could not be read there. */
  async #addAll(entry: string, sum: FingerprintSum, signal: AbortSignal): Promise<string | null> {
    let fault: string | null = null;
    for (const waiting = [""]; waiting.length > 0; ) {
      const below = waiting.pop() as string;
      const folder = below === "" ? entry : `${entry}/${below}`;
      let names: readonly string[];
      try {
        names = await namesIn(this.#at(folder), this.#pace);
      } catch (error) {
        if (systemCode(error) !== "ENOENT") fault ??= `"${folder}": ${whyUnreadable(error)}`;
        continue;
      }
      for (const name of names) {
        await this.#turn(signal);
        const path = below === "" ? name : `${below}/${name}`;
        const stats = await this.#stats(this.#at(`${entry}/${path}`));
        if (stats === null) continue;
        if ("fault" in stats) fault ??= `"${entry}/${path}": ${stats.fault}`;
        else if (this.#shape.isJunk(path, stats.isDirectory())) continue;
        else if (stats.isDirectory()) waiting.push(path);
        else if (stats.isFile()) sum.add(seenFile(path, stats));
      }
    }
    return fault;
  }

  #at(path: string): string {
    return path === "" ? this.#folder : `${this.#folder}/${path}`;
  }

  /** Everything else has its turn now and then. */
  #turn(signal: AbortSignal): Promise<void> | undefined {
    if (this.#clock.now() < this.#turnAt) return undefined;
    return setImmediate().then(() => {
      signal.throwIfAborted();
      this.#turnAt = this.#clock.now() + turnMs;
    });
  }

  /** `null`: it is not there any more. */
  async #stats(at: string): Promise<Stats | { readonly fault: string } | null> {
    const path = systemPathBytes(at);
    try {
      return await this.#pace.run(
        () => lstatSync(path),
        () => lstat(path),
      );
    } catch (error) {
      return systemCode(error) === "ENOENT" ? null : { fault: whyUnreadable(error) };
    }
  }
}
