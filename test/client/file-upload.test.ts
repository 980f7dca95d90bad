// Sending a file so that it survives the process: what is remembered when, what a second command does.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { utimes, writeFile } from "node:fs/promises";
import { openFileSource } from "../../src/client/file-source.ts";
import { type UploadRequest, uploadSource } from "../../src/client/file-upload.ts";
import { newIdentity } from "../../src/client/identity.ts";
import { UploadKept } from "../../src/client/resumption.ts";
import { type UnfinishedUpload, UploadStore } from "../../src/client/upload-store.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";
import { patternOf, sha256 } from "./bytes-source.ts";
import { ClientWorld, clientKeys, failureOf } from "./client-world.ts";
import { ScriptedServer, serverKeys } from "./scripted-server.ts";

const bytes = patternOf(5000);

let home: TempFolder;
let store: UploadStore;
let path: string;

beforeEach(async () => {
  home = await tempFolder();
  store = new UploadStore(home.path);
  path = home.file("run.raw");
  await writeFile(path, bytes);
});

afterEach(async () => {
  await home[Symbol.asyncDispose]();
});

/** One process of the client, on a network with a server. */
class Run {
  readonly world = new ClientWorld();
  readonly server = new ScriptedServer(this.world.network);
  readonly notes: string[] = [];
  readonly warnings: string[] = [];

  async send(change: Partial<UploadRequest> = {}) {
    const source = await openFileSource(path);
    const request: UploadRequest = {
      host: "server",
      port: 8889,
      serverKey: serverKeys.publicKey,
      keys: clientKeys,
      retryForMs: 60_000,
      retryFirst: false,
      source,
      origin: { kind: "file", path },
      name: "run.raw",
      metadataText: '{"sample":"A1"}',
      serverKeyFile: null,
      client: "test",
      ...change,
    };
    const onNote = (text: string) => void this.notes.push(text);
    const onWarning = (text: string) => void this.warnings.push(text);
    const parts = { ...this.world.parts, store, onNote, onWarning };
    return await uploadSource(request, parts, this.world.stop.signal).finally(() => source.close());
  }

  /** Sends the first chunk, and is interrupted. Returns the identity on the wire. */
  async interrupt(change: Partial<UploadRequest> = {}): Promise<string> {
    const failed = failureOf(this.send(change));
    const { peer } = await this.server.hear();
    this.server.approve(1);
    await this.server.expect("post-chunk");
    this.world.stop.abort();
    await failed;
    return peer;
  }
}

async function remembered(): Promise<readonly UnfinishedUpload[]> {
  return (await store.list()).uploads;
}

test("a tar that shall be unpacked says so on the wire, and is remembered with that", async () => {
  const run = new Run();
  const failed = failureOf(run.send({ unpack: "tar", name: "run.tar" }));
  const { message } = await run.server.hear();
  expect(message).toMatchObject({ type: "post-file", name: "run.tar", info: { unpack: "tar" } });
  expect((await remembered())[0]).toMatchObject({ name: "run.tar", unpack: "tar" });
  run.world.stop.abort();
  await failed;
});

describe("a file that is sent without trouble", () => {
  test("is confirmed, and nothing is remembered of it afterwards", async () => {
    const run = new Run();
    const receipt = run.send();
    expect(Buffer.from(await run.server.serve("u1"))).toEqual(Buffer.from(bytes));
    expect(await receipt).toEqual({ uploadId: "u1", bytes: 5000, sha256: sha256(bytes), already: false });
    expect(await remembered()).toEqual([]);
    expect(run.notes).toEqual([]);
  });

  test("is remembered before the server hears its first message", async () => {
    const run = new Run();
    const receipt = run.send();
    const { peer } = await run.server.hear();
    const [state] = await remembered();
    expect(state).toMatchObject({
      identity: peer,
      origin: { kind: "file", path },
      name: "run.raw",
      host: "server",
      port: 8889,
    });
    run.server.approve();
    await run.server.receive();
    run.server.send({ type: "upload-finished", uploadId: "u1" });
    await receipt;
  });
});

