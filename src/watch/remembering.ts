// Writes down what was sent, also where that cannot be just now: a disk that is full keeps nothing from being sent. What is not on the
// disk is kept in memory, and written as soon as there is room.

import { dropOldest } from "../base/drop-oldest.ts";
import { messageOf } from "../base/error.ts";

export interface RememberingParts<T> {
  /** Writes one down, durably. Throws what the system says. */
  readonly note: (key: string, value: T) => void;
  readonly onFault: (text: string) => void;
  readonly onOver: () => void;
}

// What is forgotten beyond that is asked about once more after a restart.
const keptMax = 10_000;

export class Remembering<T> {
  readonly #parts: RememberingParts<T>;
  readonly #waiting = new Map<string, T>();
  #isFaulty = false;

  constructor(parts: RememberingParts<T>) {
    this.#parts = parts;
  }

  /** What could not be written down yet for `key`. */
  unwritten(key: string): T | undefined {
    return this.#waiting.get(key);
  }

  /** Writes it down, or keeps it until `again`. Returns whether it is on the disk. */
  note(key: string, value: T): boolean {
    this.#waiting.delete(key);
    this.#waiting.set(key, value);
    return this.again();
  }

  /** Tries what could not be written down. Returns whether all of it is on the disk. */
  again(): boolean {
    const hadFault = this.#isFaulty;
    try {
      for (const [key, value] of this.#waiting) {
        this.#parts.note(key, value);
        this.#waiting.delete(key);
      }
      this.#isFaulty = false;
      if (hadFault) this.#parts.onOver();
      return true;
    } catch (error) {
      this.#isFaulty = true;
      if (!hadFault) this.#parts.onFault(messageOf(error));
      dropOldest(this.#waiting, keptMax);
      return false;
    }
  }
}
