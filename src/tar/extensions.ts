// The headers in a tar that are no member's own, but say something of the one that follows, or of all: pax extended headers
// (IEEE 1003.1) and GNU's long names. Programs differ in what they make of two of a kind, so that is refused. Pure.

import { shown } from "./fields.ts";
import { sizeOf } from "./header.ts";
import { removedKey, TarFault } from "./member.ts";
import { decodeRecords, recordTime } from "./pax.ts";

/** Most bytes of one extended header: longer names than any system takes fit into it. */
export const extensionBytesMax = 64 * 1024;

/** By their type flag. */
const kinds = {
  x: "pax header",
  g: "global pax header",
  L: "GNU long name",
  K: "GNU long link",
} as const;

export type ExtensionKind = keyof typeof kinds;

/** Whether a header with this type flag is one that extends others. */
export function isExtension(flag: string): flag is ExtensionKind {
  return flag in kinds;
}

/** What was said of a member before its own header; it goes over what that says. */
export interface Announced {
  path?: Uint8Array;
  link?: Uint8Array;
  size?: number;
  /** Nanoseconds since 1970. */
  modified?: bigint;
  isSparse?: boolean;
}

/** Gathers what is said of the next member. Throws `TarFault` for what is broken, too long, or could be meant in two ways. */
export class Extensions {
  #announced: Announced = {};
  readonly #kinds = new Set<ExtensionKind>();
  #globalModified: bigint | null = null;

  /** Whether a member has to follow. */
  get isPending(): boolean {
    return this.#kinds.size > 0;
  }

  /** An extended header of `size` bytes follows. */
  begin(kind: ExtensionKind, size: number): void {
    const what = kinds[kind];
    if (size > extensionBytesMax)
      throw new TarFault(`A ${what} is ${size} bytes long, expected at most ${extensionBytesMax}`);
    if (size === 0) throw new TarFault(`A ${what} is empty`);
    if (kind === "g") return;
    if (this.#kinds.has(kind)) throw new TarFault(`There are two ${what}s for one member`);
    this.#kinds.add(kind);
  }

  /** Takes the whole of it. Keeps nothing of `body`. Returns what it takes out again, where it is one that does. */
  add(kind: ExtensionKind, body: Uint8Array): Uint8Array | null {
    let removed: Uint8Array | null = null;
    if (kind === "L") this.#say("path", upToNul(body));
    else if (kind === "K") this.#say("link", upToNul(body));
    else {
      const keys = new Set<string>();
      let records = 0;
      decodeRecords(body, (key, value) => {
        records += 1;
        if (key === removedKey) removed = value.slice();
        if (removed !== null && (kind !== "g" || records > 1))
          throw new TarFault(
            `A ${kinds[kind]} says "${removedKey}", expected that in a global one, and alone`,
          );
        if (isOfSparseFile(key)) this.#announced.isSparse = true;
        if (!isHeeded(key)) return;
        if (keys.has(key)) throw new TarFault(`A ${kinds[kind]} says "${key}" twice`);
        keys.add(key);
        // The standard takes back by it what was said before; programs make an empty path of it.
        if (value.length === 0) throw new TarFault(`In a ${kinds[kind]} "${key}" is empty`);
        this.#record(kind, key, value);
      });
    }
    return removed;
  }

  /** What was said of the member whose header is here now. */
  take(): Announced {
    const announced = this.#announced;
    if (this.#globalModified !== null) announced.modified ??= this.#globalModified;
    this.#announced = {};
    this.#kinds.clear();
    return announced;
  }

  #record(kind: "x" | "g", key: string, value: Uint8Array): void {
    if (kind === "g" && key === "mtime") this.#globalModified = recordTime(value);
    else if (kind === "g")
      throw new TarFault(`A global pax header says "${key}", which would be that of every member`);
    else if (key === "path") this.#say("path", value);
    else if (key === "linkpath") this.#say("link", value);
    else if (key === "mtime") this.#announced.modified = recordTime(value);
    else this.#announced.size = recordSize(value);
  }

  #say(what: "path" | "link", value: Uint8Array): void {
    if (this.#announced[what] !== undefined) throw new TarFault(`A member has two ${what}s`);
    this.#announced[what] = value.slice();
  }
}

/** Whether it belongs to the map of holes in a file, as GNU tar, bsdtar or star write it. */
function isOfSparseFile(key: string): boolean {
  return key.startsWith("GNU.sparse.") || key === "SCHILY.realsize";
}

function isHeeded(key: string): boolean {
  if (/^GNU\.volume\.(?:size|offset|filename)$/.test(key))
    throw new TarFault("A file that is spread over several tars cannot be unpacked");
  return /^(?:path|linkpath|size|mtime)$/.test(key);
}

function recordSize(value: Uint8Array): number {
  const text = new TextDecoder().decode(value);
  if (!/^-?\d{1,20}$/.test(text)) throw new TarFault(`The size ${shown(text)} is no number`);
  return sizeOf(Number(text));
}

function upToNul(bytes: Uint8Array): Uint8Array {
  const end = bytes.indexOf(0);
  return end === -1 ? bytes : bytes.subarray(0, end);
}
