// An S3 storage of Ceph's gateway, as tests open it, and what lies in its bucket.

import { type Clock, systemClock } from "../../../src/base/clock.ts";
import { S3Client } from "../../../src/storage/s3/client/s3-client.ts";
import { type S3Place, S3Requests } from "../../../src/storage/s3/client/s3-request.ts";
import { S3Storage, type S3StorageOptions } from "../../../src/storage/s3/s3-storage.ts";
import { type Ceph, type CephUser, cephMissing, startCeph } from "../../support/ceph.ts";
import { silentLogger } from "../../support/silent-logger.ts";
import { startSwift, swiftMissing } from "../../support/swift.ts";

export const MiB = 1024 * 1024;
const patience = { forMs: 30_000 };
let buckets = 0;

export function partsOf(clock: Clock = systemClock) {
  return { clock, log: silentLogger, random: Math.random };
}

export class Bucket {
  readonly place: S3Place;
  readonly client: S3Client;
  /** Of each storage that is opened. */
  readonly #threads: number;

  constructor(place: S3Place, threads = 0) {
    this.place = place;
    this.#threads = threads;
    this.client = new S3Client(place, partsOf());
  }

  /** A new one on `ceph`. */
  static async make({ endpoint, user }: Pick<Ceph, "endpoint" | "user">, threads = 0): Promise<Bucket> {
    const place: S3Place = {
      endpoint: new URL(endpoint),
      region: "us-east-1",
      bucket: `bucket-${process.pid}-${++buckets}`,
      pathStyle: true,
      credentials: { ...user, sessionToken: null },
      ca: null,
    };
    const requests = new S3Requests(place, partsOf());
    await requests.send({ method: "PUT", key: null }, patience, () => true);
    requests.close();
    return new Bucket(place, threads);
  }

  open(more: Partial<S3StorageOptions> = {}): Promise<S3Storage> {
    const limits = { memoryBytes: 64 * MiB, membersMax: 100_000, threads: this.#threads };
    return S3Storage.open({ place: this.place, prefix: "lab", ...limits, ...partsOf(), ...more });
  }

  /** All keys, in their order. */
  async keys(prefix = ""): Promise<readonly string[]> {
    const keys: string[] = [];
    for await (const { key } of this.client.list(prefix, patience)) keys.push(key);
    return keys;
  }

  async text(key: string): Promise<string | null> {
    return (await this.client.read(key, patience))?.bytes.toString("utf8") ?? null;
  }

  async bytes(key: string): Promise<Buffer | null> {
    return (await this.client.read(key, patience))?.bytes ?? null;
  }

  /** Keys of multipart uploads that have not ended. */
  async multiparts(): Promise<readonly string[]> {
    const keys: string[] = [];
    for await (const { key } of this.client.multiparts("", patience)) keys.push(key);
    return keys;
  }
}

/** A store that speaks S3. */
export interface Store extends AsyncDisposable {
  readonly endpoint: string;
  readonly user: CephUser;
}

/** Those that the storage is tested against; in one of them threads beside the main one hash and send. */
export const stores: readonly {
  readonly name: string;
  readonly missing: string | null;
  readonly threads: number;
  start(): Promise<Store>;
}[] = [
  { name: "Ceph", missing: cephMissing, start: startCeph, threads: 0 },
  { name: "Swift, with threads", missing: swiftMissing, start: startSwift, threads: 2 },
];
