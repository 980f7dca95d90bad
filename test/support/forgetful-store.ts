// An object store that keeps what is small, and of parts nothing but what proves them: for objects that no machine of a test has room for.
// Ceph and Swift are the stores that the storage is tested against; this one takes 64 GiB of which it remembers a megabyte.

import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { escapeXml } from "../../src/storage/s3/client/xml.ts";

const MiB = 1024 * 1024;
const partNumberMax = 10_000;
const partBytesLeast = 5 * MiB;
/** Bytes at the beginning of each part that it keeps. */
const markBytes = 8;
const objectBytesMax = 16 * MiB;

interface StoredObject {
  readonly bytes: Buffer;
  readonly about: Readonly<Record<string, string>>;
}

interface StoredPart {
  readonly size: number;
  readonly md5: string;
  /** Its first bytes. */
  readonly mark: Buffer;
}

interface Multipart {
  readonly key: string;
  readonly about: Readonly<Record<string, string>>;
  readonly parts: Map<number, StoredPart>;
}

/** What was put together of parts, in the order of the object. */
interface Assembled {
  readonly parts: readonly StoredPart[];
  readonly about: Readonly<Record<string, string>>;
}

/** Answers to any bucket and any keys, on a port of loopback. */
export class ForgetfulStore implements AsyncDisposable {
  readonly assembled = new Map<string, Assembled>();
  readonly objects = new Map<string, StoredObject>();
  readonly multiparts = new Map<string, Multipart>();
  /** What was asked that it does not know, to be expected empty. */
  readonly unknown: string[] = [];
  /** Resolves when who sends content is answered again. */
  #free: Promise<void> = Promise.resolve();
  readonly #server = createServer((request, response) => {
    this.#answer(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  #begun = 0;

