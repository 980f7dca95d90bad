// What lies in the object store and is nobody's: multipart uploads that no upload of ours names, as a crash leaves them between two requests, and
// metadata that claim a name without what they are of.

import { metadataSuffix } from "../../upload/names.ts";
import { parseSidecar } from "../../upload/sidecar.ts";
import type { S3Client } from "./client/s3-client.ts";
import { soon } from "./home.ts";
import type { Keys } from "./keys.ts";
import { abort, readState } from "./upload-state.ts";

export interface Orphan {
  readonly kind: "multipart" | "metadata";
  readonly key: string;
  /** When it was begun, or written. */
  readonly since: Date;
  /** Takes it away. */
  remove(): Promise<void>;
}

interface Store {
  readonly client: S3Client;
  readonly keys: Keys;
}

/** All orphans below the prefix, in no order. Rejects with what the store says. */
export async function* orphansIn(store: Store): AsyncGenerator<Orphan> {
  yield* multiparts(store);
  yield* metadata(store);
}

async function* multiparts(store: Store): AsyncGenerator<Orphan> {
  const { client, keys } = store;
  const named = new Set<string>();
  // Looked at first: one that begins meanwhile has no state yet, and is young.
  for await (const { key } of client.list(keys.uploads, soon)) {
    const id = keys.idOf(key);
    const state = id !== null && key === keys.upload(id) ? await readState(store, id) : null;
    if (state !== null) named.add(state.uploadId);
  }
  for await (const { key, uploadId, begun } of client.multiparts(keys.prefix, soon))
    if (!named.has(uploadId))
      yield { kind: "multipart", key, since: begun, remove: () => abort(store, { key, uploadId }) };
}

async function* metadata({ client, keys }: Store): AsyncGenerator<Orphan> {
  for await (const { key, modified } of client.list(keys.prefix, soon)) {
    if (!key.endsWith(metadataSuffix) || keys.isHidden(key)) continue;
    const content = key.slice(0, -metadataSuffix.length);
    if ((await client.head(content, soon)) !== null) continue;
    const text = (await client.read(key, soon))?.bytes.toString("utf8") ?? "";
    const upload = parseSidecar(text);
    if (upload === null || (await readState({ client, keys }, upload.id)) !== null) continue;
    yield { kind: "metadata", key, since: modified, remove: () => client.remove(key, soon) };
  }
}
