// Which name is being filled by which upload of this process: two uploads of one user never race for one name, nor
// one's data for another's sidecar. From the first message to the end of a session; the catalogue answers for those that
// are recorded.

import { foldName } from "../base/file-name.ts";
import { occupiedNames } from "../upload/names.ts";

export class OpenNames {
  readonly #holders = new Map<string, string>();
  readonly #keys = new Map<string, readonly string[]>();
  readonly #names = new Map<string, string>();

  /** The uploads that hold something `name` needs, compared without case and Unicode form. */
  holders(user: string, name: string): readonly string[] {
    const holders = keysOf(user, name).flatMap((key) => this.#holders.get(key) ?? []);
    return [...new Set(holders)];
  }

  /** The name that upload `id` was given, or `null`. */
  nameOf(id: string): string | null {
    return this.#names.get(id) ?? null;
  }

  /** Gives `name` to upload `id`, which takes it from former holders. */
  claim(user: string, name: string, id: string): void {
    for (const former of this.holders(user, name)) this.release(former);
    const keys = keysOf(user, name);
    for (const key of keys) this.#holders.set(key, id);
    this.#keys.set(id, keys);
    this.#names.set(id, name);
  }

  release(id: string): void {
    for (const key of this.#keys.get(id) ?? []) this.#holders.delete(key);
    this.#keys.delete(id);
    this.#names.delete(id);
  }
}

function keysOf(user: string, name: string): readonly string[] {
  return occupiedNames(name).map((occupied) => `${user}/${foldName(occupied)}`);
}
