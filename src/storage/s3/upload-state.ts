// What lies in the store beside a multipart upload that has not ended: a small object by which it is found again by the upload's id, and given up.

import * as v from "valibot";
import { DyncError } from "../../base/error.ts";
import type { Destination } from "../../upload/destination.ts";
import { parseSidecar } from "../../upload/sidecar.ts";
import { s3Trouble } from "./client/s3-error.ts";
import type { Patience } from "./client/s3-request.ts";
import { type S3Home, soon } from "./home.ts";
import type { PublishedKeys } from "./keys.ts";

const stateSchema = v.object({
  /** Of the object that it becomes. */
  key: v.string(),
  uploadId: v.string(),
});
export type UploadState = v.InferOutput<typeof stateSchema>;

// A part that was on its way when its upload was aborted may come after that: it is aborted until nothing is left.
const abortsMax = 5;

type Store = Pick<S3Home, "client" | "keys">;

export async function keepState(
  { client, keys }: Store,
  id: string,
  state: UploadState,
  patience: Patience,
): Promise<void> {
  const body = Buffer.from(`${JSON.stringify(state)}\n`);
  await client.put(keys.upload(id), [body], { type: "application/json" }, patience);
}

export async function readState({ client, keys }: Store, id: string): Promise<UploadState | null> {
  const found = await client.read(keys.upload(id), soon);
  if (found === null) return null;
  const parsed = v.safeParse(stateSchema, jsonOf(found.bytes.toString("utf8")));
  if (parsed.success) return parsed.output;
  throw new DyncError("internal", `${keys.upload(id)} in the object store is not as it was written`, {
    hint: "look at it; what it is about is aborted by the store's own rules, or by hand",
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** Ends the multipart upload of upload `id` without an object, where there is one. */
export async function abortUpload(store: Store, id: string): Promise<void> {
  const state = await readState(store, id);
  if (state !== null) await abort(store, state);
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
  try {
    await abortUpload(store, id);
    if (destination !== undefined) await rollBack(store, id, store.keys.of(destination));
    await forgetUpload(store, id);
  } catch (error) {
    throw s3Trouble("removed", error);
  }
}

/** Deletes what is known of an upload: its pieces, and what names its multipart upload. */
export async function forgetUpload(
  { client, keys }: Store,
  id: string,
  patience: Patience = soon,
): Promise<void> {
  for await (const { key } of client.list(keys.pieces(id), patience)) await client.remove(key, patience);
  await client.remove(keys.upload(id), patience);
}

/** Takes the files beside an object away that upload `id` put there, where the object itself is not there. */
export async function rollBack({ client }: Store, id: string, keys: PublishedKeys): Promise<void> {
  const sidecar = await client.read(keys.metadata, soon);
  if (sidecar === null || parseSidecar(sidecar.bytes.toString("utf8"))?.id !== id) return;
  const there = await client.head(keys.content, soon);
  if (there?.about["dync-upload"] === id) return;
  // While ours is beside it the name is nobody else's, so the checksum is ours as well.
  await client.remove(keys.checksum, soon);
  await client.remove(keys.metadata, soon);
}