describe("a file whose upload was interrupted", () => {
  test("goes on under the same identity from where the server is", async () => {
    const identity = await new Run().interrupt();
    expect((await remembered()).map((one) => one.identity)).toEqual([identity]);
    const run = new Run();
    const receipt = run.send();
    const { peer, message } = await run.server.hear();
    expect([peer, message.type]).toEqual([identity, "post-file"]);
    run.server.approve(0);
    run.server.send({ type: "status-report", seek: 1024, credit: 10 });
    expect(Buffer.from(await run.server.receive())).toEqual(Buffer.from(bytes.subarray(1024)));
    run.server.send({ type: "upload-finished", uploadId: "u1" });
    expect((await receipt).sha256).toBe(sha256(bytes));
    expect(run.notes[0]).toStartWith('Going on with the upload of "run.raw"');
    expect(await remembered()).toEqual([]);
  });

  test("is named by the error, for the commands that go on with it and drop it", async () => {
    const run = new Run();
    const failed = failureOf(run.send());
    const { peer } = await run.server.hear();
    run.server.approve(1);
    await run.server.expect("post-chunk");
    run.world.stop.abort();
    const error = await failed;
    expect(error).toBeInstanceOf(UploadKept);
    expect(error).toMatchObject({ code: "cancelled", identity: peer });
  });

  test("and that changed since starts anew, under another identity, and says so", async () => {
    const identity = await new Run().interrupt();
    await writeFile(path, bytes.toReversed());
    await utimes(path, 1_000_000, 1_000_000);
    const run = new Run();
    const receipt = run.send();
    const { peer } = await run.server.hear();
    expect(peer).not.toBe(identity);
    expect((await remembered()).map((one) => one.identity)).toEqual([peer]);
    run.server.approve();
    expect(Buffer.from(await run.server.receive())).toEqual(Buffer.from(bytes.toReversed()));
    run.server.send({ type: "upload-finished", uploadId: "u1" });
    await receipt;
    expect(run.notes[0]).toStartWith("The file is not the same as when its upload was begun");
  });

  test("and that gets other metadata starts anew", async () => {
    const identity = await new Run().interrupt();
    const run = new Run();
    const receipt = run.send({ metadataText: '{"sample":"B2"}' });
    const { peer } = await run.server.hear();
    expect(peer).not.toBe(identity);
    expect(run.notes[0]).toStartWith("The metadata is not the same");
    run.server.approve();
    await run.server.receive();
    run.server.send({ type: "upload-finished", uploadId: "u1" });
    await receipt;
  });

  test("is another upload under another name, or for another server", async () => {
    const identity = await new Run().interrupt();
    const run = new Run();
    const receipt = run.send({ name: "other.raw" });
    const { peer } = await run.server.hear();
    expect(peer).not.toBe(identity);
    run.server.approve();
    await run.server.receive();
    run.server.send({ type: "upload-finished", uploadId: "u1" });
    await receipt;
    expect((await remembered()).map((one) => one.identity)).toEqual([identity]);
  });
});

describe("what is remembered after a failure", () => {
  test("nothing, when it was not let in", async () => {
    const run = new Run();
    const failed = failureOf(run.send());
    await run.server.expect("post-file");
    run.server.sendError(403);
    expect(await failed).not.toBeInstanceOf(UploadKept);
    expect(await remembered()).toEqual([]);
  });

  test("nothing, when nothing had been sent", async () => {
    const run = new Run();
    const failed = failureOf(run.send());
    await run.server.expect("post-file");
    run.world.stop.abort();
    expect(await failed).not.toBeInstanceOf(UploadKept);
    expect(await remembered()).toEqual([]);
  });

  test("all that was sent, when its key is not allowed any more: it may be renewed", async () => {
    const run = new Run();
    const failed = failureOf(run.send());
    await run.server.expect("post-file");
    run.server.approve(1);
    await run.server.expect("post-chunk");
    run.server.sendError(403);
    expect(await failed).toBeInstanceOf(UploadKept);
    expect(await remembered()).toHaveLength(1);
  });

  const refusals = [422, 409, 413, 460];
  test.each(refusals)("nothing, when the server refused it for good with %p", async (code) => {
    const run = new Run();
    const failed = failureOf(run.send());
    await run.server.expect("post-file");
    run.server.approve(1);
    await run.server.expect("post-chunk");
    run.server.sendError(code);
    await failed;
    expect(await remembered()).toEqual([]);
  });

  test("nothing, when the server says 400 on a second connection as well", async () => {
    const run = new Run();
    const failed = failureOf(run.send());
    await run.server.expect("post-file");
    run.server.approve(1);
    await run.server.expect("post-chunk");
    run.server.sendError(400);
    await run.world.pass(200);
    expect(await remembered()).toHaveLength(1);
    await run.server.expect("query-status");
    run.server.sendError(400);
    expect((await failed).code).toBe("malformed");
    expect(await remembered()).toEqual([]);
  });

  test.each([507, 500])(
    "the upload, when the server has no space or a failing disk just now: %p",
    async (code) => {
      const run = new Run();
      const failed = failureOf(run.send());
      await run.server.expect("post-file");
      run.server.approve(1);
      await run.server.expect("post-chunk");
      run.server.sendError(code);
      expect(await failed).toBeInstanceOf(UploadKept);
      expect(await remembered()).toHaveLength(1);
    },
  );

  test("what was remembered before, when the server cannot be reached now", async () => {
    const identity = await new Run().interrupt();
    const run = new Run();
    run.server.close();
    expect((await failureOf(run.send())).code).toBe("unreachable");
    expect((await remembered()).map((one) => one.identity)).toEqual([identity]);
  });
});

