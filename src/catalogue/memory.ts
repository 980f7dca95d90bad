// The catalogue in memory: for tests and the simulation. Same contract as `sqlite.ts`, nothing survives it.

import { assert } from "../base/assert.ts";
import type { Catalogue, NewUpload, UploadChange, UploadRecord, UploadState } from "./catalogue.ts";

export class MemoryCatalogue implements Catalogue {
  // In the order in which they were added.
  readonly #records = new Map<string, UploadRecord>();

  add(upload: NewUpload): void {
    assert(!this.#records.has(upload.id), "an upload is added once");
    this.#records.set(upload.id, {
      id: upload.id,
      identity: upload.identity,
      user: upload.user,
      origin: upload.origin,
      name: upload.name,
      metadataText: upload.metadataText,
      size: upload.size,
      state: "open",
      durable: 0,
      bootId: upload.bootId,
      sha256: null,
      errorCode: null,
      reason: null,
      createdAt: upload.createdAt,
      updatedAt: upload.createdAt,
    });
  }

  /** As an earlier version left it: which key began an upload is not known. */
  forgetOrigins(): void {
    for (const record of this.#records.values()) this.#records.set(record.id, { ...record, origin: null });
  }

  change(id: string, change: UploadChange): void {
    const record = this.#records.get(id);
    assert(record !== undefined, "an upload that changes is in the catalogue");
    this.#records.set(id, { ...record, ...change });
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

  list(states: readonly UploadState[]): readonly UploadRecord[] {
    return [...this.#records.values()].filter((record) => states.includes(record.state));
  }

  forget(before: string): number {
    let count = 0;
    for (const { id, state, updatedAt } of this.#records.values()) {
      if ((state !== "finished" && state !== "failed") || updatedAt >= before) continue;
      this.#records.delete(id);
      count++;
    }
    return count;
  }

  close(): void {}
}
