// What the client of an object store makes of one that does not do as it should: a server that answers what a test has it answer.

import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { DyncError } from "../../../src/base/error.ts";
import { parseProfiles } from "../../../src/storage/s3/client/credentials.ts";
import { S3Client } from "../../../src/storage/s3/client/s3-client.ts";
import {
  NoAnswer,
  S3Error,
  s3Trouble,
  startTrouble,
  WrongAnswer,
} from "../../../src/storage/s3/client/s3-error.ts";
import { elements, escapeXml, rootOf, textOf } from "../../../src/storage/s3/client/xml.ts";
import { certificateMissing, makeCertificate } from "../../support/certificate.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { partsOf } from "./s3-world.ts";

type Answer = (response: ServerResponse, body: Buffer, request: IncomingMessage) => void;

/** Long enough for the pauses between some attempts. */
const patience = { forMs: 20_000 };
const target = { key: "alice/a.raw", uploadId: "u1" };
const body = [Buffer.from("one"), Buffer.from("two")];
const md5 = createHash("md5").update("onetwo").digest("hex");

/** A store that gives these answers one behind the other, and the last one from then on. */
class Store implements AsyncDisposable {
  readonly requests: string[] = [];
  readonly #answers: Answer[];
  readonly #server: ReturnType<typeof createServer>;
  readonly #isTls: boolean;
  readonly #ca: string | null;

