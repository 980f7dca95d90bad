// What we ask of an object store, in S3's words: objects, and multipart uploads. Says nothing of uploads of ours.

import { assert } from "../../../base/assert.ts";
import type { WholeReply } from "./http-call.ts";
import { S3Error, WrongAnswer } from "./s3-error.ts";
import { type Patience, type S3Place, type S3RequestParts, S3Requests } from "./s3-request.ts";
import { elements, escapeXml, rootOf, textOf } from "./xml.ts";

/** What is known of an object without reading it. */
export interface ObjectFacts {
  readonly size: number;
  readonly etag: string;
  readonly modified: Date;
  /** What was said of it when it was made, by lower-case names. */
  readonly about: Readonly<Record<string, string>>;
}

export interface ListedObject {
  readonly key: string;
  readonly size: number;
  readonly etag: string;
  readonly modified: Date;
}

export interface Part {
  readonly number: number;
  readonly etag: string;
  readonly size: number;
}

export interface ListedPart extends Part {
  readonly modified: Date;
}

export interface ListedMultipart {
  readonly key: string;
  readonly uploadId: string;
  readonly begun: Date;
}

export interface ObjectOptions {
  readonly about?: Readonly<Record<string, string>>;
  readonly type?: string;
  /** Not where there is one already: heeded by stores that can. */
  readonly isNew?: boolean;
}

const aboutPrefix = "x-amz-meta-";
// A store puts together what may be thousands of parts.
const completeMs = 300_000;

/** What a storage asks of an object store: `S3Client`, or the model of one in the simulation. */
export type ObjectStore = { [Question in keyof S3Client]: S3Client[Question] };

export class S3Client {
  readonly #requests: S3Requests;
  /** Whether the store takes `If-None-Match`; it may ignore it all the same. */
  #knowsConditions = true;
  #heedsConditions = false;

  constructor(place: S3Place, parts: S3RequestParts) {
    this.#requests = new S3Requests(place, parts);
  }

  close(): void {
    this.#requests.close();
  }

  /** What the store will say of `body`. */
  async md5(body: readonly Uint8Array[]): Promise<Buffer> {
    return await this.#requests.digest("md5", body);
  }

  /** Whether it was found out that an object which is to be new never replaces another one. */
  get heedsConditions(): boolean {
    return this.#heedsConditions;
  }

  /** Finds that out, by the object `key`, which is there. */
  async tryConditions(key: string, patience: Patience): Promise<void> {
    this.#heedsConditions = !(await this.put(key, [], { isNew: true }, patience));
  }

  /** What is known of the object, or `null`: there is none. */
  async head(key: string, patience: Patience): Promise<ObjectFacts | null> {
    return await orNull(["HTTP 404", "NoSuchKey"], () =>
      this.#requests.send({ method: "HEAD", key }, patience, ({ headers }) => factsOf(headers)),
    );
  }