describe("a home folder that takes nothing", () => {
  test("is no reason not to send: a warning says what follows", async () => {
    await writeFile(home.file("uploads"), "a file where the folder should be");
    const run = new Run();
    const receipt = run.send();
    expect(Buffer.from(await run.server.serve("u1"))).toEqual(Buffer.from(bytes));
    expect((await receipt).uploadId).toBe("u1");
    expect(run.warnings).toEqual([expect.stringContaining(home.file("uploads"))]);
  });

  test("means that nobody can go on after an interruption, and the server is told so", async () => {
    await writeFile(home.file("uploads"), "a file where the folder should be");
    const run = new Run();
    const failed = failureOf(run.send());
    await run.server.expect("post-file");
    run.server.approve(1);
    await run.server.expect("post-chunk");
    run.world.stop.abort();
    expect((await run.server.expect("error")).code).toBe(499);
    expect(await failed).not.toBeInstanceOf(UploadKept);
  });
});

describe("a file that another process is sending", () => {
  test("is left to it", async () => {
    const first = new Run();
    const receipt = first.send();
    await first.server.expect("post-file");
    const second = new Run();
    const error = await failureOf(second.send());
    expect([error.code, error.message]).toEqual([
      "failed",
      `Another dync process is sending "${path}" already`,
    ]);
    expect(await remembered()).toHaveLength(1);
    first.server.approve();
    await first.server.receive();
    first.server.send({ type: "upload-finished", uploadId: "u1" });
    await receipt;
  });

  test("is left to it also when it changed meanwhile", async () => {
    const first = new Run();
    const failed = failureOf(first.send());
    await first.server.expect("post-file");
    await writeFile(path, "other");
    expect((await failureOf(new Run().send())).code).toBe("failed");
    expect(await remembered()).toHaveLength(1);
    first.world.stop.abort();
    await failed;
  });
});

test("what only this process can send is not remembered: nobody can go on with it", async () => {
  const run = new Run();
  const failed = failureOf(run.send({ origin: { kind: "input" } }));
  await run.server.expect("post-file");
  expect(await remembered()).toEqual([]);
  run.server.approve(1);
  await run.server.expect("post-chunk");
  run.world.stop.abort();
  expect(await failed).not.toBeInstanceOf(UploadKept);
});

test("no two identities are alike, and none begins with the zero byte that ZeroMQ keeps for itself", () => {
  const identities = Array.from({ length: 1000 }, newIdentity);
  expect(new Set(identities).size).toBe(1000);
  for (const identity of identities) expect(identity).toMatch(/^[89a-f][0-9a-f]{31}$/);
});

describe("a file of a batch", () => {
  const place = { batch: "b".repeat(32), number: 7, identity: "c".repeat(32), replaces: ["d".repeat(32)] };

  test("that is small is not remembered: its batch knows it, and the server which upload it takes the place of", async () => {
    const run = new Run();
    const failed = failureOf(run.send({ place }));
    const { peer, message } = await run.server.hear();
    expect(peer).toBe(place.identity);
    expect(message).toMatchObject({ type: "post-file", info: { replaces: place.replaces } });
    run.server.approve(1);
    await run.server.expect("post-chunk");
    expect(await remembered()).toEqual([]);
    run.world.stop.abort();
    expect(await failed).not.toBeInstanceOf(UploadKept);
    expect(await remembered()).toEqual([]);
    expect(run.warnings).toEqual([]);
  });

  test("that is larger is remembered as its, and gone on with", async () => {
    await writeFile(path, patternOf(3 * 1024 * 1024));
    const identity = await new Run().interrupt({ place });
    expect(identity).toBe(place.identity);
    const batch = { id: place.batch, number: 7 };
    expect(await remembered()).toMatchObject([{ identity, batch, replaces: place.replaces }]);
    const next = new Run();
    const failed = failureOf(next.send({ place: { ...place, identity: "e".repeat(32) } }));
    expect((await next.server.hear()).peer).toBe(identity);
    next.world.stop.abort();
    await failed;
  });

  test("that was begun before without it is gone on with, small as it is", async () => {
    const identity = await new Run().interrupt();
    const next = new Run();
    const failed = failureOf(next.send({ place }));
    expect((await next.server.hear()).peer).toBe(identity);
    next.world.stop.abort();
    expect(await failed).toBeInstanceOf(UploadKept);
  });
});
