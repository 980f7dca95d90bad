// Finding unfinished uploads by what people type, and saying which one is which. Used by `uploads`, `resume` and
// `cancel`.

import { DyncError } from "../../base/error.ts";
import { formatServerAddress } from "../../base/format-server-address.ts";
import type { UnfinishedUpload, UploadStore } from "../../client/upload-store.ts";
import type { Output } from "../output.ts";
import { printable } from "../printable.ts";

const shortIdLength = 8;

/** The beginning of an upload's identity: enough to tell it from the others. */
export function shortId(upload: UnfinishedUpload): string {
  return upload.identity.slice(0, shortIdLength);
}

/** One upload on one line, for people. */
export function describe(upload: UnfinishedUpload): string {
  const { host, port, path, name } = upload;
  const renamed = path.endsWith(name) ? "" : ` as "${printable(name)}"`;
  return `"${printable(path)}"${renamed} to ${printable(formatServerAddress({ host, port }))}`;
}

/** All unfinished uploads; warns of state files that cannot be read. */
export async function listUnfinished(
  store: UploadStore,
  output: Output,
): Promise<readonly UnfinishedUpload[]> {
  const { uploads, unreadable } = await store.list();
  for (const { file, isNewer } of unreadable) {
    if (isNewer)
      output.warn(`${file} was written by a newer dync`, "go on with that upload with the newer one");
    else output.warn(`${file} is no state of an upload`, "remove it if nothing needs it");
  }
  return uploads;
}

/** The uploads that `ids` name, each by the beginning of its id. Throws `DyncError` ("usage"). */
export function selectUploads(
  uploads: readonly UnfinishedUpload[],
  ids: readonly string[],
): readonly UnfinishedUpload[] {
  const hint = 'run "dync uploads" for the ids';
  return ids.map((id) => {
    const found = uploads.filter((upload) => upload.identity.startsWith(id.toLowerCase()));
    if (id === "" || found.length === 0)
      throw new DyncError("usage", `No unfinished upload has the id "${printable(id)}"`, { hint });
    if (found.length > 1)
      throw new DyncError("usage", `"${printable(id)}" is the beginning of ${found.length} ids`, { hint });
    return found[0] as UnfinishedUpload;
  });
}
