// What a client makes of it when the server tells whether and how it unpacks what is sent.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { DyncError } from "../../src/base/error.ts";
import { BytesSource, patternOf } from "./bytes-source.ts";
import { ClientWorld, failureOf } from "./client-world.ts";
import { ScriptedServer } from "./scripted-server.ts";

let world: ClientWorld;
let server: ScriptedServer;

beforeEach(() => {
  world = new ClientWorld();
  server = new ScriptedServer(world.network);
});

afterEach(async () => {
  await world.settle();
  server.forgetRest();
});

const unfit = new DyncError("usage", '"run/a%.raw" cannot be in a bag');

function taskOf({ size }: BytesSource) {
  const about = { size, canSeek: true, client: "test", resume: false };
  return { name: "run.tar", metadataText: "{}", unpack: "tar" as const, ...about };
}

function send(bagFault: DyncError | null) {
  const source = Object.assign(new BytesSource(patternOf(3000)), { bagFault: () => bagFault });
  return { receipt: world.upload({ source, task: taskOf(source) }), source };
}

function approve(info: { readonly unpack?: true; readonly names?: "bagit" }): void {
  server.send({ type: "upload-approved", credit: 10, chunkBytes: 1024, maxQueue: 8, info });
}

test("a server that does not unpack stores it as it is, which is said once", async () => {
  const { receipt } = send(unfit);
  expect((await server.expect("post-file")).info).toMatchObject({ unpack: "tar" });
  approve({});
  expect(await server.receive()).toHaveLength(3000);
  server.send({ type: "upload-finished", uploadId: "u1" });
  await receipt;
  expect(world.notes).toEqual([
    'This server does not unpack: it stores "run.tar" as it is sent, as one file',
  ]);
});

test("one that unpacks into folders takes names that no bag carries", async () => {
  const { receipt } = send(unfit);
  await server.expect("post-file");
  approve({ unpack: true });
  expect(await server.receive()).toHaveLength(3000);
  server.send({ type: "upload-finished", uploadId: "u1" });
  await receipt;
  expect(world.notes).toEqual([]);
});

test("one that makes bags is sent nothing where a name does not fit, and is told", async () => {
  const { receipt, source } = send(unfit);
  const failure = failureOf(receipt);
  await server.expect("post-file");
  approve({ unpack: true, names: "bagit" });
  expect(await server.expect("error")).toMatchObject({ code: 499 });
  expect(await failure).toBe(unfit);
  expect(source.reads).toBe(0);
});

test("one that makes bags is sent what fits", async () => {
  const { receipt } = send(null);
  await server.expect("post-file");
  approve({ unpack: true, names: "bagit" });
  expect(await server.receive()).toHaveLength(3000);
  server.send({ type: "upload-finished", uploadId: "u1" });
  await receipt;
});

describe("a dataset that is there already", () => {
  const digest = "ab".repeat(32);
  const text = 'There is a file "run" on the server already';

  /** What comes of a refusal that says of the dataset there that it has `files`. */
  async function refused(info: { readonly metadata: "same" | "different"; readonly files?: string }) {
    const source = Object.assign(new BytesSource(patternOf(3000)), { listDigest: async () => digest });
    const outcome = world.upload({ source, task: taskOf(source) }).catch((error: unknown) => error);
    await server.expect("post-file");
    const stored = { size: 7, sha256: "cd".repeat(32), upload: "u1", ...info };
    server.send({ type: "error", code: 409, text, info: stored });
    return { outcome: await outcome, reads: source.reads };
  }

  test("with the same files and metadata is stored already, whatever their times are", async () => {
    const { outcome, reads } = await refused({ metadata: "same", files: digest });
    expect(outcome).toEqual({
      uploadId: "u1",
      bytes: 7,
      sha256: "cd".repeat(32),
      already: true,
      unpacked: true,
    });
    expect(reads).toBe(0);
  });

  test("with other files is named so", async () => {
    const { outcome } = await refused({ metadata: "same", files: "ef".repeat(32) });
    expect(outcome).toMatchObject({ code: "name-taken", message: `${text}, with other files` });
  });

  test("with other metadata is named so", async () => {
    const { outcome } = await refused({ metadata: "different", files: digest });
    expect(outcome).toMatchObject({
      code: "name-taken",
      message: `${text}, with the same content and other metadata; nothing was changed`,
    });
  });

  test("where the server tells of no files, it is a tar, and compared as one", async () => {
    const { outcome } = await refused({ metadata: "same" });
    expect(outcome).toMatchObject({
      code: "name-taken",
      message: expect.stringContaining("other content: 7 bytes with SHA-256"),
    });
  });
});
