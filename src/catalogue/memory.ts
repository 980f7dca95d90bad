// The catalogue in memory: for tests and the simulation. Same contract as `sqlite.ts`, nothing survives it.

import { assert } from "../base/assert.ts";
import { foldName } from "../base/file-name.ts";
import { jsonDigest } from "../base/json-digest.ts";
import type {
  AddResult,
  Catalogue,
  NewUpload,
  UploadChange,
  UploadRecord,
  UploadState,
  UserBounds,
} from "./catalogue.ts";
import { newRecord } from "./new-record.ts";

export class MemoryCatalogue implements Catalogue {
  // In the order in which they were added.
  readonly #records = new Map<string, UploadRecord>();
  // Of those that have not ended.
  readonly #metadata = new Map<string, string>();

  add(upload: NewUpload, bounds: UserBounds): AddResult {
    const { metadataText } = upload;
    assert(!this.#records.has(upload.id), "an upload is added once");
    const unfinished = this.list(["open", "publishing"]).filter(({ user }) => user === upload.user);
    if (unfinished.length >= bounds.uploads) return "too-many-uploads";
    const texts = [...unfinished.map(({ id }) => this.#metadata.get(id) ?? ""), metadataText];
    const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    if (bytes > bounds.metadataBytes) return "too-much-metadata";
    this.#metadata.set(upload.id, metadataText);
    this.#records.set(upload.id, newRecord(upload));
    return "added";
  }

  /** As an earlier version left it: which key began an upload is not known. */
  forgetOrigins(): void {
    for (const record of this.#records.values()) this.#records.set(record.id, { ...record, origin: null });
  }

  change(id: string, change: UploadChange): void {
    const record = this.#records.get(id);
    assert(record !== undefined, "an upload that changes is in the catalogue");
    const text = change.state === "finished" ? this.#metadata.get(id) : undefined;
    const metadataDigest = text === undefined ? record.metadataDigest : jsonDigest(text);
    this.#records.set(id, { ...record, ...change, metadataDigest });
    if (change.state === "finished" || change.state === "failed") this.#metadata.delete(id);
  }

  find(identity: string, user: string, origin: string): UploadRecord | null {
    let newest: UploadRecord | null = null;
    for (const record of this.#records.values()) {
      const isOrigin = record.origin === null || record.origin === origin;
      if (record.identity === identity && record.user === user && isOrigin) newest = record;
    }
    return newest;
  }

  get(id: string): UploadRecord | null {
    return this.#records.get(id) ?? null;
  }

  metadataOf(id: string): string | null {
    return this.#metadata.get(id) ?? null;
  }

  holdersOf(user: string, names: readonly string[]): readonly string[] {
    return this.list(["open", "publishing"])
      .filter((record) => record.user === user && names.includes(foldName(record.name)))
      .map(({ id }) => id);
  }

  unchanged(
    state: UploadState,
    before: string | null,
    after: UploadRecord | null,
    limit: number,
  ): readonly UploadRecord[] {
    return this.list([state])
      .filter((record) => before === null || record.updatedAt < before)
      .filter((record) => after === null || compareByChange(record, after) > 0)
      .sort(compareByChange)
      .slice(0, limit);
  }

  emptyOf(user: string, after: string | null, limit: number): readonly UploadRecord[] {
    const all = [...this.#records.values()];
    return all
      .slice(after === null ? 0 : all.findIndex(({ id }) => id === after) + 1)
      .filter((record) => record.user === user && record.state === "open" && record.durable === 0)
      .slice(0, limit);
  }

  users(after: string | null, limit: number): readonly string[] {
    const users = new Set(this.list(["finished", "failed"]).map(({ user }) => user));
    return [...users]
      .sort()
      .filter((user) => after === null || user > after)
      .slice(0, limit);
  }

  /** For tests: all uploads in one of `states`, oldest first. */
  list(states: readonly UploadState[]): readonly UploadRecord[] {
    return [...this.#records.values()].filter((record) => states.includes(record.state));
  }

  forget(before: string, limit: number): number {
    const old = this.list(["finished", "failed"]).filter(({ updatedAt }) => updatedAt < before);
    return this.#remove(old.slice(0, limit));
  }

  trim(user: string, state: "finished" | "failed", keep: number, limit: number): number {
    const ended = this.list([state]).filter((record) => record.user === user);
    const surplus = ended.sort(compareByChange).slice(0, Math.max(0, ended.length - keep));
    return this.#remove(surplus.slice(0, limit));
  }

  #remove(records: readonly UploadRecord[]): number {
    for (const { id } of records) this.#records.delete(id);
    return records.length;
  }

  compact(): boolean {
    return false;
  }

  close(): void {}
}

function compareByChange(a: UploadRecord, b: UploadRecord): number {
  const [first, second] = a.updatedAt === b.updatedAt ? [a.id, b.id] : [a.updatedAt, b.updatedAt];
  return first < second ? -1 : first > second ? 1 : 0;
}
