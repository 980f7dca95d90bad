// Which folders are what is left of a dataset that was sent, and was being taken away when something came in between: such a part is no
// run of its own.

import { lstatSync } from "node:fs";
import { systemPathBytes } from "../../base/system-path.ts";
import type { Takings } from "../../client/free/takings.ts";
import type { Sighting } from "./scan.ts";

export class HalfTaken {
  readonly #takings: Takings;
  #names: ReadonlySet<string> = new Set();
  /** What was found of those that began to go, by where they lie. */
  readonly #known = new Map<string, { readonly fingerprint: string; readonly isPart: boolean }>();

  constructor(takings: Takings) {
    this.#takings = takings;
  }

  /** Finds out which folders began to go by now. */
  refresh(): void {
    this.#names = this.#takings.names;
    if (this.#names.size === 0) this.#known.clear();
  }

  /** Whether it is such a part, as of the last `refresh`: something in it is still as it was when it began to go. */
  async isPart({ at, kind, fingerprint, view }: Sighting): Promise<boolean> {
    if (this.#names.size === 0 || kind === "file" || !this.#names.has(this.#takings.nameOf(at))) return false;
    const known = this.#known.get(at);
    if (known?.fingerprint === fingerprint.text) return known.isPart;
    const taking = await this.#takings.find(at);
    const isAnyOfIt = ({ path }: { readonly path: string }): boolean => {
      const stats = lstatSync(systemPathBytes(`${at}/${path}`), { bigint: true, throwIfNoEntry: false });
      return stats !== undefined && taking?.has({ type: "file", path, stats }, true) === true;
    };
    const isPart = taking !== null && view.files().some(isAnyOfIt);
    // Something else has its place by now.
    if (taking !== null && !isPart) await this.#takings.end(at);
    this.#known.set(at, { fingerprint: fingerprint.text, isPart });
    return isPart;
  }
}
