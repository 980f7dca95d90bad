// The client of a command: what is opened when and how often, and what a batch tells of each job.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { rm, writeFile } from "node:fs/promises";
import { DyncError } from "../../src/base/error.ts";
import { Client, type Reporter } from "../../src/client/client.ts";
import type { Job } from "../../src/client/job.ts";
import { publicCertificateText } from "../../src/keys/certificate.ts";
import { createKeyFiles } from "../../src/keys/key-files.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";
import { patternOf } from "./bytes-source.ts";
import { ClientWorld } from "./client-world.ts";
import { ScriptedServer, serverKeys } from "./scripted-server.ts";

const date = new Date(0);
const retry = { retryForMs: 60_000, retryFirst: false };

let home: TempFolder;
let world: ClientWorld;
let server: ScriptedServer;
let client: Client;
/** What happened to the transport. */
let transports: string[];
/** What the reporter was told, without the progress. */
let told: string[];

beforeEach(async () => {
  home = await tempFolder();
  world = new ClientWorld();
  server = new ScriptedServer(world.network);
  transports = [];
  told = [];
  client = clientWith(async () => {
    transports.push("opened");
    const transport = world.network.client();
    return { ...transport, close: async () => void transports.push("closed") };
  });
  await createKeyFiles({ folder: home.path, name: "client", date });
  await writeFile(home.file("server.key"), publicCertificateText(serverKeys.publicKey, { date }));
});

afterEach(() => home[Symbol.asyncDispose]());

function clientWith(openTransport: ConstructorParameters<typeof Client>[0]["openTransport"]): Client {
  return new Client({
    home: home.path,
    name: "test",
    openTransport,
    clock: world.clock,
    random: () => 0.5,
    writeAll: async () => false,
  });
}

async function jobFor(name: string, change: Partial<Job> = {}): Promise<Job> {
  await writeFile(home.file(name), patternOf(100));
  return {
    host: "server",
    port: 8889,
    serverKeyFile: null,
    origin: { kind: "file", path: home.file(name) },
    name,
    metadataText: '{"sample":"A1"}',
    ...change,
  };
}

/** Notes what it is told; `onFailed` may throw. */
function reporter(onFailed: (error: unknown) => void = () => {}): Reporter<Job> {
  return {
    started: ({ name }) => {
      told.push(`started ${name}`);
      return {
        onProgress: () => {},
        onNote: (text) => told.push(text),
        onWarning: (text) => told.push(text),
        onConfirmed: async ({ uploadId }) => void told.push(`confirmed ${name} as ${uploadId}`),
        onFailed: (error) => {
          told.push(`failed ${name}: ${error instanceof DyncError ? error.code : error}`);
          onFailed(error);
        },
      };
    },
  };
}

function send(jobs: Iterable<Job> | AsyncIterable<Job>, to = reporter(), atOnce = 1): Promise<void> {
  return client.send(jobs, { ...retry, atOnce }, to, world.stop.signal);
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await world.settle();
}

describe("a batch", () => {
  test("goes over one opened client, one job after the other", async () => {
    const sent = send([await jobFor("a"), await jobFor("b")]);
    expect(await server.serve("u1")).toHaveLength(100);
    // Whoever reads the keys once more would find them gone.
    await rm(home.file("client.key_secret"));
    await rm(home.file("server.key"));
    expect(await server.serve("u2")).toHaveLength(100);
    await sent;
    expect(told).toEqual(["started a", "confirmed a as u1", "started b", "confirmed b as u2"]);
    await client[Symbol.asyncDispose]();
    expect(transports).toEqual(["opened", "closed"]);
  });

  test("of one client may run beside another one", async () => {
    const sent = Promise.all([send([await jobFor("a")]), send([await jobFor("b")])]);
    const first = await server.hear();
    const second = await server.hear();
    expect([first.message.type, second.message.type]).toEqual(["post-file", "post-file"]);
    expect(first.peer).not.toBe(second.peer);
    world.stop.abort();
    await sent;
    expect(told.filter((line) => line.startsWith("failed")).toSorted()).toEqual([
      "failed a: cancelled",
      "failed b: cancelled",
    ]);
    expect(transports).toEqual(["opened"]);
  });

  test("goes on after a job that failed: it is told of each, and nothing was sent of a file that is not there", async () => {
    const missing = await jobFor("missing");
    await rm(home.file("missing"));
    const sent = send([missing, await jobFor("b", { port: 1 }), await jobFor("c")]);
    await server.serve("u3");
    await sent;
    expect(told).toEqual([
      "started missing",
      "failed missing: source",
      "started b",
      "failed b: unreachable",
      "started c",
      "confirmed c as u3",
    ]);
    expect((await client.store.list()).uploads).toEqual([]);
  });

  test("ends with what the reporter throws", async () => {
    const enough = new Error("enough");
    const sent = send(
      [await jobFor("a", { port: 1 }), await jobFor("b")],
      reporter(() => {
        throw enough;
      }),
    );
    expect(await sent.catch((error) => error)).toBe(enough);
    expect(told).toEqual(["started a", "failed a: unreachable"]);
  });

  test("of nothing opens nothing", async () => {
    await rm(home.file("client.key_secret"));
    await send([]);
    await client[Symbol.asyncDispose]();
    expect([told, transports]).toEqual([[], []]);
  });
});

