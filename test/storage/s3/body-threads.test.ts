// Threads that hash and send what is long: the same comes of it as on the main thread, whatever happens to them.

import { afterEach, expect, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { systemClock } from "../../../src/base/clock.ts";
import type { Logger } from "../../../src/base/log.ts";
import { sharedCopy } from "../../../src/base/memory/shared-copy.ts";
import { BodyThreads } from "../../../src/storage/s3/beside/body-threads.ts";
import { digestOf } from "../../../src/storage/s3/client/body-work.ts";
import { S3Client } from "../../../src/storage/s3/client/s3-client.ts";
import { NoAnswer } from "../../../src/storage/s3/client/s3-error.ts";
import { hashedBeside } from "../../../src/storage/s3/hashed-beside.ts";
import { openSavedSha256 } from "../../../src/storage/sha256/open-saved-sha256.ts";
import { openWasmSha256 } from "../../../src/storage/sha256/wasm-sha256.ts";
import { silentLogger } from "../../support/silent-logger.ts";

const sha256 = await openSavedSha256();
const body = [sharedCopy(randomBytes(1_000_000)), randomBytes(300_000), sharedCopy(randomBytes(1))];
const all = Buffer.concat(body);
const hex = (name: string, bytes: Uint8Array) => createHash(name).update(bytes).digest("hex");
const opened: AsyncDisposable[] = [];

afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one[Symbol.asyncDispose]();
});

function threads(more: { url?: string; log?: Logger; threads?: number } = {}): BodyThreads {
  const made = new BodyThreads({
    ...{ threads: 2, options: { isTls: false, ca: null }, log: silentLogger },
    ...more,
  });
  opened.push({ [Symbol.asyncDispose]: () => made.close() });
  return made;
}

