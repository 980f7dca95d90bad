// What a walk through a folder came by that is not sent: named, or where links shall not be there at all, an error.

import { join } from "node:path";
import { DyncError } from "../../base/error.ts";
import { errorOf, FirstOf } from "./first-of.ts";
import type { Selection } from "./selection.ts";
import type { Found } from "./walk.ts";

export class LeftOut {
  readonly #folder: string;
  readonly #selection: Selection;
  readonly #named = new FirstOf<string>();
  readonly #links = new FirstOf<DyncError>();
  readonly #junk = new FirstOf<string>();

  /** `folder`: as it was given. */
  constructor(folder: string, selection: Selection) {
    this.#folder = folder;
    this.#selection = selection;
  }

  note(found: Extract<Found, { type: "left-out" | "junk" }>): void {
    if (found.type === "junk") return this.#junk.add(found.path);
    const { path, why, isLink } = found;
    if (!isLink || this.#selection.links !== "fail") return this.#named.add(`"${path}", ${why}`);
    this.#links.add(new DyncError("source", `"${join(this.#folder, path)}" is ${why}`));
  }

  /** Says what is left out, a line each for the first of it. */
  tell(say: (text: string) => void): void {
    const from = `Left out of "${this.#folder}"`;
    for (const text of this.#named.items) say(`${from}: ${text}`);
    if (this.#named.more > 0) say(`${from} for such reasons: ${this.#named.more} more`);
    const { count, items } = this.#junk;
    const files = count === 1 ? "file" : "files";
    if (count > 0) say(`${from}: ${count} ${files} of the system, such as "${items[0]}" (--all keeps them)`);
  }

  /** All links, where none shall be there; else `null`. */
  get fault(): DyncError | null {
    const hint = "--links skip leaves them out, --links follow sends what they lead to";
    return errorOf(this.#links, (count) => {
      return new DyncError("source", `There are ${count} links in "${this.#folder}"`, { hint });
    });
  }
}
