// That nothing is published twice, by what the object store itself knows: what its gateway was asked to make, and what is there when an upload is
// confirmed and in the end.

import { expect } from "bun:test";
import { checksumSuffix, metadataSuffix } from "../../src/upload/names.ts";
import type { StoreRequest } from "../support/ceph.ts";

/** What is asked of the store, and what it was asked. */
export interface AskedStore {
  readonly bucket: {
    readonly client: {
      list(
        prefix: string,
        patience: { readonly forMs: number },
      ): AsyncIterable<{ readonly key: string; readonly etag: string; readonly modified: Date }>;
    };
  };
  readonly ceph: { requests(): Promise<readonly StoreRequest[]> };
}

// The store may be away just now.
const patience = { forMs: 300_000 };

/** Each object of an upload but what describes it: its ETag, and when it was made. */
type Snapshot = Readonly<Record<string, string>>;

export class MadeOnce {
  readonly #snapshots = new Map<string, Snapshot>();

  /** Looks at what lies at `place` (such as `lab/alice/run-1`), whose upload is confirmed. */
  async look(pair: AskedStore, place: string): Promise<void> {
    this.#snapshots.set(place, await snapshot(pair, place));
  }

  /** What was there when it was confirmed is there, and was not made anew since; and no file was made by two requests. */
  async expectSo(pair: AskedStore, files: readonly string[]): Promise<void> {
    for (const [place, before] of this.#snapshots)
      expect([place, await snapshot(pair, place)]).toEqual([place, before]);
    const makings = makingsOf(await pair.ceph.requests());
    for (const place of files) {
      const made = [...(makings.get(place) ?? [])];
      expect([place, made.length, made]).toEqual([place, Math.min(1, made.length), made]);
    }
    // What a gateway did that was killed it may not have written down; of most it did.
    expect(files.filter((place) => makings.has(place)).length).toBeGreaterThan(files.length / 2);
  }
}

async function snapshot(pair: AskedStore, place: string): Promise<Snapshot> {
  const found: Record<string, string> = {};
  for await (const { key, etag, modified } of pair.bucket.client.list(place, patience)) {
    const isOf = key === place || key.startsWith(`${place}/`);
    if (isOf) found[key] = `${etag} ${modified.toISOString()}`;
  }
  return found;
}

/** What made each object: a request with all of it, or a multipart upload, which may be completed again and stays the same. */
function makingsOf(requests: readonly StoreRequest[]): ReadonlyMap<string, ReadonlySet<string>> {
  const makings = new Map<string, Set<string>>();
  let puts = 0;
  for (const { method, key, query, status } of requests) {
    if (status !== 200 || key.endsWith(checksumSuffix) || key.endsWith(metadataSuffix)) continue;
    const multipart = query.get("uploadId");
    if (multipart === null && (method !== "PUT" || query.size > 0)) continue;
    if (multipart !== null && method !== "POST") continue;
    const by = multipart ?? `request ${++puts}`;
    makings.set(key, (makings.get(key) ?? new Set()).add(by));
  }
  return makings;
}