/** A store that does with each request what it is told; returns where it is. */
async function store(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<URL> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  opened.push({
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  });
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/b/key`);
}

/** Keeps what is sent to it, and says its MD5. */
async function keeping(got: Buffer[]): Promise<URL> {
  return await store(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const whole = Buffer.concat(pieces);
    got.push(whole);
    response.setHeader("etag", `"${hex("md5", whole)}"`).end("stored");
  });
}

function clientOf(url: URL, beside: BodyThreads, log = silentLogger): S3Client {
  const credentials = { accessKeyId: "key", secretAccessKey: "secret", sessionToken: null };
  const place = { endpoint: url, region: "r", bucket: "b", pathStyle: true, credentials, ca: null };
  const client = new S3Client(place, { clock: systemClock, log, random: Math.random, beside });
  opened.push({ [Symbol.asyncDispose]: async () => client.close() });
  return client;
}

const logTo = (lines: string[]): Logger => ({ log: (level, text) => void lines.push(`${level} ${text}`) });
const put = { method: "PUT", headers: {}, limitMs: 60_000 };

test("checksums are those of the bytes, in pieces of any kind, and the bytes stay what they are", async () => {
  const beside = threads();
  const before = body.map((piece) => hex("sha256", piece));
  for (const name of ["md5", "sha256"] as const) {
    expect((await beside.digest(name, body)).toString("hex")).toBe(hex(name, all));
    expect(await digestOf(name, body)).toEqual(await beside.digest(name, body));
  }
  expect(body.map((piece) => hex("sha256", piece))).toEqual(before);
});

test.each(["the system's library", "WebAssembly"])("hashes go on from states of %s", async (kind) => {
  const maker = kind === "WebAssembly" ? await openWasmSha256() : sha256;
  const home = { beside: threads(), sha256: maker };
  const [one, other] = [maker.create(), maker.create()];
  other.update(Buffer.from("before"));
  let hashes: readonly (typeof one)[] = [one, other];
  for (const piece of [body[0], body[1]])
    hashes = (await hashedBeside(home, hashes, piece as Uint8Array)) ?? [];
  const bytes = Buffer.concat(body.slice(0, 2));
  expect(hashes.map((hash) => hash.digest().toString("hex"))).toEqual([
    hex("sha256", bytes),
    hex("sha256", Buffer.concat([Buffer.from("before"), bytes])),
  ]);
  // What they were made of stays as it was.
  expect(one.digest().toString("hex")).toBe(hex("sha256", Buffer.alloc(0)));
  expect(hashedBeside(home, [maker.create()], new Uint8Array(1000))).toBe(null);
});

test("a part arrives as it is, from several threads at once", async () => {
  const got: Buffer[] = [];
  const client = clientOf(await keeping(got), threads());
  const target = { key: "key", uploadId: "1" };
  const etags = await Promise.all(
    Array.from({ length: 8 }, (_, at) =>
      client.putPart(target, at + 1, [...body, Uint8Array.of(at)], { forMs: 0 }),
    ),
  );
  expect(new Set(etags)).toEqual(new Set(got.map((bytes) => hex("md5", bytes))));
  expect(etags).toEqual(
    Array.from({ length: 8 }, (_, at) => hex("md5", Buffer.concat([all, Uint8Array.of(at)]))),
  );
});

test("what a store does not answer is no answer", async () => {
  const url = await store((request) => void request.socket.destroy());
  const error = await threads()
    .whole({ ...put, url, body })
    .catch((it: unknown) => it);
  expect(error).toBeInstanceOf(NoAnswer);
});

test("an answer that is too late is none", async () => {
  const url = await store(() => {});
  const error = await threads()
    .whole({ ...put, url, body, limitMs: 200 })
    .catch((it: unknown) => it);
  expect(error).toMatchObject({ name: "NoAnswer", message: "no answer for 0 seconds" });
});

test("who does not want it any more has his reason at once, and the connection goes", async () => {
  const gone = Promise.withResolvers<void>();
  const began = Promise.withResolvers<void>();
  const url = await store((request) => {
    began.resolve();
    request.resume();
    request.socket.once("close", () => gone.resolve());
  });
  const abort = new AbortController();
  const beside = threads();
  const asked = beside.whole({ ...put, url, body, signal: abort.signal });
  await began.promise;
  abort.abort(new Error("given up"));
  expect(await asked.catch((it: Error) => it.message)).toBe("given up");
  await gone.promise;
  // The thread lives.
  expect((await beside.digest("md5", body)).toString("hex")).toBe(hex("md5", all));
});

test("one that dies takes nothing with it: another one, and in the end the main thread, does its work", async () => {
  const lines: string[] = [];
  const got: Buffer[] = [];
  const url = new URL("./dying-worker.ts", import.meta.url).href;
  const beside = threads({ url, log: logTo(lines) });
  const client = clientOf(await keeping(got), beside);
  // Its checksum is computed here; that the part was sent nobody knows, so whoever has patience sends it again.
  const error = await client
    .putPart({ key: "key", uploadId: "1" }, 1, body, { forMs: 0 })
    .catch((it: unknown) => it);
  expect(error).toBeInstanceOf(NoAnswer);
  const home = { beside, sha256 };
  const [hash] = (await hashedBeside(home, [sha256.create()], all)) ?? [];
  expect(hash?.digest().toString("hex")).toBe(hex("sha256", all));
  expect(lines).toContain("error A thread for the object store ended; another one does its work");
  expect(got).toEqual([]);
});

test("where none can be started the main thread does it, and says so once", async () => {
  const lines: string[] = [];
  const got: Buffer[] = [];
  const beside = threads({ url: new URL("./no-such-worker.ts", import.meta.url).href, log: logTo(lines) });
  const client = clientOf(await keeping(got), beside);
  const target = { key: "key", uploadId: "1" };
  expect(await client.putPart(target, 1, body, { forMs: 60_000 })).toBe(hex("md5", all));
  expect(beside.takes(1e9)).toBe(false);
  expect(got.length).toBe(1);
  expect(lines.filter((line) => line.includes("the main thread does it"))).toHaveLength(1);
});
