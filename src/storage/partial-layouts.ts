// A folder that one server had for itself, and that several share from now on, or the other way round: what is under way lies there in another
// way (partial-places.ts), and is brought into the new one by who has the folder alone at that moment. A crash in the midst is no harm: what
// was on its way is found by its name.

import { opendir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { checksumSuffix, metadataSuffix } from "../upload/names.ts";
import { idPattern } from "./data-folder.ts";
import { dropboxSuffix } from "./dropbox-staging.ts";
import { ensureFolder, moveEntry, nullWhenMissing, removeEmpty } from "./file-calls.ts";
import { heldIn } from "./partial-places.ts";

/** Ending of the folder in which an upload is brought from one way into the other. */
const movingSuffix = ".moving";
// Let go of by nobody who is here: whoever takes it knows nothing of it.
const firstPlace = "1.free.0";
/** What an upload that lies beside others has there. */
const endings = ["", metadataSuffix, checksumSuffix, dropboxSuffix];

/** Gives each upload that lies beside the others a folder of its own. Throws the system's error. */
export async function spreadPartials(partials: string): Promise<void> {
  for (const id of await idsIn(partials, false)) {
    const moving = join(partials, id + movingSuffix);
    await ensureFolder(moving, 0o700);
    const place = join(moving, heldIn(await readdir(moving)).at(-1)?.name ?? firstPlace);
    await ensureFolder(place, 0o700);
    for (const ending of endings)
      await moveEntry(join(partials, id + ending), join(place, id + ending)).catch(nullWhenMissing);
    await moveEntry(moving, join(partials, id));
  }
}

/** Puts all uploads beside each other. Throws the system's error. */
export async function gatherPartials(partials: string): Promise<void> {
  for (const id of await idsIn(partials, true)) {
    const moving = join(partials, id + movingSuffix);
    await moveEntry(join(partials, id), moving).catch(nullWhenMissing);
    const place = heldIn(await readdir(moving)).at(-1)?.name;
    // What lies in others was left by who did not have it any more.
    for (const name of place === undefined ? [] : await readdir(join(moving, place)))
      await moveEntry(join(moving, place ?? "", name), join(partials, name));
    await rm(moving, { recursive: true });
  }
}

/** Those that lie in folders of their own, or those that do not; and those that were on their way. */
async function idsIn(partials: string, areSpread: boolean): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  for await (const entry of await opendir(partials)) {
    const { name } = entry;
    const id = name.slice(0, 32);
    if (!idPattern.test(id)) continue;
    if (name === id + movingSuffix) ids.add(id);
    if (name !== id) continue;
    const isSpread = entry.isDirectory() && heldIn(await readdir(join(partials, id))).length > 0;
    if (isSpread === areSpread) ids.add(id);
    // Of one that never had a place.
    else if (areSpread && entry.isDirectory()) await removeEmpty(join(partials, id));
  }
  return ids;
}
