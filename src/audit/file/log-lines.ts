// Reads an audit log line by line from where a reader stopped, while a server adds to it: each whole line once, in their order, from one
// file to the next.

import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { systemCode } from "../../base/error.ts";
import { auditFilesIn, splitLines } from "./audit-files.ts";

// Several of the longest lines, and thousands of the usual ones.
const blockBytes = 1024 * 1024;

export class LogLines {
  readonly #folder: string;
  /** The file that is read, or `null`: the first one. */
  #name: string | null = null;
  #at = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The next whole lines, without their breaks; the same again until they are passed. None: there are no more yet. Rejects with the system's error. */
  async next(): Promise<readonly Buffer[]> {
    for (;;) {
      // Before the end of this one is looked for: behind its last line nothing comes when there is another one.
      const following = namesIn(this.#folder).find((name) => this.#name === null || name > this.#name);
      const lines = this.#name === null ? [] : await this.#read(this.#name);
      if (lines.length > 0 || following === undefined) return lines;
      this.#name = following;
      this.#at = 0;
    }
  }

  /** Goes on behind these, the first ones of what `next` told. */
  pass(lines: readonly Buffer[]): void {
    for (const line of lines) this.#at += line.length + 1;
  }

  async #read(name: string): Promise<readonly Buffer[]> {
    const file = await opened(join(this.#folder, name));
    if (file === null) return [];
    try {
      // What is written to the log is read again each time: nothing looks behind what was read.
      const buffer = Buffer.allocUnsafe(blockBytes);
      const { bytesRead } = await file.read(buffer, 0, blockBytes, this.#at);
      const lines = splitLines(buffer.subarray(0, bytesRead));
      const rest = lines.pop() as Buffer;
      // No line of ours is so long: it is one that somebody damaged, and comes in pieces.
      return lines.length === 0 && rest.length === blockBytes ? [rest.subarray(0, blockBytes - 1)] : lines;
    } finally {
      await file.close();
    }
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return auditFilesIn(folder);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return [];
    throw error;
  }
}

/** `null`: it was taken away. */
async function opened(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, "r");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return null;
    throw error;
  }
}
