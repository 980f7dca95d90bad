// Where the partials of a data folder lie. Of a server that has the folder for itself they lie side by side. Where several share it each
// upload has a folder, and in that one with the number of its owner's fence: `ID/3/`. Who takes the upload over moves that to a number of its
// own (`ID/5/`), in one step that no two can do: from then on no path that the one before knows leads anywhere, and whatever it still makes,
// links or removes by a path fails. What it has open it can still write to: so what lies there is copied before it is used (`detach.ts`),
// unless it was let go of (`ID/3.free.SERVER/`), and nobody has it open.

import { randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { DyncError } from "../base/error.ts";
import { ensureFolder, lookAt, makeFolder, moveEntry, nullWhenMissing, removeEmpty } from "./file-calls.ts";
import { FolderSyncs } from "./folder-syncs.ts";
import { trashSuffix } from "./trash.ts";

/** Where one upload lies, to who took it. */
export interface PartialPlace {
  /** What lies there begins with the upload's id. */
  readonly folder: string;
  /** Whether somebody else may have files in it open. */
  isForeign: boolean;
  /** Whether nobody else had it since it was let go of here. */
  readonly isKnown: boolean;
  /** Nothing in it is open any more. Rejects with what the system says. */
  letGo(): Promise<void>;
  /** What was in it is published, or gone. */
  leave(): void;
  /** Whether nobody has taken it since. */
  isThere(): Promise<boolean>;
}

export interface PartialPlaces {
  /** Makes the place of a new upload. Throws the system's error. */
  make(id: string, fence?: number): Promise<PartialPlace>;
  /**
   * Takes it over, by who was given `fence`; `null`: there is none. Of one that is had here with this fence it is the same. Throws
   * `DyncError` ("not-ready") where somebody has it who was given a later one, else the system's error.
   */
  take(id: string, fence?: number): Promise<PartialPlace | null>;
  /** The folder in which the upload lies now, whoever has it. */
  find(id: string): Promise<string | null>;
  /** All in which something of it lies, for who deletes it. */
  all(id: string): Promise<readonly string[]>;
  /** What of it was thrown away and is still there. */
  thrownAway(id: string): Promise<readonly string[]>;
  /** What was in its place is gone: so is the rest, unless somebody else has something of it. Throws the system's error. */
  gone(id: string): Promise<void>;
}

/** All in one folder, of one server. */
export class OwnPlaces implements PartialPlaces {
  readonly #place: PartialPlace;

  constructor(folder: string) {
    this.#place = {
      ...{ folder, isForeign: false, isKnown: true },
      letGo: async () => {},
      leave: () => {},
      isThere: async () => true,
    };
  }

  async make(): Promise<PartialPlace> {
    return this.#place;
  }

  async take(): Promise<PartialPlace> {
    return this.#place;
  }

  async find(): Promise<string> {
    return this.#place.folder;
  }

  async all(): Promise<readonly string[]> {
    return [this.#place.folder];
  }

  async thrownAway(): Promise<readonly string[]> {
    return [];
  }

  async gone(): Promise<void> {}
}

/** One of the folders of an upload. */
interface Held {
  readonly name: string;
  readonly fence: number;
  /** Who let go of it; `null`: nobody did. */
  readonly freedBy: string | null;
}

// Behind a hyphen, how often somebody else was first while it was taken.
const heldPattern = /^([1-9][0-9]*)(?:-[1-9][0-9]*)?(?:\.free\.([0-9a-f]+))?$/;

/** Those among the names in the folder of an upload, by their fences: the last one counts. */
export function heldIn(names: readonly string[]): readonly Held[] {
  const held = names.flatMap((name): Held[] => {
    const [, fence, freedBy = null] = heldPattern.exec(name) ?? [];
    return fence === undefined ? [] : [{ name, fence: Number(fence), freedBy }];
  });
  return held.sort((a, b) => a.fence - b.fence);
}

/** Of several servers, and of their threads, each of which knows by this what it had. */
export class SharedPlaces implements PartialPlaces {
  readonly #partials: string;
  readonly #syncs: FolderSyncs;
  /** Those that are had here. */
  readonly #taken = new Map<string, SharedPlace>();
  /** Who lets go of something, among all who do. */
  readonly #tag = randomBytes(8).toString("hex");

  constructor(partials: string, syncs = new FolderSyncs()) {
    this.#partials = partials;
    this.#syncs = syncs;
  }

  async make(id: string, fence?: number): Promise<PartialPlace> {
    const left = await this.take(id, fence);
    if (left !== null) return left;
    const above = join(this.#partials, id);
    await ensureFolder(above, 0o700);
    const place = this.#placeOf(id, fence ?? 1, { isForeign: false, isKnown: false });
    await makeFolder(place.folder, 0o700);
    await Promise.all([this.#syncs.sync(this.#partials), this.#syncs.sync(above)]);
    this.#taken.set(id, place);
    return place;
  }

  async take(id: string, fence?: number): Promise<PartialPlace | null> {
    const known = this.#taken.get(id);
    if (known !== undefined && (fence === undefined || known.fence === fence)) return known;
    for (let times = 0; ; times++) {
      const held = (await this.#heldOf(id)).at(-1);
      if (held === undefined) return null;
      const mine = fence ?? held.fence + 1;
      if (held.fence > mine) throw takenElsewhere();
      const isMine = held.fence === mine && held.freedBy === null;
      // Never again to a name to which moving failed: who looks that up waits for ever in ceph-fuse 16.2 (ceph/ceph, pull request 40787).
      const name = isMine ? held.name : times === 0 ? String(mine) : `${mine}-${times}`;
      const place = this.#placeOf(id, mine, {
        name,
        isForeign: held.freedBy === null,
        isKnown: held.freedBy === this.#tag,
      });
      if (!isMine && !(await this.#move(id, held.name, place.folder))) continue;
      this.#taken.set(id, place);
      return place;
    }
  }

  /** Returns whether nobody else did that first. */
  async #move(id: string, name: string, to: string): Promise<boolean> {
    const above = join(this.#partials, id);
    try {
      await moveEntry(join(above, name), to);
    } catch (error) {
      nullWhenMissing(error);
      return false;
    }
    await this.#syncs.sync(above);
    return true;
  }

  async find(id: string): Promise<string | null> {
    const held = (await this.#heldOf(id)).at(-1);
    return held === undefined ? null : join(this.#partials, id, held.name);
  }

  async all(id: string): Promise<readonly string[]> {
    return (await this.#heldOf(id)).map(({ name }) => join(this.#partials, id, name));
  }

  async thrownAway(id: string): Promise<readonly string[]> {
    const names = await namesIn(join(this.#partials, id));
    return names.filter((name) => name.endsWith(trashSuffix)).map((name) => join(this.#partials, id, name));
  }

  async #heldOf(id: string): Promise<readonly Held[]> {
    return heldIn(await namesIn(join(this.#partials, id)));
  }

  #placeOf(
    id: string,
    fence: number,
    {
      name = String(fence),
      isForeign,
      isKnown,
    }: Pick<PartialPlace, "isForeign" | "isKnown"> & { readonly name?: string },
  ): SharedPlace {
    const folder = join(this.#partials, id, name);
    const leave = (): void => {
      if (this.#taken.get(id) === place) this.#taken.delete(id);
    };
    const place: SharedPlace = {
      ...{ fence, folder, isForeign, isKnown, leave },
      letGo: async () => {
        leave();
        // Somebody may have it open who had it before: that is so for whoever comes next as well. And who took it needs not be told.
        if (!place.isForeign) await moveEntry(folder, `${folder}.free.${this.#tag}`).catch(nullWhenMissing);
      },
      isThere: async () => (await lookAt(folder)) !== null,
    };
    return place;
  }

  async gone(id: string): Promise<void> {
    this.#taken.delete(id);
    // What was thrown away of it may still be there: it goes behind that.
    await removeEmpty(join(this.#partials, id));
  }
}

interface SharedPlace extends PartialPlace {
  readonly fence: number;
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return await readdir(folder).catch((error) => nullWhenMissing(error) ?? []);
}

/** Somebody has the upload who took it later. */
export function takenElsewhere(): DyncError {
  return new DyncError("not-ready", "Another server has taken this upload");
}
