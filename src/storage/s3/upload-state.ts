// What lies in the store beside an upload that has not ended: a small object by which is found again, by the upload's id, its multipart upload, or what
// its members lie below, to be given up.

import * as v from "valibot";
import { DyncError } from "../../base/error.ts";
import { jsonValue } from "../../base/json-text.ts";
import type { Destination } from "../../upload/destination.ts";
import { checksumSuffix, metadataSuffix } from "../../upload/names.ts";
import { parseSidecar } from "../../upload/sidecar.ts";
import { explained } from "./client/s3-error.ts";
import type { Patience } from "./client/s3-request.ts";
import { type S3Home, soon } from "./home.ts";
import type { PublishedKeys } from "./keys.ts";

const stateSchema = v.object({
  /** Of the object that it becomes. */
  key: v.string(),
  uploadId: v.string(),
});
export type UploadState = v.InferOutput<typeof stateSchema>;

const datasetSchema = v.object({
  /** Below which its members are stored. */
  members: v.string(),
  /** Below which they are copied, where they are stored somewhere else. */
  target: v.optional(v.string()),
});
export type DatasetState = v.InferOutput<typeof datasetSchema>;

// A part that was on its way when its upload was aborted may come after that: it is aborted until nothing is left.
const abortsMax = 5;

type Store = Pick<S3Home, "client" | "keys">;

export async function keepState(
  { client, keys }: Store,
  id: string,
  state: UploadState | DatasetState,
  patience: Patience,
): Promise<void> {
  const body = Buffer.from(`${JSON.stringify(state)}\n`);
  await client.put(keys.upload(id), [body], { type: "application/json" }, patience);
}

export async function readState(
  { client, keys }: Store,
  id: string,
): Promise<UploadState | DatasetState | null> {
  const found = await client.read(keys.upload(id), soon);
  if (found === null) return null;
  const parsed = v.safeParse(v.union([stateSchema, datasetSchema]), jsonValue(found.bytes.toString("utf8")));
  if (parsed.success) return parsed.output;
  throw new DyncError("internal", `${keys.upload(id)} in the object store is not as it was written`, {
    hint: "look at it; what it is about is aborted by the store's own rules, or by hand",
  });
}

/** What is known of the dataset that upload `id` becomes, where it becomes one. */
export async function readDataset(store: Store, id: string): Promise<DatasetState | null> {
  const state = await readState(store, id);
  return state !== null && "members" in state ? state : null;
}

/** What is known of the multipart upload of upload `id`, where it is one file. */
export async function readMultipart(store: Store, id: string): Promise<UploadState | null> {
  const state = await readState(store, id);
  return state !== null && "uploadId" in state ? state : null;
}

/** Ends the multipart upload of upload `id` without an object, where there is one; takes away what is stored of its members. */
export async function abortUpload(store: Store, id: string): Promise<void> {
  const state = await readState(store, id);
  if (state !== null && "uploadId" in state) await abort(store, state);
  else if (state !== null) await removeMembers(store, id, state);
}

/** Takes away all that upload `id` stored of a dataset, where it is not published. */
async function removeMembers(store: Store, id: string, { members, target }: DatasetState): Promise<void> {
  for (const root of target === undefined ? [members] : [members, target]) {
    if (await isPublishedAt(store, id, root)) continue;
    await endMultiparts(store, root);
    const below = store.client.list(root, soon);
    await inParallel(below, async ({ key }) => {
      const there = await store.client.head(key, soon);
      // What another program put there is not ours to take away.
      if (there?.about["dync-upload"] === id) await store.client.remove(key, soon);
    });
    const checksum = `${root.slice(0, -1)}${checksumSuffix}`;
    if ((await store.client.head(checksum, soon))?.about["dync-upload"] === id)
      await store.client.remove(checksum, soon);
  }
}

/** Ends all multipart uploads below `root`, without an object. */
export async function endMultiparts(store: Store, root: string): Promise<void> {
  for await (const { key, uploadId } of store.client.multiparts(root, soon))
    await abort(store, { key, uploadId });
}

/** Whether upload `id` is published as the dataset whose members lie below `root`: what describes it comes last. */
async function isPublishedAt({ client }: Store, id: string, root: string): Promise<boolean> {
  const sidecar = await client.read(root.slice(0, -1) + metadataSuffix, soon);
  const upload = sidecar === null ? null : parseSidecar(sidecar.bytes.toString("utf8"));
  return upload?.id === id && upload.contents !== null;
}

// Most of it is waiting.
const atOnceMax = 16;

/** Does `work` of each, some at once. */
export async function inParallel<T>(all: AsyncIterable<T>, work: (one: T) => Promise<void>): Promise<void> {
  const running = new Set<Promise<void>>();
  let failed: { readonly error: unknown } | null = null;
  for await (const one of all) {
    const doing = work(one).catch((error: unknown) => {
      failed ??= { error };
    });
    running.add(doing);
    void doing.then(() => running.delete(doing));
    if (running.size >= atOnceMax) await Promise.race(running);
    if (failed !== null) break;
  }
  await Promise.all(running);
  if (failed !== null) throw (failed as { readonly error: unknown }).error;
}

export async function abort({ client }: Store, { key, uploadId }: UploadState): Promise<void> {
  for (let times = 0; times < abortsMax; times++) {
    await client.abort(key, uploadId, soon);
    if ((await client.parts(key, uploadId, soon)) === null) return;
  }
  throw new DyncError("not-ready", `The store did not let go of the parts of ${key}`);
}

/** Deletes what the store has of an upload that is not published. `destination` is where it was to go, where that is known. */
export async function discardUpload(store: S3Home, id: string, destination?: Destination): Promise<void> {
  await explained("removed", async () => {
    await abortUpload(store, id);
    if (destination !== undefined) await rollBack(store, id, store.keys.of(destination));
    await forgetUpload(store, id);
  });
}

/** Deletes what is known of an upload: its pieces, and what names its multipart upload. */
export async function forgetUpload(
  { client, keys }: Store,
  id: string,
  patience: Patience = soon,
): Promise<void> {
  await inParallel(client.list(keys.pieces(id), patience), ({ key }) => client.remove(key, patience));
  await client.remove(keys.upload(id), patience);
}

/** Takes the files beside an object away that upload `id` put there, where the object itself is not there. */
export async function rollBack({ client }: Store, id: string, keys: PublishedKeys): Promise<void> {
  const sidecar = await client.read(keys.metadata, soon);
  const upload = sidecar === null ? null : parseSidecar(sidecar.bytes.toString("utf8"));
  // What describes a dataset comes last: it is published.
  if (upload?.id !== id || upload.contents !== null) return;
  const there = await client.head(keys.content, soon);
  if (there?.about["dync-upload"] === id) return;
  // While ours is beside it the name is nobody else's, so the checksum is ours as well.
  await client.remove(keys.checksum, soon);
  await client.remove(keys.metadata, soon);
}