  private constructor(
    answers: readonly Answer[],
    tls: { key: string; cert: string } | null,
    ca: string | null,
  ) {
    this.#answers = [...answers];
    this.#ca = ca;
    this.#isTls = tls !== null;
    const listener: RequestListener = (request, response) => {
      const pieces: Buffer[] = [];
      request.on("data", (piece: Buffer) => pieces.push(piece));
      request.on("end", () => {
        this.requests.push(`${request.method} ${request.url}`);
        const answer = this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0];
        answer?.(response, Buffer.concat(pieces), request);
      });
    };
    this.#server = tls === null ? createServer(listener) : createTlsServer(tls, listener);
  }

  static async with(
    answers: readonly Answer[],
    tls: { key: string; cert: string } | null = null,
    ca = tls?.cert,
  ) {
    const store = new Store(answers, tls, ca ?? null);
    await new Promise<void>((resolve) => store.#server.listen(0, "127.0.0.1", resolve));
    return store;
  }

  client(): S3Client {
    const { port } = this.#server.address() as AddressInfo;
    const endpoint = new URL(`${this.#isTls ? "https" : "http"}://127.0.0.1:${port}`);
    const credentials = { accessKeyId: "key", secretAccessKey: "secret", sessionToken: null };
    return new S3Client(
      { endpoint, region: "us-east-1", bucket: "b", pathStyle: true, credentials, ca: this.#ca },
      partsOf(),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

const good: Answer = (response) => response.setHeader("etag", `"${md5}"`).end();
const errorXml = (code: string, text = "no"): string =>
  `<?xml version="1.0"?>\n<Error><Code>${code}</Code><Message>${text}</Message></Error>`;
const refusing =
  (status: number, code: string): Answer =>
  (response) => {
    response.statusCode = status;
    response.end(errorXml(code));
  };
const saying =
  (text: string): Answer =>
  (response) =>
    void response.end(text);
const completed = `<?xml version="1.0"?>\n<CompleteMultipartUploadResult><ETag>"x-1"</ETag></CompleteMultipartUploadResult>`;

/** What `promise` was rejected with. */
async function errorOf(promise: Promise<unknown>): Promise<unknown> {
  return await promise.then(
    () => new Error("nothing was thrown"),
    (error: unknown) => error,
  );
}

describe("a part", () => {
  test("is stored when the store says what it has", async () => {
    await using store = await Store.with([
      (response, sent, request) => {
        expect(sent.toString()).toBe("onetwo");
        expect(request.headers["content-md5"]).toBe(Buffer.from(md5, "hex").toString("base64"));
        expect(request.headers["x-amz-content-sha256"]).toBe(createHash("sha256").update(sent).digest("hex"));
        good(response, sent, request);
      },
    ]);
    expect(await store.client().putPart(target, 7, body, patience)).toBe(md5);
    expect(store.requests).toEqual(["PUT /b/alice/a.raw?partNumber=7&uploadId=u1"]);
  });

  const passing: [string, Answer][] = [
    ["says that it is too fast", refusing(503, "SlowDown")],
    ["has an internal error", refusing(500, "InternalError")],
    ["answers without XML", (response) => void response.writeHead(502).end("<html>")],
    ["found that the bytes were damaged", refusing(400, "BadDigest")],
    ["closes the connection", (response) => void response.destroy()],
    ["says that it has something else", (response) => void response.setHeader("etag", '"0123"').end()],
    ["does not say what it has", saying("")],
    [
      "cuts its answer short",
      (response) => {
        response.writeHead(200, { etag: `"${md5}"`, "content-length": "100" });
        response.write("short", () => response.destroy());
      },
    ],
  ];
  test.each(passing)("is sent again to a store that %s", async (_, answer) => {
    await using store = await Store.with([answer, good]);
    expect(await store.client().putPart(target, 1, body, patience)).toBe(md5);
    expect(store.requests).toHaveLength(2);
  });

  test("is not sent for ever to a store that lies", async () => {
    await using store = await Store.with([(response) => void response.setHeader("etag", '"0123"').end()]);
    const error = await errorOf(store.client().putPart(target, 1, body, { forMs: 60_000 }));
    expect(error).toBeInstanceOf(WrongAnswer);
    expect(s3Trouble("stored", error)).toMatchObject({ code: "not-ready" });
    expect(store.requests).toHaveLength(5);
  });

  test("of a store with keys of its own has another ETag", async () => {
    await using store = await Store.with([
      (response) =>
        void response.setHeader("etag", '"0123"').setHeader("x-amz-server-side-encryption", "aws:kms").end(),
    ]);
    expect(await store.client().putPart(target, 1, body, patience)).toBe("0123");
  });

  test("is given up when its upload is", async () => {
    await using store = await Store.with([refusing(503, "SlowDown")]);
    const abort = new AbortController();
    const storing = store.client().putPart(target, 1, body, { forMs: 60_000, signal: abort.signal });
    abort.abort(new DyncError("cancelled", "over"));
    expect(await errorOf(storing)).toMatchObject({ code: "cancelled" });
  });

  test.each([
    [403, "AccessDenied", "internal"],
    [403, "SignatureDoesNotMatch", "internal"],
    [404, "NoSuchBucket", "internal"],
    [403, "QuotaExceeded", "no-space"],
    [404, "NoSuchUpload", "not-ready"],
  ])("is not sent again where nothing would change (%p %s)", async (status, code, meaning) => {
    await using store = await Store.with([refusing(status, code)]);
    const error = await errorOf(store.client().putPart(target, 1, body, patience));
    expect(error).toMatchObject({ code });
    expect(s3Trouble("stored", error)).toMatchObject({ code: meaning });
    expect(store.requests).toHaveLength(1);
  });
});

describe("an upload is put together", () => {
  const parts = [{ number: 1, etag: "e<1", size: 3 }];

  test("when the store says so", async () => {
    await using store = await Store.with([
      (response, sent) => {
        expect(textOf(sent.toString(), "ETag")).toBe('"e<1"');
        response.end(completed);
      },
    ]);
    expect(await store.client().complete(target, parts, patience)).toBe("done");
  });

  test.each([
    ["an error inside of 200", errorXml("InternalError")],
    ["half an answer", completed.slice(0, -10)],
    ["spaces and nothing else", "   "],
  ])("once more after %s", async (_, text) => {
    await using store = await Store.with([saying(text), saying(completed)]);
    expect(await store.client().complete(target, parts, patience)).toBe("done");
    expect(store.requests).toHaveLength(2);
  });

  test("not again after an error inside of 200 that does not pass", async () => {
    await using store = await Store.with([saying(errorXml("AccessDenied"))]);
    expect(await errorOf(store.client().complete(target, parts, patience))).toMatchObject({
      code: "AccessDenied",
    });
    expect(store.requests).toHaveLength(1);
  });

  test("or it says that it knows of none, or that there is an object", async () => {
    await using store = await Store.with([
      refusing(404, "NoSuchUpload"),
      refusing(412, "PreconditionFailed"),
    ]);
    const client = store.client();
    expect(await client.complete(target, parts, patience)).toBe("gone");
    expect(await client.complete(target, parts, patience)).toBe("exists");
  });
});

describe("an object", () => {
  test("is stored without a condition where the store knows none, which is asked once", async () => {
    const one = createHash("md5").update("x").digest("hex");
    await using store = await Store.with([
      (response, sent, request) => {
        const isAsked = request.headers["if-none-match"] !== undefined;
        if (isAsked) return refusing(501, "NotImplemented")(response, sent, request);
        response.setHeader("etag", `"${one}"`).end();
      },
    ]);
    const client = store.client();
    for (const key of ["a", "b"])
      expect(await client.put(key, [Buffer.from("x")], { isNew: true }, patience)).toBe(true);
    expect(store.requests).toEqual(["PUT /b/a", "PUT /b/a", "PUT /b/b"]);
  });

  test("that is cut short while it is read is no object", async () => {
    await using store = await Store.with([
      (response) => {
        response.writeHead(200, { "content-length": "100" });
        response.write("short", () => response.destroy());
      },
    ]);
    const read = async (): Promise<void> => {
      for await (const _ of (await store.client().open("a", 0, patience)) ?? []);
    };
    expect(await errorOf(read())).toBeInstanceOf(NoAnswer);
  });

  test("of which nothing is said is asked for again", async () => {
    const known: Answer = (response) =>
      void response.setHeader("etag", '"e"').setHeader("x-amz-meta-dync-upload", "u").end();
    await using store = await Store.with([saying(""), known]);
    expect(await store.client().head("a", patience)).toMatchObject({ about: { "dync-upload": "u" } });
    expect(store.requests).toEqual(["HEAD /b/a", "HEAD /b/a"]);
  });

  test("a list that is cut short is asked for again", async () => {
    const list =
      "<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>a%2Fb+c</Key><Size>3</Size></Contents></ListBucketResult>";
    await using store = await Store.with([saying(list.slice(0, 60)), saying(list)]);
    const keys = await Array.fromAsync(store.client().list("", patience), ({ key }) => key);
    expect(keys).toEqual(["a/b c"]);
  });
});

async function certificate(): Promise<{ readonly key: string; readonly cert: string }> {
  await using folder = await tempFolder();
  const [cert, key] = [folder.file("cert.pem"), folder.file("key.pem")];
  makeCertificate(cert, key);
  return { cert: await Bun.file(cert).text(), key: await Bun.file(key).text() };
}

describe.skipIf(certificateMissing !== null)(`TLS (${certificateMissing ?? "openssl"})`, () => {
  test("with the certificate that is given, and with no other", async () => {
    const [own, other] = [await certificate(), await certificate()];
    await using store = await Store.with([good], own);
    expect(await store.client().putPart(target, 1, body, patience)).toBe(md5);
    await using strange = await Store.with([good], own, other.cert);
    const error = await errorOf(strange.client().putPart(target, 1, body, { forMs: 0 }));
    expect(error).toBeInstanceOf(NoAnswer);
    expect(strange.requests).toEqual([]);
  });
});

test("a client hears nothing of where the store is", async () => {
  const secret = new NoAnswer("no answer (connect ECONNREFUSED 10.0.0.7:8443)");
  expect(s3Trouble("stored", secret).message).toBe(
    "The file could not be stored in the object store: it does not answer",
  );
  const refusal = new S3Error(400, "Strange", "bucket secret-bucket");
  expect(s3Trouble("stored", refusal)).toMatchObject({
    code: "internal",
    message:
      "The file could not be stored in the object store: it refuses that (Strange); its administrator has to mend that",
    cause: refusal,
  });
});

test("a clock that is wrong is said, with by how much", () => {
  const date = "Fri, 27 Nov 2026 12:00:00 GMT";
  const error = new S3Error(403, "RequestTimeTooSkewed", "no", { date });
  expect(startTrouble("s3://b", error, new Date("2026-11-27T13:00:00Z"))).toMatchObject({
    code: "configuration",
    message:
      "The object store s3://b cannot be used: its clock and this machine's differ too much (it is 3600 seconds behind of this machine's)",
  });
});

test("profiles are read as other programs write them", () => {
  const text =
    "# mine\n[default]\naws_access_key_id=A\naws_secret_access_key = b=c\n\n[profile lab]\naws_access_key_id = L\n";
  expect(parseProfiles(text)).toEqual(
    new Map([
      ["default", { aws_access_key_id: "A", aws_secret_access_key: "b=c" }],
      ["lab", { aws_access_key_id: "L" }],
    ]),
  );
});

describe("XML", () => {
  test("is read as far as S3 writes it", () => {
    const xml = '<?xml version="1.0"?><A xmlns="x"><B>1&lt;2&#x41;</B><B>3</B></A>\n';
    expect([rootOf(xml), textOf(xml, "B"), elements(xml, "B").length, textOf(xml, "C")]).toEqual([
      "A",
      "1<2A",
      2,
      null,
    ]);
    expect(rootOf(xml.slice(0, -5))).toBeNull();
    expect(escapeXml(`a<"b&`)).toBe("a&#60;&#34;b&#38;");
  });
});
