// The arguments of this process with nothing lost. The runtime decodes them as UTF-8 and puts U+FFFD where that fails: a
// file of such a name could not be opened, and a value would be stored that nobody gave. Linux shows the bytes.

import { readFileSync } from "node:fs";
import { decodeLoosely, strayByte } from "../base/loose-utf8.ts";

const damage = "\ufffd";
// What would be taken for a byte belongs to those, too.
const doubtful = /[\ufffd\u{10fe80}-\u{10feff}]/u;

/**
 * `given`, the arguments as the runtime has them, where they are whole; else with each byte that is not UTF-8 as
 * `decodeLoosely` writes it. Where the system does not show the bytes, U+FFFD stays, for `damageIn` to find.
 */
export function systemArguments(given: readonly string[]): readonly string[] {
  if (!given.some((argument) => doubtful.test(argument))) return given;
  let bytes: Uint8Array;
  try {
    bytes = readFileSync("/proc/self/cmdline");
  } catch {
    return given;
  }
  const all: Uint8Array[] = [];
  for (let from = 0, to = bytes.indexOf(0); to >= 0; from = to + 1, to = bytes.indexOf(0, from)) {
    all.push(bytes.subarray(from, to));
  }
  // Before ours stand the program and, where it is not compiled, the runtime and what that takes.
  const ours = all.slice(-given.length).map(decodeLoosely);
  const isOurs = ours.length === given.length && ours.every((it, index) => isLike(it, given[index]!));
  return isOurs ? ours : given;
}

/** What in `text` is no character that somebody wrote, as the end of a sentence; `null` where all is. */
export function damageIn(text: string): string | null {
  const byte = strayByte(text);
  if (byte !== null) return `the byte 0x${byte.toString(16)}, which is not UTF-8`;
  if (!text.isWellFormed() || text.includes(damage)) return "what is not Unicode";
  return null;
}

/** Both have the same characters before the first that is in doubt. */
function isLike(text: string, decoded: string): boolean {
  const until = decoded.search(doubtful);
  return until < 0 ? text === decoded : text.slice(0, until) === decoded.slice(0, until);
}
