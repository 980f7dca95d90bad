// Whether a watched folder is still the one that it was: of a network drive that went away an empty folder may be left.

import { statSync } from "node:fs";
import { whyUnreadable } from "../../base/system-errors.ts";
import { systemPathBytes } from "../../base/system-path.ts";

export class SameRoot {
  readonly #folder: string;
  /** As it was found last. */
  #root: string | null = null;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Why it is not there, or not the one of the last time; `null` where it is. What is there then counts the next time. */
  fault(): string | null {
    try {
      const { dev, ino } = statSync(systemPathBytes(this.#folder));
      const [before, root] = [this.#root, `${dev}:${ino}`];
      this.#root = root;
      const isOther = before !== null && before !== root;
      return isOther ? "Another folder, or another drive, is in its place since the last look" : null;
    } catch (error) {
      return whyUnreadable(error);
    }
  }
}
