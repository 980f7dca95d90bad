// Finding what is unfinished by what people type, and saying which one is which. Used by `uploads`, `resume` and
// `cancel`.

import { DyncError } from "../../base/error.ts";
import { formatServerAddress } from "../../base/format-server-address.ts";
import type { UnfinishedBatch } from "../../client/batch/batch-store.ts";
import type { Client } from "../../client/client.ts";
import type { UnfinishedUpload } from "../../client/upload-store.ts";
import { datasetName } from "../../protocol/wire/stored-name.ts";
import type { Output } from "../output.ts";
import { printable } from "../printable.ts";

/** One upload, or what is left of a batch. */
export type Unfinished = UnfinishedUpload | UnfinishedBatch;

const shortIdLength = 8;

export function isBatch(one: Unfinished): one is UnfinishedBatch {
  return "files" in one;
}

export function isUpload(one: Unfinished): one is UnfinishedUpload {
  return !isBatch(one);
}

/** The id that people name it by, or begin to. */
export function idOf(one: Unfinished): string {
  return isBatch(one) ? one.id : one.identity;
}

/** As much of an id as people have to type. */
export function shortened(id: string): string {
  return id.slice(0, shortIdLength);
}

/** The beginning of an id: enough to tell it from the others. */
export function shortId(one: Unfinished): string {
  return shortened(idOf(one));
}

/** One of them on one line, for people. */
export function describe(one: Unfinished): string {
  if (isBatch(one)) {
    const { path, host, port } = one.first;
    const others = one.files === 1 ? "" : ` and ${one.files - 1} more`;
    return `"${printable(path)}"${others} to ${printable(formatServerAddress({ host, port }))}`;
  }
  const { host, port, origin, name } = one;
  const { kind, path } = origin;
  const own = kind === "dataset" ? datasetName(name) : name;
  const renamed = path.endsWith(own) ? "" : ` as "${printable(own)}"`;
  return `"${printable(path)}"${renamed} to ${printable(formatServerAddress({ host, port }))}`;
}

/** Everything that is unfinished, uploads first; warns of files that cannot be read. */
export async function listUnfinished(client: Client, output: Output): Promise<readonly Unfinished[]> {
  const { uploads, unreadable } = await client.store.list();
  for (const { file, isNewer } of unreadable) warnOf(file, isNewer, "state of an upload", output);
  const { batches, unreadable: unreadableBatches } = await client.batches.list();
  for (const { file, isNewer } of unreadableBatches) warnOf(file, isNewer, "batch of uploads", output);
  return [...uploads, ...batches];
}

function warnOf(file: string, isNewer: boolean, what: string, output: Output): void {
  if (isNewer)
    output.warn(`${file} was written by a newer dync`, "go on with that upload with the newer one");
  else output.warn(`${file} is no ${what}`, "remove it if nothing needs it");
}

/** Those that `ids` name, each by the beginning of its id. Throws `DyncError` ("usage"). */
export function selectUnfinished(all: readonly Unfinished[], ids: readonly string[]): readonly Unfinished[] {
  const hint = 'run "dync uploads" for the ids';
  return ids.map((id) => {
    const found = all.filter((one) => idOf(one).startsWith(id.toLowerCase()));
    if (id === "" || found.length === 0)
      throw new DyncError("usage", `No unfinished upload has the id "${printable(id)}"`, { hint });
    if (found.length > 1)
      throw new DyncError("usage", `"${printable(id)}" is the beginning of ${found.length} ids`, { hint });
    return found[0] as Unfinished;
  });
}