describe("several at once", () => {
  /** Jobs that are made when they are asked for, which is noted. */
  async function* made(...names: readonly string[]): AsyncGenerator<Job> {
    for (const name of names) {
      told.push(`asked for ${name}`);
      yield await jobFor(name);
    }
  }

  function askedFor(): readonly string[] {
    return told.filter((line) => line.startsWith("asked for")).map((line) => line.slice(-1));
  }

  test("so many are under way, and the next is asked for when one of them is over", async () => {
    const sent = send(made("a", "b", "c", "d"), reporter(), 2);
    await server.expect("post-file");
    await server.expect("post-file");
    await world.settle();
    expect(askedFor()).toEqual(["a", "b"]);
    server.approve();
    await server.receive();
    server.send({ type: "upload-finished", uploadId: "u1" });
    await server.expect("post-file");
    expect(askedFor()).toEqual(["a", "b", "c"]);
    world.stop.abort();
    expect(await sent.catch((error) => error)).toBe(world.stop.signal.reason);
    expect(told.filter((line) => line.startsWith("failed"))).toHaveLength(2);
  });

  test("what the reporter throws ends the others before the batch is over", async () => {
    const enough = new Error("enough");
    const sent = send(
      [await jobFor("a"), await jobFor("missing", { origin: { kind: "file", path: "/gone" } })],
      throwing(),
      2,
    );
    expect(await sent.catch((error) => error)).toBe(enough);
    expect(told.toSorted()).toEqual([
      "failed a: cancelled",
      "failed missing: source",
      "started a",
      "started missing",
    ]);

    function throwing(): Reporter<Job> {
      return reporter((error) => {
        if ((error as DyncError).code === "source") throw enough;
      });
    }
  });

  test("what the jobs throw ends the batch when those that are under way are over", async () => {
    const broken = new Error("the list is broken");
    const sent = send(
      (async function* () {
        yield await jobFor("a");
        throw broken;
      })(),
      reporter(),
      2,
    );
    await server.serve("u1");
    expect(await sent.catch((error) => error)).toBe(broken);
    expect(told).toEqual(["started a", "confirmed a as u1"]);
  });

  test("a job that cannot be sent says why, and is not tried", async () => {
    const fault = new DyncError("usage", "It has no name");
    await send([await jobFor("a", { fault })], reporter(), 2);
    expect(told).toEqual(["started a", "failed a: usage"]);
    expect(world.attempts).toBe(0);
  });
});

describe("of a server is remembered within a command", () => {
  test("that it was reached: a job that begins in a cut waits as one that was cut does", async () => {
    const sent = send([await jobFor("a"), await jobFor("b")]);
    await server.serve("u1");
    await until(() => told.includes("started b"));
    server.close();
    await world.pass(1_000);
    expect(told).toEqual(["started a", "confirmed a as u1", "started b"]);
    server = new ScriptedServer(world.network);
    const back = server.serve("u2");
    await world.pass(1_000);
    await back;
    await sent;
    expect(told.at(-1)).toBe("confirmed b as u2");
  });

  test("that it cannot be reached: the others are not tried, and fail with the same words", async () => {
    await send([
      await jobFor("a", { port: 1 }),
      await jobFor("b", { port: 1 }),
      await jobFor("c", { port: 1 }),
    ]);
    expect(told.filter((line) => line.startsWith("failed"))).toEqual([
      "failed a: unreachable",
      "failed b: unreachable",
      "failed c: unreachable",
    ]);
    expect(world.attempts).toBe(1);
  });

  test("nothing that is one job's own trouble", async () => {
    const sent = send([await jobFor("a"), await jobFor("b")]);
    await server.expect("post-file");
    server.sendError(422);
    await server.serve("u2");
    await sent;
    expect(told).toEqual(["started a", "failed a: metadata-rejected", "started b", "confirmed b as u2"]);
  });
});

describe("what is missing fails the job that needs it", () => {
  test("our key: before any network", async () => {
    await rm(home.file("client.key_secret"));
    await send([await jobFor("a")]);
    expect(told).toEqual(["started a", "failed a: configuration"]);
    expect(transports).toEqual([]);
  });

  test("the key of one server: those of others are sent all the same", async () => {
    const serverKeyFile = home.file("other.key");
    const sent = send([await jobFor("a", { serverKeyFile }), await jobFor("b")]);
    await server.serve("u1");
    await sent;
    expect(told).toEqual(["started a", "failed a: configuration", "started b", "confirmed b as u1"]);
  });

  test("the transport: each is told, and there is nothing to close", async () => {
    let attempts = 0;
    client = clientWith(async () => {
      attempts++;
      throw new DyncError("failed", "There is no libzmq");
    });
    await send([await jobFor("a"), await jobFor("b")]);
    await client[Symbol.asyncDispose]();
    expect(told).toEqual(["started a", "failed a: failed", "started b", "failed b: failed"]);
    expect(attempts).toBe(1);
  });
});

