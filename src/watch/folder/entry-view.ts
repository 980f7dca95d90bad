// An entry as a rule sees it, on disk. What is in it is listed when it is asked for, no deeper than that, and then stays what it was.

import { closeSync, lstatSync, openSync, readdirSync, readSync, type Stats } from "node:fs";
import { systemPathBytes } from "../../base/system-path.ts";
import { compareBytes } from "../../client/listing/path-order.ts";
import { openFlags } from "../../client/open-file.ts";
import type { EntryView, SeenFile } from "../completion.ts";

export interface EntryPlace {
  /** Where it lies. */
  readonly at: string;
  readonly name: string;
  readonly kind: "file" | "folder";
  /** What the system says of it. */
  readonly stats: Stats;
  readonly siblings: () => readonly string[];
}

export class EntryOnDisk implements EntryView {
  readonly name: string;
  readonly kind: "file" | "folder";
  readonly #place: EntryPlace;
  readonly #isLeftOut: (path: string, isFolder: boolean) => boolean;
  #files: readonly SeenFile[] = [];
  /** So many parts have the paths that are listed, at most. */
  #partsMax = 0;

  /** `isLeftOut`: whether what lies at a path in it, from the entry on, is none of it. */
  constructor(place: EntryPlace, isLeftOut: (path: string, isFolder: boolean) => boolean) {
    this.name = place.name;
    this.kind = place.kind;
    this.#place = place;
    this.#isLeftOut = isLeftOut;
  }

  files(partsMax = Number.POSITIVE_INFINITY): readonly SeenFile[] {
    if (partsMax > this.#partsMax) [this.#files, this.#partsMax] = [this.#list(partsMax), partsMax];
    return this.#files;
  }

  #list(partsMax: number): readonly SeenFile[] {
    const { at, kind, stats } = this.#place;
    if (kind === "file") return [seenFile("", stats)];
    const files: SeenFile[] = [];
    for (const waiting = [{ below: "", parts: 1 }]; waiting.length > 0; ) {
      const { below, parts } = waiting.pop()!;
      for (const name of namesOrNone(below === "" ? at : `${at}/${below}`)) {
        const path = below === "" ? name : `${below}/${name}`;
        const found = statsOrNull(`${at}/${path}`);
        if (found === null || this.#isLeftOut(path, found.isDirectory())) continue;
        if (!found.isDirectory()) {
          if (found.isFile()) files.push(seenFile(path, found));
        } else if (parts < partsMax) waiting.push({ below: path, parts: parts + 1 });
      }
    }
    return files.sort((one, other) => compareBytes(one.path, other.path));
  }

  siblings(): readonly string[] {
    return this.#place.siblings();
  }

  async read(path: string, max: number): Promise<Uint8Array | null> {
    const { at } = this.#place;
    // "file/../other" leads nowhere.
    if (path.startsWith("../"))
      return readBeginning(`${at.slice(0, at.lastIndexOf("/"))}/${path.slice(3)}`, max);
    return readBeginning(path === "" ? at : `${at}/${path}`, max);
  }
}

/** What the system says of a file, as a look keeps it. */
export function seenFile(path: string, { size, mtimeMs, ino }: Stats): SeenFile {
  // The device is another one when a drive was away.
  return { path, size, mtimeMs, id: String(ino) };
}

function readBeginning(path: string, max: number): Uint8Array | null {
  try {
    const descriptor = openSync(systemPathBytes(path), openFlags);
    try {
      const bytes = new Uint8Array(max);
      let length = 0;
      for (let count = -1; count !== 0 && length < max; length += count)
        count = readSync(descriptor, bytes, length, max - length, length);
      return bytes.subarray(0, length);
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return null;
  }
}

function namesOrNone(folder: string): readonly string[] {
  try {
    return readdirSync(systemPathBytes(folder));
  } catch {
    return [];
  }
}

function statsOrNull(path: string): Stats | null {
  try {
    return lstatSync(systemPathBytes(path));
  } catch {
    return null;
  }
}