  /** A small object whole, or `null`: there is none. */
  async read(
    key: string,
    patience: Patience,
  ): Promise<{ readonly bytes: Buffer; readonly facts: ObjectFacts } | null> {
    return await orNull(["NoSuchKey"], () =>
      this.#requests.send({ method: "GET", key }, patience, ({ body: bytes, headers }) => ({
        bytes,
        facts: factsOf(headers),
      })),
    );
  }

  /** The bytes of an object from `from` on as they come, or `null`: there is none. */
  async open(key: string, from: number, patience: Patience): Promise<AsyncIterable<Buffer> | null> {
    const headers = from === 0 ? {} : { range: `bytes=${from}-` };
    const found = await orNull(["NoSuchKey"], () =>
      this.#requests.open({ method: "GET", key, headers }, patience),
    );
    return found?.body ?? null;
  }

  /** Stores an object. Returns `false` where there is one, and it was to be new. */
  async put(
    key: string,
    body: readonly Uint8Array[],
    options: ObjectOptions,
    patience: Patience,
  ): Promise<boolean> {
    return (await this.store(key, body, options, patience)) !== null;
  }

  /** The same; resolves with its ETag, or `null` instead of `false`. */
  async store(
    key: string,
    body: readonly Uint8Array[],
    options: ObjectOptions,
    patience: Patience,
  ): Promise<string | null> {
    const md5 = await this.md5(body);
    const headers = { ...headersOf(options), "content-md5": md5.toString("base64") };
    const stored = await this.#unlessThere(options.isNew === true, headers, (it) =>
      this.#requests.send({ method: "PUT", key, headers: it, body }, patience, (reply) =>
        checkEtag(reply, md5),
      ),
    );
    return stored === "exists" ? null : stored;
  }

  /**
   * Asks, with the condition that there is no such object where it `isNew` and the store knows conditions. One that does not is
   * asked without them from then on: who asks looked before.
   */
  async #unlessThere<T>(
    isNew: boolean,
    headers: Readonly<Record<string, string>>,
    ask: (headers: Readonly<Record<string, string>>) => Promise<T>,
  ): Promise<T | "exists"> {
    if (!isNew || !this.#knowsConditions) return await ask(headers);
    try {
      return await ask({ ...headers, "if-none-match": "*" });
    } catch (error) {
      if (!(error instanceof S3Error)) throw error;
      if (error.code === "PreconditionFailed") return "exists";
      if (error.code !== "NotImplemented") throw error;
      this.#knowsConditions = false;
      return await ask(headers);
    }
  }

  /** Makes the object `key` of the object `source`, of 5 GiB at most, in the store itself, with what was said of that. */
  async copy(source: string, key: string, patience: Patience): Promise<void> {
    const headers = { "x-amz-copy-source": this.#requests.sourceOf(source) };
    const request = { method: "PUT", key, headers, limitMs: completeMs } as const;
    await this.#requests.send(request, patience, (reply) => expectRoot(reply, "CopyObjectResult"));
  }

  /** Deletes an object that may be there. */
  async remove(key: string, patience: Patience): Promise<void> {
    await orNull(["NoSuchKey"], () => this.#requests.send({ method: "DELETE", key }, patience, () => true));
  }

  /** Objects whose keys begin with `prefix`, in the order of their keys. */
  async *list(prefix: string, patience: Patience): AsyncGenerator<ListedObject> {
    for await (const xml of this.#pages(prefix, {}, patience)) {
      for (const one of elements(xml, "Contents")) {
        const key = decodeKey(textOf(one, "Key") ?? "");
        yield {
          key,
          size: Number(textOf(one, "Size")),
          etag: plainEtag(textOf(one, "ETag")),
          modified: new Date(textOf(one, "LastModified") ?? ""),
        };
      }
    }
  }

  /** What is right below `prefix`, which ends with a slash: names of objects, and of what has some below it. */
  async *names(prefix: string, patience: Patience): AsyncGenerator<string> {
    for await (const xml of this.#pages(prefix, { delimiter: "/" }, patience)) {
      const keys = elements(xml, "Contents").map((it) => textOf(it, "Key") ?? "");
      const folders = elements(xml, "CommonPrefixes").map((it) =>
        (textOf(it, "Prefix") ?? "").replace(/\/$/, ""),
      );
      for (const key of [...keys, ...folders]) yield decodeKey(key).slice(prefix.length);
    }
  }

  async *#pages(
    prefix: string,
    more: Readonly<Record<string, string>>,
    patience: Patience,
  ): AsyncGenerator<string> {
    let token: string | null = "";
    while (token !== null) {
      const next: Record<string, string> = token === "" ? {} : { "continuation-token": token };
      const query = { "list-type": "2", prefix, "encoding-type": "url", ...more, ...next };
      const xml: string = await this.#xml("GET", null, query, "ListBucketResult", patience);
      yield xml;
      token = textOf(xml, "IsTruncated") === "true" ? textOf(xml, "NextContinuationToken") : null;
    }
  }

  /** Begins a multipart upload of what will be at `key`; returns its id. */
  async begin(key: string, options: ObjectOptions, patience: Patience): Promise<string> {
    const request = { method: "POST", key, query: { uploads: "" }, headers: headersOf(options) } as const;
    return await this.#requests.send(request, patience, (reply) => {
      const id = textOf(reply.body.toString("utf8"), "UploadId");
      if (id === null || id === "") throw new WrongAnswer("it began a multipart upload without an id");
      return id;
    });
  }

  /** Stores one part. Resolves with its ETag when the store has it as it was sent. */
  async putPart(
    { key, uploadId }: { readonly key: string; readonly uploadId: string },
    number: number,
    body: readonly Uint8Array[],
    patience: Patience,
  ): Promise<string> {
    const md5 = await this.md5(body);
    const headers = { "content-md5": md5.toString("base64") };
    const query = { partNumber: String(number), uploadId };
    return await this.#requests.send({ method: "PUT", key, query, headers, body }, patience, (reply) =>
      checkEtag(reply, md5),
    );
  }

  /** Makes a part of `bytes` bytes from `from` on of the object `source`, in the store itself. Resolves with its ETag. */
  async copyPart(
    { key, uploadId }: { readonly key: string; readonly uploadId: string },
    number: number,
    { source, from, bytes }: { readonly source: string; readonly from: number; readonly bytes: number },
    patience: Patience,
  ): Promise<string> {
    const range = bytes === 0 ? {} : { "x-amz-copy-source-range": `bytes=${from}-${from + bytes - 1}` };
    const headers = { "x-amz-copy-source": this.#requests.sourceOf(source), ...range };
    const query = { partNumber: String(number), uploadId };
    const request = { method: "PUT", key, query, headers, limitMs: completeMs } as const;
    return await this.#requests.send(request, patience, (reply) => {
      const etag = plainEtag(textOf(expectRoot(reply, "CopyPartResult"), "ETag"));
      if (etag === "") throw new WrongAnswer("it copied something and did not say what");
      return etag;
    });
  }

  /** The parts that are there, in the order of their numbers, or `null`: there is no such multipart upload. */
  async parts(key: string, uploadId: string, patience: Patience): Promise<readonly ListedPart[] | null> {
    const parts: ListedPart[] = [];
    return await orNull(["NoSuchUpload", "NoSuchKey"], async () => {
      for (let marker = "0"; ; ) {
        const query = { uploadId, "part-number-marker": marker };
        const xml = await this.#xml("GET", key, query, "ListPartsResult", patience);
        parts.push(...elements(xml, "Part").map(partOf));
        const next = textOf(xml, "NextPartNumberMarker");
        if (textOf(xml, "IsTruncated") !== "true" || next === null || next === marker) return parts;
        marker = next;
      }
    });
  }

  /**
   * Makes the object of these parts. "exists": there is one, where it `isNew` and the store looks; "gone": there is no such multipart upload, perhaps because
   * an earlier request, whose answer got lost, made the object.
   */
  async complete(
    { key, uploadId }: { readonly key: string; readonly uploadId: string },
    parts: readonly Part[],
    patience: Patience,
    isNew = true,
  ): Promise<"done" | "exists" | "gone"> {
    const isInOrder = parts.every(({ number }, at) => at === 0 || number > (parts[at - 1] as Part).number);
    assert(isInOrder, "parts are told in the order of their numbers, in which they are put together");
    const rows = parts.map(
      ({ number, etag }) =>
        `<Part><PartNumber>${number}</PartNumber><ETag>${escapeXml(`"${etag}"`)}</ETag></Part>`,
    );
    const xml = `<CompleteMultipartUpload xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${rows.join("")}</CompleteMultipartUpload>`;
    const body = [Buffer.from(xml)];
    const request = { method: "POST", key, query: { uploadId }, body, limitMs: completeMs } as const;
    try {
      return await this.#unlessThere(isNew, { "content-type": "application/xml" }, (headers) =>
        this.#requests.send({ ...request, headers }, patience, (reply) => {
          expectRoot(reply, "CompleteMultipartUploadResult");
          return "done" as const;
        }),
      );
    } catch (error) {
      if (error instanceof S3Error && ["NoSuchUpload", "NoSuchKey"].includes(error.code)) return "gone";
      throw error;
    }
  }

  /** Ends a multipart upload that may be there, without an object. */
  async abort(key: string, uploadId: string, patience: Patience): Promise<void> {
    const request = { method: "DELETE", key, query: { uploadId } } as const;
    await orNull(["NoSuchUpload", "NoSuchKey", "HTTP 404"], () =>
      this.#requests.send(request, patience, () => true),
    );
  }

  /** Multipart uploads that have not ended, of keys that begin with `prefix`. */
  async *multiparts(prefix: string, patience: Patience): AsyncGenerator<ListedMultipart> {
    let markers: Record<string, string> | null = {};
    while (markers !== null) {
      const query: Record<string, string> = { uploads: "", prefix, "encoding-type": "url", ...markers };
      const xml: string = await this.#xml("GET", null, query, "ListMultipartUploadsResult", patience);
      for (const one of elements(xml, "Upload")) {
        const [key, uploadId] = [decodeKey(textOf(one, "Key") ?? ""), textOf(one, "UploadId") ?? ""];
        yield { key, uploadId, begun: new Date(textOf(one, "Initiated") ?? "") };
      }
      const [key, id] = [textOf(xml, "NextKeyMarker"), textOf(xml, "NextUploadIdMarker")];
      const isMore = textOf(xml, "IsTruncated") === "true" && key !== null;
      markers = isMore ? { "key-marker": decodeKey(key), "upload-id-marker": id ?? "" } : null;
    }
  }

  /** Whether the bucket keeps what is deleted or overwritten: its versioning, and a lock on its objects. */
  async bucketKeeps(
    patience: Patience,
  ): Promise<{ readonly isVersioned: boolean; readonly isLocked: boolean }> {
    const versioning = await this.#requests.send(
      { method: "GET", key: null, query: { versioning: "" } },
      patience,
      ({ body }) => textOf(body.toString("utf8"), "Status"),
    );
    const none = ["ObjectLockConfigurationNotFoundError", "NotImplemented", "MethodNotAllowed", "HTTP 404"];
    const lock = await orNull(
      [...none, "InvalidRequest", "AccessDenied", "NoSuchObjectLockConfiguration"],
      () =>
        this.#requests.send(
          { method: "GET", key: null, query: { "object-lock": "" } },
          patience,
          ({ body }) => textOf(body.toString("utf8"), "ObjectLockEnabled"),
        ),
    );
    return { isVersioned: versioning === "Enabled", isLocked: lock === "Enabled" };
  }

  async #xml(
    method: "GET",
    key: string | null,
    query: Readonly<Record<string, string>>,
    root: string,
    patience: Patience,
  ): Promise<string> {
    return await this.#requests.send({ method, key, query }, patience, (reply) => expectRoot(reply, root));
  }
}

