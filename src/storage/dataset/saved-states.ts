// How the states of the checksums lie in the journal: that of the stream up to here, and that of the file under way. Both have a checksum
// over them: the record's own finds what a power cut left, this one what came by other ways, since nobody would notice a file's
// checksum that is wrong. What is not believed is read again.

import { createHash } from "node:crypto";
import type { SavedState } from "../partial.ts";
import { lengthOfState, stateBytes } from "../sha256/sha256.ts";
import type { Journal } from "./journal.ts";
import { type Entry, lengthOf } from "./journal-entries.ts";
import type { Members } from "./members.ts";

export interface SavedStates {
  /** State of the SHA-256 of the stream. */
  readonly stream: Uint8Array;
  /** State of that of the file whose content is not whole yet; `null` where there is none, or nothing is known. */
  readonly file: Uint8Array | null;
}

const checkBytes = 16;

export function encodeStates({ stream, file }: SavedStates): Uint8Array {
  const states = Buffer.concat(file === null ? [stream] : [stream, file]);
  return Buffer.concat([checkOf(states), states]);
}

/** What `encodeStates` made after `offset` bytes of the stream; `null` where it is not that. */
function decodeStates(bytes: Uint8Array, offset: number): SavedStates | null {
  const states = bytes.subarray(checkBytes);
  if (states.length !== stateBytes && states.length !== 2 * stateBytes) return null;
  if (!checkOf(states).equals(bytes.subarray(0, checkBytes))) return null;
  const [stream, file] = [states.slice(0, stateBytes), states.slice(stateBytes)];
  return lengthOfState(stream) === offset ? { stream, file: file.length === 0 ? null : file } : null;
}

/** The last of at most `limit` bytes of the stream that is in `journal`. */
export async function lastStateIn(journal: Journal, limit: number): Promise<SavedState | null> {
  const found = new ReplayedStates();
  let offset = 0;
  for await (const entry of journal.entries()) {
    offset += lengthOf(entry);
    if (offset > limit) break;
    if (entry.type === "states") found.replay(entry, offset, null);
  }
  return found.stream;
}

/** The last states that a journal has. */
export class ReplayedStates {
  /** Of the stream. */
  stream: SavedState | null = null;
  /** Of a file, by its number. */
  #file: { readonly number: number; readonly state: Uint8Array } | null = null;

  /** Takes the next ones, after `offset` bytes of the stream, in the midst of the file `unfinished`. */
  replay(
    { bytes }: Extract<Entry, { type: "states" }>,
    offset: number,
    unfinished: Members["unfinished"],
  ): void {
    const states = decodeStates(bytes, offset);
    if (states === null) return;
    this.stream = { length: offset, state: states.stream };
    if (states.file === null || unfinished === null || lengthOfState(states.file) !== unfinished.taken)
      return;
    this.#file = { number: unfinished.file.number, state: states.file };
  }

  /** State of the file with this number, where there is one. */
  ofFile(number: number): Uint8Array | null {
    return this.#file?.number === number ? this.#file.state : null;
  }
}

function checkOf(states: Uint8Array): Buffer {
  return createHash("sha256").update(states).digest().subarray(0, checkBytes);
}
