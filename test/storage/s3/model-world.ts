// Servers' storages over a model of a store, of which each request can be changed: what a real store does seldom happens when it is to.

import { expect } from "bun:test";
import { randomBytes } from "node:crypto";
import { type Clock, systemClock } from "../../../src/base/clock.ts";
import type { ObjectStore } from "../../../src/storage/s3/client/s3-client.ts";
import { S3Storage } from "../../../src/storage/s3/s3-storage.ts";
import { openSavedSha256 } from "../../../src/storage/sha256/open-saved-sha256.ts";
import { ModelStore } from "../../simulation/model-store.ts";
import { ModelStoreClient } from "../../simulation/model-store-client.ts";
import { silentLogger } from "../../support/silent-logger.ts";
import { SentUpload } from "./sent-upload.ts";

export const partBytes = 1024;
export const chunkBytes = 256;
const sha256 = await openSavedSha256();

export class ModelWorld {
  readonly store = new ModelStore({
    ...{ partBytesLeast: partBytes, heedsConditions: true },
    ...{ now: () => new Date(), trace: () => {} },
  });

  /** That of one server. `change` has what is asked of the store otherwise. */
  open(
    change: (client: ModelStoreClient) => Partial<ObjectStore> = () => ({}),
    clock: Clock = systemClock,
  ): S3Storage {
    const client = new ModelStoreClient(this.store, {
      process: { clock: systemClock, run: (callback) => callback() },
      delayMs: () => 0,
      after: (_ms, callback) => queueMicrotask(callback),
      isSlow: () => false,
      isLost: () => false,
    });
    const own = change(client);
    const changed = new Proxy<ObjectStore>(client, {
      get: (_client, name) => {
        const member = Reflect.get(Object.hasOwn(own, name) ? own : client, name) as unknown;
        return typeof member === "function" ? member.bind(client) : member;
      },
    });
    const rules = { prefix: "", memoryBytes: 64 * partBytes, partBytesLeast: partBytes, membersMax: 10 };
    const means = { client: changed, beside: null, sha256 };
    return new S3Storage({ ...rules, clock, log: silentLogger }, means);
  }

  /** One of which `parts` parts are in the store and in its record. */
  async begun(bytes: number, parts: number, isSized = true): Promise<SentUpload> {
    const storage = this.open();
    const all = randomBytes(bytes);
    const upload = new SentUpload(1, all, isSized ? bytes : undefined, storage.emptyNote, chunkBytes);
    const sink = await upload.begin(storage);
    await upload.send(sink, 0, parts * partBytes);
    upload.note = await sink.close();
    expect(upload.note.durable).toBe(parts * partBytes);
    return upload;
  }

  expectWhole({ all, destination }: SentUpload): void {
    const there = this.store.get(`anna/${destination.name}`);
    expect(Buffer.compare(there?.bytes ?? Buffer.alloc(0), all)).toBe(0);
    expect(this.store.keys(".dync/")).toEqual([]);
  }
}