async function orNull<T>(codes: readonly string[], ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof S3Error && codes.includes(error.code)) return null;
    throw error;
  }
}

/** The answer, where it is a whole document of that kind. */
function expectRoot({ body }: WholeReply, root: string): string {
  const xml = body.toString("utf8");
  if (rootOf(xml) !== root) throw new WrongAnswer(`its answer is no ${root}`);
  return xml;
}

function headersOf({ about = {}, type }: ObjectOptions): Record<string, string> {
  const named = Object.entries(about).map(([name, value]) => [aboutPrefix + name, value] as const);
  return {
    ...Object.fromEntries(named),
    ...(type === undefined ? {} : { "content-type": type }),
  };
}

// Something on the way that says 200 by itself must not make the object another one's, of which nothing is said.
function factsOf(headers: Readonly<Record<string, string>>): ObjectFacts {
  if (headers.etag === undefined) throw new WrongAnswer("it has an object and says nothing of it");
  const about: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers))
    if (name.startsWith(aboutPrefix)) about[name.slice(aboutPrefix.length)] = value;
  return {
    size: Number(headers["content-length"]),
    etag: plainEtag(headers.etag),
    modified: new Date(headers["last-modified"] ?? ""),
    about,
  };
}

function plainEtag(text: string | null | undefined): string {
  return (text ?? "").replace(/^"|"$/g, "");
}

/** The ETag in the answer: the MD5 of what was sent, but where the store encrypts with keys of its own. */
function checkEtag({ headers }: WholeReply, md5: Buffer): string {
  const etag = plainEtag(headers.etag);
  const encryption = headers["x-amz-server-side-encryption"] ?? "";
  const isOther =
    encryption.startsWith("aws:kms") ||
    headers["x-amz-server-side-encryption-customer-algorithm"] !== undefined;
  if (etag === "") throw new WrongAnswer("it stored something and did not say what");
  if (!isOther && etag !== md5.toString("hex"))
    throw new WrongAnswer(`it says that it stored something else than was sent (ETag ${etag})`);
  return etag;
}

function partOf(xml: string): ListedPart {
  return {
    number: Number(textOf(xml, "PartNumber")),
    etag: plainEtag(textOf(xml, "ETag")),
    size: Number(textOf(xml, "Size")),
    modified: new Date(textOf(xml, "LastModified") ?? ""),
  };
}

function decodeKey(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}
