// Which names the uploads of one batch get: no two of them the same, before anything is sent. Pure.

import { foldName } from "../../base/file-name.ts";

export class TakenNames {
  readonly #paths = new Map<string, string>();

  /**
   * Notes that `path` gets `name`. Returns the path that has it, or one that no system can tell from it, already; `null`
   * where none has.
   */
  take(name: string, path: string): string | null {
    const folded = foldName(name);
    const other = this.#paths.get(folded);
    if (other !== undefined) return other;
    this.#paths.set(folded, path);
    return null;
  }
}
