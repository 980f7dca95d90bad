// Whose data a catalogue in a database is about.

import { isBucket, writeBucket } from "../../config/object-store.ts";
import type { ProcessSettings } from "../../config/server-settings.ts";
import { storageId } from "../../storage/storage-id.ts";

/**
 * Of what lies on a disk, the name that its data folder has: no other machine can go on with it. Of what lies in an object store, the
 * address of that, and of what lies in a folder that several machines have, the name that this has: any server can that reaches it. Rejects with a `DyncError`.
 */
export async function storageName({
  storage,
  dataFolder,
}: Pick<ProcessSettings, "storage" | "dataFolder">): Promise<string> {
  if (storage === null) return await storageId(dataFolder);
  return isBucket(storage) ? writeBucket(storage) : await storageId(storage.folder);
}
