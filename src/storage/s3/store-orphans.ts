// What lies in the object store and is nobody's: multipart uploads that no upload of ours names, as a crash leaves them between two requests, and
// metadata that claim a name without what they are of, and members of datasets that were given up, as a server stores them that froze meanwhile.

import { checksumSuffix, metadataSuffix } from "../../upload/names.ts";
import { parseSidecar } from "../../upload/sidecar.ts";
import type { ObjectStore } from "./client/s3-client.ts";
import { soon } from "./home.ts";
import type { Keys } from "./keys.ts";
import { DatasetRoots, sidecarAt } from "./published-objects.ts";
import { abort, readState } from "./upload-state.ts";

export interface Orphan {
  readonly kind: "multipart" | "metadata" | "member";
  readonly key: string;
  /** When it was begun, or written. */
  readonly since: Date;
  /** Takes it away. */
  remove(): Promise<void>;
}

interface Store {
  readonly client: ObjectStore;
  readonly keys: Keys;
}

/** All orphans below the prefix, in no order. Rejects with what the store says. */
export async function* orphansIn(store: Store): AsyncGenerator<Orphan> {
  yield* multiparts(store);
  yield* objects(store);
}

async function* multiparts(store: Store): AsyncGenerator<Orphan> {
  const { client, keys } = store;
  const named = new Set<string>();
  const roots: string[] = [];
  // Looked at first: one that begins meanwhile has no state yet, and is young.
  for await (const { key } of client.list(keys.uploads, soon)) {
    const id = keys.idOf(key);
    const state = id !== null && key === keys.upload(id) ? await readState(store, id) : null;
    if (state === null) continue;
    if ("uploadId" in state) named.add(state.uploadId);
    else roots.push(state.members, ...(state.target === undefined ? [] : [state.target]));
  }
  for await (const { key, uploadId, begun } of client.multiparts(keys.prefix, soon))
    if (!named.has(uploadId) && !roots.some((root) => key.startsWith(root)))
      yield { kind: "multipart", key, since: begun, remove: () => abort(store, { key, uploadId }) };
}

// Of a dataset what describes it has a key before those of its members, and comes last: where that is not there, and no upload, nobody knows them.
async function* objects(store: Store): AsyncGenerator<Orphan> {
  const { client, keys } = store;
  const datasets = new DatasetRoots();
  for await (const { key, modified } of client.list(keys.prefix, soon)) {
    if (keys.isHidden(key) || datasets.has(key)) continue;
    const text = key.endsWith(metadataSuffix) ? await sidecarAt(store, key) : null;
    if (text !== null) {
      const upload = parseSidecar(text);
      if (upload?.contents != null) datasets.add(key.slice(0, -metadataSuffix.length));
      else if (upload !== null && (await isLeft(store, key, upload.id)))
        yield { kind: "metadata", key, since: modified, remove: () => client.remove(key, soon) };
    } else if (await isStray(store, key))
      yield { kind: "member", key, since: modified, remove: () => client.remove(key, soon) };
  }
}

/** Whether the metadata at `key`, of upload `id`, are there without their file, and are nobody's. */
async function isLeft(store: Store, key: string, id: string): Promise<boolean> {
  const content = key.slice(0, -metadataSuffix.length);
  return (await store.client.head(content, soon)) === null && (await readState(store, id)) === null;
}

/** Whether it is a member of a dataset, or the list of one, that is neither published nor on its way. */
async function isStray(store: Store, key: string): Promise<boolean> {
  const id = (await store.client.head(key, soon))?.about["dync-upload"];
  if (id === undefined || (await readState(store, id)) !== null) return false;
  const described = key.endsWith(checksumSuffix) ? key.slice(0, -checksumSuffix.length) : key;
  for (const of of new Set([key, described]))
    if ((await store.client.head(of + metadataSuffix, soon)) !== null) return false;
  return true;
}