  static async start(): Promise<ForgetfulStore> {
    const store = new ForgetfulStore();
    await new Promise<void>((resolve) => store.#server.listen(0, "127.0.0.1", resolve));
    return store;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Takes no content and answers nobody who sends some, until what it returns is called. */
  hold(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#free = promise;
    return resolve;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === "PUT") await this.#free;
    const { pathname, searchParams } = new URL(request.url ?? "/", "http://store");
    const [, , ...names] = decodeURIComponent(pathname).split("/");
    const key = names.join("/");
    const uploadId = searchParams.get("uploadId");
    const body = await received(request, uploadId !== null && request.method === "PUT");
    const say = (status: number, xml: string, headers: Record<string, string> = {}) =>
      void response.writeHead(status, headers).end(xml);
    if (uploadId !== null)
      return say(...this.#ofMultipart(request.method ?? "", key, uploadId, searchParams, body));
    if (key === "") return say(...this.#ofBucket(searchParams));
    if (request.method === "POST" && searchParams.has("uploads")) return say(...this.#begin(key, request));
    if (request.method === "PUT") return say(...this.#put(key, request, body));
    if (request.method === "DELETE") {
      this.objects.delete(key);
      return say(204, "");
    }
    this.#give(key, request, response);
  }

  #put(key: string, request: IncomingMessage, body: Received): Answered {
    if (request.headers["if-none-match"] === "*" && this.#isThere(key))
      return failure("PreconditionFailed", 412);
    if (body.size > objectBytesMax) return failure("EntityTooLarge", 400);
    this.objects.set(key, { bytes: body.kept, about: aboutOf(request) });
    return [200, "", { etag: `"${body.md5}"` }];
  }

  #give(key: string, request: IncomingMessage, response: ServerResponse): void {
    const found = this.objects.get(key);
    const assembled = this.assembled.get(key);
    if (found === undefined && assembled === undefined) {
      const [status, xml] = failure("NoSuchKey", 404);
      return void response.writeHead(status).end(request.method === "HEAD" ? "" : xml);
    }
    const size = found?.bytes.length ?? (assembled?.parts ?? []).reduce((sum, it) => sum + it.size, 0);
    response.writeHead(200, {
      "content-length": String(size),
      etag: `"${found === undefined ? "parts" : createHash("md5").update(found.bytes).digest("hex")}"`,
      "last-modified": new Date().toUTCString(),
      ...(found ?? assembled)?.about,
    });
    if (request.method === "HEAD" || found === undefined) response.end();
    else response.end(found.bytes);
  }

  #ofBucket(query: URLSearchParams): Answered {
    const prefix = query.get("prefix") ?? "";
    if (query.has("versioning")) return [200, "<VersioningConfiguration/>"];
    if (query.has("object-lock")) return failure("ObjectLockConfigurationNotFoundError", 404);
    if (query.has("uploads")) {
      const rows = [...this.multiparts]
        .filter(([, it]) => it.key.startsWith(prefix))
        .map(
          ([id, { key }]) =>
            `<Upload><Key>${encodeURIComponent(key)}</Key><UploadId>${id}</UploadId><Initiated>2026-01-01T00:00:00Z</Initiated></Upload>`,
        );
      return [200, `<ListMultipartUploadsResult>${rows.join("")}</ListMultipartUploadsResult>`];
    }
    if (query.get("list-type") !== "2") return this.#notKnown(`bucket ${query}`);
    const rows = [...this.objects.keys(), ...this.assembled.keys()]
      .filter((key) => key.startsWith(prefix))
      .sort()
      .map(
        (key) =>
          `<Contents><Key>${encodeURIComponent(key)}</Key><Size>${this.objects.get(key)?.bytes.length ?? 0}</Size><ETag>"x"</ETag><LastModified>2026-01-01T00:00:00Z</LastModified></Contents>`,
      );
    return [200, `<ListBucketResult>${rows.join("")}</ListBucketResult>`];
  }

  #begin(key: string, request: IncomingMessage): Answered {
    const id = `upload-${++this.#begun}`;
    this.multiparts.set(id, { key, about: aboutOf(request), parts: new Map() });
    const xml = `<InitiateMultipartUploadResult><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`;
    return [200, xml];
  }

  #ofMultipart(
    method: string,
    key: string,
    id: string,
    query: URLSearchParams,
    { md5, mark, kept, size }: Received,
  ): Answered {
    const upload = this.multiparts.get(id);
    if (upload === undefined || upload.key !== key) return failure("NoSuchUpload", 404);
    switch (method) {
      case "PUT": {
        const number = Number(query.get("partNumber"));
        if (!(number >= 1 && number <= partNumberMax)) return failure("InvalidArgument", 400);
        upload.parts.set(number, { size, md5, mark });
        return [200, "", { etag: `"${md5}"` }];
      }
      case "GET": {
        const rows = [...upload.parts]
          .sort(([a], [b]) => a - b)
          .map(
            ([number, it]) =>
              `<Part><PartNumber>${number}</PartNumber><ETag>"${it.md5}"</ETag><Size>${it.size}</Size><LastModified>2026-01-01T00:00:00Z</LastModified></Part>`,
          );
        return [200, `<ListPartsResult>${rows.join("")}</ListPartsResult>`];
      }
      case "DELETE":
        this.multiparts.delete(id);
        return [204, ""];
      case "POST":
        return this.#complete(id, upload, kept.toString());
      default:
        return this.#notKnown(`${method} ${key}?${query}`);
    }
  }

  /** As a store has it: every part is there, as it is named, in the order of the numbers, and none but the last is small. */
  #complete(id: string, upload: Multipart, xml: string): Answered {
    const rows = [...xml.matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>(?:"|&#34;)([0-9a-f]+)/g)];
    const parts: StoredPart[] = [];
    let before = 0;
    for (const [index, [, number, etag]] of rows.entries()) {
      const part = upload.parts.get(Number(number));
      if (part === undefined || part.md5 !== etag) return failure("InvalidPart", 400);
      if (Number(number) <= before) return failure("InvalidPartOrder", 400);
      if (part.size < partBytesLeast && index < rows.length - 1) return failure("EntityTooSmall", 400);
      before = Number(number);
      parts.push(part);
    }
    if (parts.length === 0) return failure("MalformedXML", 400);
    this.multiparts.delete(id);
    this.assembled.set(upload.key, { parts, about: upload.about });
    return [200, '<CompleteMultipartUploadResult><ETag>"parts"</ETag></CompleteMultipartUploadResult>'];
  }

  #isThere(key: string): boolean {
    return this.objects.has(key) || this.assembled.has(key);
  }

  #notKnown(what: string): Answered {
    this.unknown.push(what);
    return failure("NotImplemented", 501);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

type Answered = [status: number, xml: string, headers?: Record<string, string>];

function failure(code: string, status: number): Answered {
  return [status, `<Error><Code>${escapeXml(code)}</Code><Message>no</Message></Error>`];
}

function aboutOf({ headers }: IncomingMessage): Readonly<Record<string, string>> {
  const named = Object.entries(headers).filter(([name]) => name.startsWith("x-amz-meta-"));
  return Object.fromEntries(named.map(([name, value]) => [name, String(value)]));
}

interface Received {
  readonly size: number;
  readonly md5: string;
  readonly mark: Buffer;
  /** All of it, unless it is a part. */
  readonly kept: Buffer;
}

async function received(request: IncomingMessage, isPart: boolean): Promise<Received> {
  const md5 = createHash("md5");
  const pieces: Buffer[] = [];
  let [size, kept] = [0, 0];
  for await (const piece of request as AsyncIterable<Buffer>) {
    md5.update(piece);
    size += piece.length;
    if (isPart && kept >= markBytes) continue;
    pieces.push(isPart ? Buffer.from(piece.subarray(0, markBytes)) : piece);
    kept += piece.length;
  }
  const all = Buffer.concat(pieces);
  return { size, md5: md5.digest("hex"), mark: all.subarray(0, markBytes), kept: all };
}
