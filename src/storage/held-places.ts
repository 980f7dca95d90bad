// Where uploads go that something is being done with: names that are somebody's before anything lies there.

import { DyncError } from "../base/error.ts";
import type { Destination } from "../upload/destination.ts";
import { namesClash } from "../upload/names.ts";

/** Who has a name. */
export interface PlaceHolder {
  readonly id: string;
  readonly name: string;
}

export class HeldPlaces {
  readonly #places = new Map<string, Destination>();

  /** Upload `id` goes to `destination`. */
  set(id: string, destination: Destination): void {
    this.#places.set(id, destination);
  }

  delete(id: string): void {
    this.#places.delete(id);
  }

  /** Who has `destination`, or a name that it needs, but for upload `except`; `null`: nobody. */
  at({ folder, name }: Destination, except: string | null = null): PlaceHolder | null {
    for (const [id, other] of this.#places)
      if (id !== except && other.folder === folder && namesClash(other.name, name))
        return { id, name: other.name };
    return null;
  }

  /**
   * The same for upload `id`, which is to be published there. Throws "not-ready" where that is just being done: by an earlier session of it,
   * which does not know yet that it has lost it.
   */
  inTheWayOf(id: string, destination: Destination): PlaceHolder | null {
    const holder = this.at(destination);
    if (holder?.id === id) throw new DyncError("not-ready", "This upload is just being published");
    return holder;
  }
}
