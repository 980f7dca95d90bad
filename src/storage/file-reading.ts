// Published files as something to read: in pieces, by a descriptor that follows no link.

import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { messageOf, systemCode } from "../base/error.ts";
import { closeFile, lookAt, openFile, readAt } from "./file-calls.ts";
import type { Flaw, Reading } from "./storage.ts";

// What is hashed in one turn of the event loop: well below a millisecond.
const pieceBytes = 256 * 1024;
const reading = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0);

/** SHA-256 of a file and its length, or why it cannot be read; `null`: it is not there. */
export type Read = { readonly sha256: Buffer; readonly bytes: number } | { readonly reason: string } | null;

/** What is wrong with a file of which this was read, and which had `sha256` when it was stored; `null`: nothing. */
export function flawOf(read: Read, sha256: Buffer): Omit<Flaw, "path"> | null {
  if (read === null) return { kind: "missing", reason: "it is not there" };
  if ("reason" in read) return { kind: "damaged", reason: read.reason };
  return read.sha256.equals(sha256) ? null : { kind: "damaged", reason: "its content is another one" };
}

/** Reads the file at `path` once. */
export async function hashOf(path: string, { pace }: Pick<Reading, "pace">): Promise<Read> {
  let descriptor: number;
  try {
    if ((await lookAt(path))?.isFile() === false) return { reason: "it is no file" };
    descriptor = await openFile(path, reading, 0);
  } catch (error) {
    return systemCode(error) === "ENOENT" ? null : { reason: `it cannot be read: ${messageOf(error)}` };
  }
  try {
    const hash = createHash("sha256");
    const piece = new Uint8Array(pieceBytes);
    for (let at = 0; ; ) {
      const count = await readAt(descriptor, piece, at).catch((error: unknown) => messageOf(error));
      if (typeof count === "string") return { reason: `it cannot be read: ${count}` };
      if (count === 0) return { sha256: hash.digest(), bytes: at };
      await pace(count);
      hash.update(piece.subarray(0, count));
      at += count;
    }
  } finally {
    await closeFile(descriptor);
  }
}

/** The lines of the file at `path`, each without its end. Throws the system's error. */
export async function* linesOf(path: string): AsyncGenerator<string> {
  yield* linesIn(piecesOf(path));
}

async function* piecesOf(path: string): AsyncGenerator<Uint8Array> {
  const descriptor = await openFile(path, reading, 0);
  try {
    const piece = new Uint8Array(pieceBytes);
    for (let at = 0; ; ) {
      const count = await readAt(descriptor, piece, at);
      if (count === 0) break;
      at += count;
      yield piece.subarray(0, count);
    }
  } finally {
    await closeFile(descriptor);
  }
}

/** The lines of a text that comes in pieces, each without its end. */
export async function* linesIn(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const piece of pieces) {
    const bytes = Buffer.concat([rest, piece]);
    let begin = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, begin)) {
      yield bytes.toString("utf8", begin, end);
      begin = end + 1;
    }
    rest = bytes.subarray(begin);
  }
  if (rest.length > 0) yield rest.toString("utf8");
}
