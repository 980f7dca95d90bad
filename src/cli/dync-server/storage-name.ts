// Whose data a catalogue in a database is about.

import { writeBucket } from "../../config/object-store.ts";
import type { ProcessSettings } from "../../config/server-settings.ts";
import { storageId } from "../../storage/storage-id.ts";

/**
 * Of what lies on a disk, the name that its data folder has: no other machine can go on with it. Of what lies in an object store, the
 * address of that: any server can that reaches it. Rejects with a `DyncError`.
 */
export async function storageName({
  storage,
  dataFolder,
}: Pick<ProcessSettings, "storage" | "dataFolder">): Promise<string> {
  return storage === null ? await storageId(dataFolder) : writeBucket(storage);
}
