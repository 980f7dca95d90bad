// Looks at a watched folder: finds its entries, and makes a fingerprint of each. Memory is that of the names of the folders that a look
// is in, however many files there are. What the system answers from memory is asked in place, with a turn for everybody else now and
// then; while the medium is slow, it is asked in the runtime's pool.

import { lstatSync, type Stats } from "node:fs";
import { lstat } from "node:fs/promises";
import { setImmediate } from "node:timers/promises";
import { type Clock, systemClock } from "../../base/clock.ts";
import { systemCode } from "../../base/error.ts";
import { collectGarbage } from "../../base/garbage.ts";
import { IoPace } from "../../base/io-pace.ts";
import { whyUnreadable } from "../../base/system-errors.ts";
import { systemPathBytes } from "../../base/system-path.ts";
import { namesIn, namesInSync } from "../../client/listing/names-in.ts";
import type { EntryView } from "../completion.ts";
import { FingerprintSum } from "../fingerprint.ts";
import type { Seen } from "../watch-list.ts";
import { EntryOnDisk, type EntryPlace, seenFile } from "./entry-view.ts";
import { Names } from "./names.ts";
import { SameRoot } from "./same-root.ts";

/** An entry as a look saw it. */
export interface Sighting extends Seen {
  /** Where it lies. */
  readonly at: string;
  readonly view: EntryView;
}

/** What is kept of a sighting when more does not matter any more. */
export type Sighted = Pick<Sighting, "path" | "kind" | "fingerprint" | "at">;

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

/** Whether it is enough to know of the entry at a path, from the watched folder on, that it is there. */
export type Rests = (path: string) => boolean;

interface Look {
  readonly signal: AbortSignal;
  readonly rests: Rests;
}

// Some ten megabytes of garbage, and a hundredth of a second to collect it.
const lookedAtMax = 10_000;

export class Scanner {
  readonly #folder: string;
  readonly #shape: Shape;
  readonly #clock: Clock;
  readonly #pace: IoPace;
  #turnAt = 0;
  readonly #root: SameRoot;
  /** Files that were looked at since garbage was collected. */
  #lookedAt = 0;
  #isGarbageCounted = false;

  constructor(folder: string, shape: Shape, clock: Clock = systemClock) {
    this.#folder = folder;
    this.#root = new SameRoot(folder);
    this.#shape = shape;
    this.#clock = clock;
    this.#pace = new IoPace(clock);
  }

  /**
   * Looks at everything. Throws `NotReachable` where the folder is not there, or becomes another one: of a network drive that went away
   * an empty folder may be left. Of an entry that `rests` nothing is looked at but that there is one of its name.
   */
  async *entries(signal: AbortSignal, rests: Rests = () => false): AsyncGenerator<Sighting> {
    this.#expectSameRoot();
    yield* this.#within("", 1, { signal, rests });
    this.#expectSameRoot();
    // The next look comes in minutes.
    if (this.#isGarbageCounted) collectGarbage();
    this.#isGarbageCounted = false;
  }

  #expectSameRoot(): void {
    const fault = this.#root.fault();
    if (fault !== null) throw new NotReachable(fault);
  }

