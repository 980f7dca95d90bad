// Does what the members of a dataset ask for, in order: files and folders first, and then the journal says so.

import { setImmediate } from "node:timers/promises";
import { systemClock } from "../../base/clock.ts";
import type { Journal } from "./journal.ts";
import { rawPieces } from "./journal-entries.ts";
import type { Members, Step } from "./members.ts";
import type { Tree } from "./tree.ts";

// What comes is stored in the turn in which it came unless it takes so long: its client hears of it with the answer to the next question.
const turnMs = 5;
// What is read of the tar at once: with nothing but headers in it some milliseconds.
const pieceBytes = 256 * 1024;

export class Unpacker {
  readonly #members: Members;
  readonly #tree: Tree;
  readonly #journal: Journal;
  /** When others get their turn, monotonic ms. */
  #turnEndsAt = 0;

  constructor(members: Members, tree: Tree, journal: Journal) {
    this.#members = members;
    this.#tree = tree;
    this.#journal = journal;
  }

  /** Takes the next bytes of the stream; the last of them may still have to be flushed. Throws the system's error, and as `Members.push`. */
  async take(data: Uint8Array): Promise<void> {
    this.#turnEndsAt = systemClock.now() + turnMs;
    for (let at = 0; at < data.length; at += pieceBytes)
      for (const steps of this.#members.push(data.subarray(at, at + pieceBytes)))
        for (const step of steps) {
          await this.#perform(step);
          if (systemClock.now() >= this.#turnEndsAt) await this.#giveTurn();
        }
  }

  async #giveTurn(): Promise<void> {
    await setImmediate();
    this.#turnEndsAt = systemClock.now() + turnMs;
  }

  async #perform(step: Step): Promise<void> {
    switch (step.type) {
      case "raw":
        return await this.#addRaw(step.bytes);
      case "folder":
        return await this.#tree.makeFolder(step.path);
      case "file":
        return await this.#tree.begin(step.file, step.replaced);
      case "content":
        await this.#flushIfFull();
        await this.#tree.write(step.bytes);
        return this.#journal.addContent(step.bytes.length);
      case "end": {
        const sha256 = await this.#tree.end();
        this.#journal.addDigest(sha256);
        return this.#members.ended(step.file, sha256);
      }
      case "removal":
        return await this.#remove(step.path);
    }
  }

  async #addRaw(bytes: Uint8Array): Promise<void> {
    for (const piece of rawPieces(bytes)) {
      await this.#flushIfFull();
      this.#journal.addRaw(piece);
    }
  }

  // Before something is added, never behind it: what follows from it is done first, so that the journal never says more than there is.
  async #flushIfFull(): Promise<void> {
    if (this.#journal.isFull) await this.#journal.flush();
  }

  async #remove(path: string): Promise<void> {
    for (const some of this.#members.removing(path))
      for (const holder of some) {
        await this.#tree.remove(holder);
        if (systemClock.now() >= this.#turnEndsAt) await this.#giveTurn();
      }
  }
}
