// Where an upload goes that is let in: what lies at its place already, and who holds it, decide with its rule whether it goes there,
// beside it under a name with a number, or nowhere.

import { DyncError } from "../base/error.ts";
import type { Catalogue, NewUpload, UploadRecord } from "../catalogue/catalogue.ts";
import type { WhenTaken } from "../rules/upload-rules.ts";
import { NameTaken, type Obstacle, type Storage } from "../storage/storage.ts";
import { type Destination, destinationOf, type Placed } from "../upload/destination.ts";
import { busyText, numberedName, takenText } from "../upload/names.ts";

export interface PlacingParts {
  readonly catalogue: Catalogue;
  readonly storage: Storage;
}

/** Resolves when `holders` do not hold the place any more, or others do; rejects with why it cannot be had. */
export type MakeWay = (holders: readonly UploadRecord[]) => Promise<void>;

// Each round ends with what held the name; where others come as fast, somebody else is first.
export const roundsMax = 10;
// So many files of one name in one folder are nobody's intention.
const numberMax = 1_000_000;
// Of uploads that are under way at once and want one name.
const heldMax = 1000;

/** The place is wanted by more than can be waited for. */
export function wanted(): DyncError {
  return new DyncError("not-ready", "Too many uploads want this name just now");
}

/**
 * What `begin` makes of `upload` at the place that it gets.
 *
 * @throws NameTaken with what is in its way, or what `begin` and `makeWay` throw.
 */
export async function placed<T>(
  upload: NewUpload,
  whenTaken: WhenTaken,
  makeWay: MakeWay,
  parts: PlacingParts,
  begin: Begin<T>,
): Promise<T> {
  const place = destinationOf(upload);
  const way = whenTaken === "number" ? amongOwn(upload, makeWay) : makeWay;
  try {
    await checkFree(upload, way, parts);
    return await begin(upload, way);
  } catch (error) {
    if (!(error instanceof NameTaken) || whenTaken === "refuse") throw error;
    if (whenTaken === "number") return await numbered(upload, parts, begin);
    if (!mayBeTheSame(upload, error.obstacle)) throw error;
    const manner = { ...place.manner, confirmsSame: true } as const;
    return await begin({ ...upload, place: { ...place, manner } }, makeWay);
  }
}

type Begin<T> = (upload: NewUpload, makeWay: MakeWay) => Promise<T>;

/** What the same key holds is waited for, or makes way: its client may have begun anew. What others hold is theirs. */
function amongOwn({ user, origin, name }: NewUpload, makeWay: MakeWay): MakeWay {
  return async (holders) => {
    const other = holders.find((it) => it.user !== user || (it.origin ?? origin) !== origin);
    if (other !== undefined) throw isHeld(name, other.name);
    await makeWay(holders);
  };
}

function isHeld(name: string, other: string): NameTaken {
  return new NameTaken(busyText(name, other), { file: other, published: null });
}

// A client that says what it is compares by itself when it hears what is there, and need not send it.
function mayBeTheSame({ user, client, size, form }: NewUpload, { published }: Obstacle): boolean {
  if (published === null || published.user !== user || client !== null) return false;
  return (size ?? published.size) === published.size && (form === "file") === (published.contents === null);
}

/** With the lowest number behind which none is taken, as far as looking at few of them tells. */
async function numbered<T>(upload: NewUpload, { storage }: PlacingParts, begin: Begin<T>): Promise<T> {
  const place = destinationOf(upload);
  const at = (number: number): Destination => ({ ...place, name: numberedName(place.name, number) });
  const isFree = async (number: number): Promise<boolean> => (await storage.obstacle(at(number))) === null;
  let taken = 1;
  let free = 2;
  while (!(await isFree(free))) {
    taken = free;
    free *= 2;
    if (free > numberMax) throw wanted();
  }
  while (free - taken > 1) {
    const middle = Math.floor((taken + free) / 2);
    if (await isFree(middle)) free = middle;
    else taken = middle;
  }
  for (let held = 0; held < heldMax; held++) {
    try {
      return await begin({ ...upload, place: at(free + held) }, async ([holder]) => {
        throw isHeld(upload.name, holder?.name ?? upload.name);
      });
    } catch (error) {
      // Another one is under way to that very name.
      if (!(error instanceof NameTaken)) throw error;
    }
  }
  throw wanted();
}

/** Throws `NameTaken` with what lies where `upload` goes, or what `makeWay` does where it is not durable there yet. */
export async function checkFree(upload: Placed, makeWay: MakeWay, parts: PlacingParts): Promise<void> {
  const destination = destinationOf(upload);
  for (let round = 0; round < roundsMax; round++) {
    const obstacle = await parts.storage.obstacle(destination);
    if (obstacle === null) return;
    const id = obstacle.published?.id ?? obstacle.claimedBy;
    const record = id === undefined ? null : await parts.catalogue.get(id);
    // It is seen under its name, and may not be durable there: until it is, nobody may hear that this file is stored.
    if (record?.state === "publishing") await makeWay([record]);
    // Part of it was to be seen, and all of it is by now.
    else if (obstacle.published !== null || record?.state !== "finished" || round > 0)
      throw new NameTaken(takenText(destination.name, obstacle.file), obstacle);
  }
  throw wanted();
}
