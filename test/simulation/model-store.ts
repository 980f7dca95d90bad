// An object store as Ceph's gateway is one, in memory and without a line: objects, and multipart uploads that nobody sees. It does what it is asked at once;
// model-store-client.ts has the line to it. What it does that others do not is what servers have to live with: parts are put together by
// their numbers, no object is made where a part is left out, and that an object is to be new is heeded where it comes in one request alone.

import { createHash } from "node:crypto";
import type { ListedMultipart, ListedPart, ObjectFacts } from "../../src/storage/s3/client/s3-client.ts";
import { S3Error } from "../../src/storage/s3/client/s3-error.ts";
import { check, type Trace } from "./simulation-failure.ts";

export interface StoredObject {
  readonly bytes: Uint8Array;
  readonly facts: ObjectFacts;
}

interface StoredPart extends ListedPart {
  readonly bytes: Uint8Array;
}

interface Multipart {
  readonly key: string;
  readonly about: Readonly<Record<string, string>>;
  readonly begun: Date;
  readonly parts: Map<number, StoredPart>;
}

export interface ModelStoreOptions {
  /** The shortest part but for the last of an object, in bytes. */
  readonly partBytesLeast: number;
  /** Whether it heeds that an object is to be new. */
  readonly heedsConditions: boolean;
  readonly now: () => Date;
  readonly trace: Trace;
  /** Hears of each object when it is made: of each that is made anew as well. */
  readonly onMade?: (key: string, object: StoredObject) => void;
  /** Hears of each object that is there and is taken away. */
  readonly onRemoved?: (key: string) => void;
}

export class ModelStore {
  readonly options: ModelStoreOptions;
  readonly #objects = new Map<string, StoredObject>();
  readonly #multiparts = new Map<string, Multipart>();
  /** Keys of objects that it died over while it stored them: it lists what they would lie below, and nothing there, as Ceph does. */
  readonly #halfStored = new Set<string>();
  #begun = 0;
  /** It answers nobody, and does nothing. */
  isAway = false;

  constructor(options: ModelStoreOptions) {
    this.options = options;
  }

  get(key: string): StoredObject | null {
    return this.#objects.get(key) ?? null;
  }

  /** Returns its ETag, or `null`: it is there, and `isNew` was wanted. */
  put(
    key: string,
    bytes: Uint8Array,
    about: Readonly<Record<string, string>>,
    isNew: boolean,
  ): string | null {
    if (isNew && this.options.heedsConditions && this.#objects.has(key)) return null;
    const etag = md5Of(bytes);
    this.#set(key, bytes, etag, about);
    return etag;
  }

  #set(key: string, bytes: Uint8Array, etag: string, about: Readonly<Record<string, string>>): void {
    this.options.trace(() => `store: ${key} has ${bytes.length} bytes, ${JSON.stringify(about)}`);
    const facts = { size: bytes.length, etag, modified: this.options.now(), about };
    const object = { bytes, facts };
    this.#objects.set(key, object);
    this.#halfStored.delete(key);
    this.options.onMade?.(key, object);
  }

  /** It dies while it stores an object. */
  halfStore(key: string): void {
    if (!this.#objects.has(key)) this.#halfStored.add(key);
  }

  /** What it lists right below `prefix`. */
  names(prefix: string): readonly string[] {
    const all = [...this.keys(prefix)];
    for (const key of this.#halfStored)
      if (key.startsWith(prefix) && key.slice(prefix.length).includes("/")) all.push(key);
    return [...new Set(all.map((key) => key.slice(prefix.length).split("/")[0] as string))];
  }

  remove(key: string): void {
    this.options.trace(() => `store: ${key} is removed`);
    if (this.#objects.delete(key)) this.options.onRemoved?.(key);
  }

  /** Keys that begin with `prefix`, in their order. */
  keys(prefix: string): readonly string[] {
    return [...this.#objects.keys()].filter((key) => key.startsWith(prefix)).sort();
  }

  begin(key: string, about: Readonly<Record<string, string>>): string {
    const uploadId = `multipart-${++this.#begun}`;
    this.options.trace(() => `store: ${uploadId} of ${key} begins`);
    this.#multiparts.set(uploadId, { key, about, begun: this.options.now(), parts: new Map() });
    return uploadId;
  }

  putPart(uploadId: string, number: number, bytes: Uint8Array): string {
    const { parts } = this.#multipart(uploadId);
    const etag = md5Of(bytes);
    this.options.trace(() => `store: ${uploadId} has part ${number}`);
    const there = parts.get(number);
    check(there === undefined || there.etag === etag, () => `part ${number} of ${uploadId} is stored anew`);
    parts.set(number, { number, etag, size: bytes.length, modified: this.options.now(), bytes });
    return etag;
  }

  /** In the order of their numbers, or `null`: there is no such multipart upload. */
  parts(uploadId: string): readonly ListedPart[] | null {
    const multipart = this.#multiparts.get(uploadId);
    return multipart === undefined ? null : inOrder(multipart);
  }

  complete(uploadId: string, told: readonly { readonly number: number; readonly etag: string }[]): void {
    const multipart = this.#multipart(uploadId);
    const parts = inOrder(multipart);
    this.options.trace(() => `store: ${uploadId} is to become an object of ${told.length} parts`);
    const isAll =
      parts.length === told.length &&
      told.every(({ number, etag }) => multipart.parts.get(number)?.etag === etag);
    if (!isAll || told.length === 0) throw new S3Error(400, "InvalidPart", "");
    const isShort = parts.slice(0, -1).some(({ size }) => size < this.options.partBytesLeast);
    if (isShort) throw new S3Error(400, "EntityTooSmall", "");
    const sums = createHash("md5");
    for (const { etag } of parts) sums.update(Buffer.from(etag, "hex"));
    const bytes = Buffer.concat(parts.map((part) => part.bytes));
    this.#set(multipart.key, bytes, `${sums.digest("hex")}-${parts.length}`, multipart.about);
    this.#multiparts.delete(uploadId);
  }

  abort(uploadId: string): void {
    this.options.trace(() => `store: ${uploadId} is aborted`);
    this.#multiparts.delete(uploadId);
  }

  multiparts(prefix: string): readonly ListedMultipart[] {
    return [...this.#multiparts]
      .filter(([, { key }]) => key.startsWith(prefix))
      .map(([uploadId, { key, begun }]) => ({ key, uploadId, begun }));
  }

  #multipart(uploadId: string): Multipart {
    const multipart = this.#multiparts.get(uploadId);
    if (multipart === undefined) throw new S3Error(404, "NoSuchUpload", "");
    return multipart;
  }
}

function inOrder({ parts }: Multipart): readonly StoredPart[] {
  return [...parts.values()].sort((a, b) => a.number - b.number);
}

export function md5Of(bytes: Uint8Array): string {
  return createHash("md5").update(bytes).digest("hex");
}