describe("an unfinished upload", () => {
  async function interrupted() {
    const sent = send([await jobFor("a")]);
    const { peer } = await server.hear();
    server.approve(1);
    await server.expect("post-chunk");
    world.stop.abort();
    await sent;
    server.forgetRest();
    world.stop = new AbortController();
    const [upload] = (await client.store.list()).uploads;
    expect(upload?.identity).toBe(peer);
    return upload!;
  }

  test("is a job as it stands, and goes on under its identity", async () => {
    const upload = await interrupted();
    told = [];
    const sent = send([upload]);
    const { peer } = await server.hear();
    expect(peer).toBe(upload.identity);
    server.approve(0);
    server.send({ type: "status-report", seek: 0, credit: 10 });
    await server.receive();
    server.send({ type: "upload-finished", uploadId: "u1" });
    await sent;
    expect(told).toEqual(["started a", expect.stringContaining("Going on"), "confirmed a as u1"]);
  });

  test("is dropped on the server and here", async () => {
    const upload = await interrupted();
    const outcome = client.cancel(upload, false, world.stop.signal);
    expect((await server.hear()).peer).toBe(upload.identity);
    server.sendError(499);
    expect(await outcome).toBe("dropped");
    expect((await client.store.list()).uploads).toEqual([]);
    expect(transports).toEqual(["opened"]);
  });

  test("is forgotten here alone, for which no key is needed", async () => {
    const upload = await interrupted();
    await rm(home.file("client.key_secret"));
    const other = clientWith(() => Promise.reject(new Error("nobody asked for it")));
    expect(await other.cancel(upload, true, world.stop.signal)).toBe("forgotten");
    expect((await client.store.list()).uploads).toEqual([]);
  });

  test("stays when the server cannot be asked, and when another process has it", async () => {
    const upload = await interrupted();
    server.close();
    const failed = client.cancel(upload, false, world.stop.signal);
    expect(await failed.catch((error) => error.code)).toBe("unreachable");
    const lock = await client.store.lock(upload.identity);
    expect(await client.cancel(upload, true, world.stop.signal)).toBe("being-sent");
    lock?.release();
    expect((await client.store.list()).uploads).toHaveLength(1);
  });

  test("of a batch is dropped with it; the batch is not while that cannot be asked", async () => {
    const batch = await client.batches.begin(
      (async function* () {
        yield await jobFor("a", { origin: { kind: "file", path: home.file("large") } });
        yield await jobFor("b");
      })(),
      "2026-01-02T03:04:05.000Z",
      world.stop.signal,
    );
    await writeFile(home.file("large"), patternOf(3_000_000));
    const sent = send(batch.jobs());
    const { peer } = await server.hear();
    server.approve(1);
    await server.expect("post-chunk");
    world.stop.abort();
    await sent.catch(() => {});
    await batch.close();
    world.stop = new AbortController();
    server.forgetRest();
    const { uploads } = await client.store.list();
    expect(uploads.map(({ identity }) => identity)).toEqual([peer]);
    const id = batch.id as string;
    server.close();
    const failed = client.cancelBatch(id, uploads, false, world.stop.signal);
    expect(await failed.catch((error) => error.code)).toBe("unreachable");
    expect((await client.batches.list()).batches.map(({ files }) => files)).toEqual([2]);
    server = new ScriptedServer(world.network);
    const outcome = client.cancelBatch(id, uploads, false, world.stop.signal);
    expect((await server.hear()).peer).toBe(peer);
    server.sendError(499);
    expect(await outcome).toBe("dropped");
    expect([(await client.store.list()).uploads, (await client.batches.list()).batches]).toEqual([[], []]);
  });

  test("of a batch that is dropped alone is not tried with the batch", async () => {
    const upload = await interrupted();
    const batch = await client.batches.begin(
      jobsOf(await jobFor("a"), await jobFor("b")),
      "",
      world.stop.signal,
    );
    await batch.close();
    const ofBatch = { ...upload, batch: { id: batch.id as string, number: 0 } };
    expect(await client.cancel(ofBatch, true, world.stop.signal)).toBe("forgotten");
    expect((await client.batches.list()).batches).toMatchObject([
      { files: 1, first: { path: home.file("b") } },
    ]);
  });
});

async function* jobsOf(...jobs: readonly Job[]): AsyncGenerator<Job> {
  yield* jobs;
}