  async *#within(below: string, depth: number, look: Look): AsyncGenerator<Sighting> {
    const { signal, rests } = look;
    const names = await this.#names(below, depth);
    const siblings = (): readonly string[] => names.list;
    for (const name of names) {
      if (this.#isTurn) await this.#turn(signal);
      const path = below === "" ? name : `${below}/${name}`;
      if (rests(path)) continue;
      this.#countGarbage();
      const at = this.#at(path);
      const asked = this.#stats(at);
      const stats = asked instanceof Promise ? await asked : asked;
      if (stats === null || "fault" in stats) continue;
      const isFolder = stats.isDirectory();
      if ((!isFolder && !stats.isFile()) || this.#shape.isLeftOut(path, isFolder)) continue;
      const view = this.#view({ at, name, kind: isFolder ? "folder" : "file", stats, siblings });
      if (this.#shape.isEntry(view, depth)) {
        const sighting = this.#sighting({ path, at }, view, stats, signal);
        yield sighting instanceof Promise ? await sighting : sighting;
      } else if (isFolder && depth < this.#shape.depth) yield* this.#within(path, depth + 1, look);
    }
  }

  async #names(below: string, depth: number): Promise<Names> {
    try {
      const names = new Names(await namesIn(this.#at(below), this.#pace));
      if (names.count > lookedAtMax) collectGarbage();
      return names;
    } catch (error) {
      if (depth === 1) throw new NotReachable(whyUnreadable(error));
      // What lies in it is not seen, which is said of what was.
      return new Names([]);
    }
  }

  /** Looks at one entry again; `null`: it is not there. What lies beside it is listed when it is asked for, once in all looks with `beside`. */
  async look(path: string, signal: AbortSignal, beside = new Beside()): Promise<Sighting | null> {
    const at = this.#at(path);
    const stats = await this.#stats(at);
    if (stats === null || "fault" in stats) return null;
    const cut = path.lastIndexOf("/");
    const folder = this.#at(cut < 0 ? "" : path.slice(0, cut));
    const kind = stats.isDirectory() ? "folder" : "file";
    const siblings = (): readonly string[] => beside.in(folder);
    const view = this.#view({ at, name: path.slice(cut + 1), kind, stats, siblings });
    return await this.#sighting({ path, at }, view, stats, signal);
  }

  #view(place: Omit<EntryPlace, "isLeftOut">): EntryView {
    return new EntryOnDisk(place, this.#shape.isJunk);
  }

  #sighting(
    { path, at }: Pick<Sighting, "path" | "at">,
    view: EntryView,
    stats: Stats,
    signal: AbortSignal,
  ): Sighting | Promise<Sighting> {
    const { kind } = view;
    const sum = new FingerprintSum();
    if (kind === "folder")
      return this.#addAll(path, sum, signal).then((fault) => ({
        ...{ path, kind, fingerprint: sum.result, fault, at, view },
      }));
    sum.add(seenFile("", stats));
    return { path, kind, fingerprint: sum.result, fault: null, at, view };
  }

  /** Adds all files of a folder to `sum`. Returns what could not be read there. */
  async #addAll(entry: string, sum: FingerprintSum, signal: AbortSignal): Promise<string | null> {
    let fault: string | null = null;
    for (const waiting = [""]; waiting.length > 0; ) {
      const below = waiting.pop() as string;
      const folder = below === "" ? entry : `${entry}/${below}`;
      let names: Names;
      try {
        names = new Names(await namesIn(this.#at(folder), this.#pace));
      } catch (error) {
        if (systemCode(error) !== "ENOENT") fault ??= `"${folder}": ${whyUnreadable(error)}`;
        continue;
      }
      for (const name of names) {
        if (this.#isTurn) await this.#turn(signal);
        this.#countGarbage();
        const path = below === "" ? name : `${below}/${name}`;
        const asked = this.#stats(this.#at(`${entry}/${path}`));
        // Most are there at once, and waiting for each would take as long as looking.
        const stats = asked instanceof Promise ? await asked : asked;
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

  /** What was asked about a file is garbage with the next one. */
  #countGarbage(): void {
    this.#lookedAt += 1;
    if (this.#lookedAt < lookedAtMax) return;
    this.#lookedAt = 0;
    this.#isGarbageCounted = true;
    collectGarbage();
  }

  /** Everything else has its turn now and then. */
  get #isTurn(): boolean {
    return this.#clock.now() >= this.#turnAt;
  }

  async #turn(signal: AbortSignal): Promise<void> {
    await setImmediate();
    signal.throwIfAborted();
    this.#turnAt = this.#clock.now() + turnMs;
  }

  /** `null`: it is not there any more. */
  #stats(at: string): Found | Promise<Found> {
    const path = systemPathBytes(at);
    try {
      const stats = this.#pace.run(
        () => lstatSync(path),
        () => lstat(path),
      );
      return stats instanceof Promise ? stats.catch(notFound) : stats;
    } catch (error) {
      return notFound(error);
    }
  }
}

/** What the system says of a path; `null`: there is nothing. */
type Found = Stats | { readonly fault: string } | null;

function notFound(error: unknown): Found {
  return systemCode(error) === "ENOENT" ? null : { fault: whyUnreadable(error) };
}

/** The names in folders, each listed when it is first asked for. */
export class Beside {
  readonly #names = new Map<string, readonly string[]>();

  in(folder: string): readonly string[] {
    const known = this.#names.get(folder) ?? namesOrNone(folder);
    this.#names.set(folder, known);
    return known;
  }
}

function namesOrNone(folder: string): readonly string[] {
  try {
    return namesInSync(folder);
  } catch {
    return [];
  }
}
