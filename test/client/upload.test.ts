// One upload against a server that does as it is told: what is sent, what comes of each answer, what an abort does.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { DyncError, type ErrorCode } from "../../src/base/error.ts";
import { limits } from "../../src/protocol/limits.ts";
import { BytesSource, patternOf, sha256, streamOf } from "./bytes-source.ts";
import { ClientWorld, failureOf, identity } from "./client-world.ts";
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
  expect(world.network.messagesHeld).toBe(0);
});

const { bytes } = new BytesSource(patternOf(5000));

describe("an upload that succeeds", () => {
  test("says what it is, sends every byte and the checksum, and gives a receipt", async () => {
    const receipt = world.upload();
    const { peer, message } = await server.hear();
    expect(peer).toBe(Buffer.from(identity).toString("hex"));
    expect(message).toEqual({
      type: "post-file",
      name: "run.raw",
      metadataText: '{"sample":"A1"}',
      info: { size: 5000, client: "test", waits: true, window: limits.windowBytesMax },
    });
    server.approve(3);
    const offsets: number[] = [];
    for (let turn = 0; turn < 3; turn++) offsets.push((await server.expect("post-chunk")).seek);
    expect(offsets).toEqual([0, 1024, 2048]);
    server.send({ type: "transfer-credit", amount: 10 });
    expect((await server.receive()).length).toBe(5000 - 3 * 1024);
    server.send({ type: "upload-finished", uploadId: "u1" });
    expect(await receipt).toEqual({ uploadId: "u1", bytes: 5000, sha256: sha256(bytes), already: false });
  });

  test("ends with an empty chunk that has the checksum", async () => {
    const receipt = world.upload();
    await server.expect("post-file");
    server.approve();
    for (let turn = 0; turn < 5; turn++) await server.expect("post-chunk");
    const last = await server.expect("post-chunk");
    expect([last.seek, last.data.length]).toEqual([5000, 0]);
    expect(Buffer.from(last.checksum ?? []).toString("hex")).toBe(sha256(bytes));
    server.send({ type: "upload-finished", uploadId: "u1" });
    await receipt;
  });

  test("of an empty file sends the end alone", async () => {
    const receipt = world.upload({ source: new BytesSource(patternOf(0)) });
    expect(await server.serve()).toHaveLength(0);
    expect((await receipt).bytes).toBe(0);
  });

  test("of a stream announces no size, and counts its bytes", async () => {
    const receipt = world.upload({ source: streamOf(bytes, [7, 900]) });
    const post = await server.expect("post-file");
    expect(post.info.size).toBeUndefined();
    server.approve();
    expect(Buffer.from(await server.receive())).toEqual(Buffer.from(bytes));
    server.send({ type: "upload-finished", uploadId: "u1" });
    expect(await receipt).toEqual({ uploadId: "u1", bytes: 5000, sha256: sha256(bytes), already: false });
  });

  test("goes on where the server says when it is one that was begun before", async () => {
    const receipt = world.upload({ task: { ...taskOf(world), resume: true } });
    await server.expect("post-file");
    server.approve(0);
    server.send({ type: "status-report", seek: 2000, credit: 10 });
    expect(Buffer.from(await server.receive())).toEqual(Buffer.from(bytes.subarray(2000)));
    server.send({ type: "upload-finished", uploadId: "u1" });
    expect((await receipt).sha256).toBe(sha256(bytes));
    expect(world.progress.at(-1)?.skipped).toBe(2000);
  });

  test("that the server had finished before gives the receipt without sending anything", async () => {
    const receipt = world.upload({ task: { ...taskOf(world), resume: true } });
    await server.expect("post-file");
    server.send({ type: "upload-finished", uploadId: "u1" });
    expect(await receipt).toEqual({ uploadId: "u1", bytes: 5000, sha256: sha256(bytes), already: false });
  });

  test("goes on when the link takes no more for a while", async () => {
    const narrow = new ClientWorld({ queueMessagesMax: 1 });
    const slow = new ScriptedServer(narrow.network);
    const receipt = narrow.upload();
    expect(Buffer.from(await slow.serve())).toEqual(Buffer.from(bytes));
    await receipt;
    await narrow.settle();
    slow.forgetRest();
    expect(narrow.network.messagesHeld).toBe(0);
  });
});

describe("an error of the server ends the upload with the code that it stands for", () => {
  const errors: readonly (readonly [number, ErrorCode])[] = [
    [403, "forbidden"],
    [404, "unknown-upload"],
    [409, "name-taken"],
    [413, "too-large"],
    [422, "metadata-rejected"],
    [460, "checksum-mismatch"],
    [499, "cancelled"],
    [500, "internal"],
    [507, "no-space"],
    [777, "failed"],
  ];
  test.each(errors)("%p is %p", async (wire, code) => {
    const receipt = failureOf(world.upload());
    await server.expect("post-file");
    server.sendError(wire, "Because of that");
    const error = await receipt;
    expect([error.code, error.message]).toEqual([code, "Because of that"]);
    expect(world.attempts).toBe(1);
  });

  test("400 is believed when a second connection hears it as well", async () => {
    const receipt = failureOf(world.upload());
    await server.expect("post-file");
    server.sendError(400, "Unknown command");
    await world.pass(200);
    await server.expect("post-file");
    server.sendError(400, "Unknown command");
    const error = await receipt;
    expect([error.code, error.message]).toEqual(["malformed", "Unknown command"]);
    expect(world.attempts).toBe(2);
  });

  test("400 to a message that the line damaged costs one connection", async () => {
    const receipt = world.upload();
    await server.expect("post-file");
    server.sendError(400, "Unknown command");
    await world.pass(200);
    expect(Buffer.from(await server.serve())).toEqual(Buffer.from(bytes));
    await receipt;
    expect(world.attempts).toBe(2);
  });

  test("also in the midst of it, and after the last chunk", async () => {
    const receipt = failureOf(world.upload());
    await server.expect("post-file");
    server.approve();
    await server.receive();
    server.sendError(460);
    expect((await receipt).meaning.exit).toBe(8);
  });

  test("a server that confirms what it cannot have seen is not believed", async () => {
    const receipt = failureOf(world.upload());
    await server.expect("post-file");
    server.send({ type: "upload-finished", uploadId: "u1" });
    expect((await server.expect("error")).code).toBe(400);
    expect((await receipt).code).toBe("malformed");
  });
});

describe("a source that fails", () => {
  test.each([
    [true, 503],
    [false, 499],
  ])(
    "ends the upload, and the server shall keep what it has where that is of use: %p, %p",
    async (isResumable, wire) => {
      world.source.failAt = 3000;
      const receipt = failureOf(world.upload({ isResumable }));
      await server.expect("post-file");
      server.approve();
      for (let turn = 0; turn < 2; turn++) await server.expect("post-chunk");
      const told = await server.expect("error");
      const error = await receipt;
      expect(error.code).toBe("source");
      expect(told.code).toBe(wire);
    },
  );

  test("because it changed is told from one that cannot be read", async () => {
    world.source.changed = new DyncError("source-changed", "It changed", { hint: "send it again" });
    const receipt = failureOf(world.upload());
    await server.expect("post-file");
    server.approve();
    for (let turn = 0; turn < 5; turn++) await server.expect("post-chunk");
    expect((await server.expect("error")).code).toBe(499);
    const error = await receipt;
    expect([error.code, error.hint]).toEqual(["source-changed", "send it again"]);
  });
});

describe("an abort", () => {
  test("of a file tells the server that the client will come back", async () => {
    const receipt = failureOf(world.upload());
    await server.expect("post-file");
    world.stop.abort();
    expect((await server.expect("error")).code).toBe(503);
    expect((await receipt).code).toBe("cancelled");
  });

  test("of a stream tells the server that it is over", async () => {
    const receipt = failureOf(world.upload({ source: streamOf(bytes) }));
    await server.expect("post-file");
    world.stop.abort();
    expect((await server.expect("error")).code).toBe(499);
    expect((await receipt).code).toBe("cancelled");
  });

  test("that is not answered overtakes on a fresh connection of the same identity, and says that it waits", async () => {
    const quiet = new ClientWorld();
    const slow = new ScriptedServer(quiet.network, { answersError: false });
    const receipt = failureOf(quiet.upload({ source: streamOf(bytes) }));
    const { peer } = await slow.hear();
    quiet.stop.abort();
    await slow.expect("error");
    await quiet.pass(600);
    expect(quiet.notes).toEqual([
      "Telling the server that this upload stops: 3 s at most, Ctrl-C leaves at once",
    ]);
    const again = await slow.expect("error");
    expect([again.code, quiet.attempts]).toEqual([499, 2]);
    slow.sendError(404, "No such upload");
    expect((await receipt).code).toBe("cancelled");
    expect(peer).toBe(Buffer.from(identity).toString("hex"));
    expect(quiet.notes).toHaveLength(1);
    await quiet.settle();
    slow.forgetRest();
    expect(quiet.network.messagesHeld).toBe(0);
  });

  test("that nobody answers ends after three seconds, and says so", async () => {
    const dead = new ClientWorld();
    const slow = new ScriptedServer(dead.network, { answersError: false });
    const receipt = failureOf(dead.upload({ source: streamOf(bytes) }));
    await slow.expect("post-file");
    dead.stop.abort();
    await dead.pass(2900);
    expect(dead.notes).toHaveLength(1);
    await dead.pass(200);
    expect((await receipt).code).toBe("cancelled");
    expect(dead.notes[1]).toStartWith("The server did not hear that this upload stopped");
    slow.forgetRest();
  });

  test("before the beginning connects to nobody", async () => {
    world.stop.abort();
    expect((await failureOf(world.upload())).code).toBe("cancelled");
    await world.settle();
    expect(world.attempts).toBe(0);
  });

  test("gives its own reason, where it has one", async () => {
    const receipt = failureOf(world.upload());
    await server.expect("post-file");
    world.stop.abort(new DyncError("timed-out", "The deadline passed"));
    expect((await receipt).message).toBe("The deadline passed");
    await server.expect("error");
  });

  test("in the pause between two connections ends it at once", async () => {
    const receipt = failureOf(world.upload());
    await server.expect("post-file");
    server.close();
    await world.settle();
    expect(world.progress.at(-1)?.waiting).toBe("pause");
    world.stop.abort();
    expect((await receipt).code).toBe("cancelled");
    const { attempts } = world;
    await world.pass(5000);
    expect(world.attempts).toBe(attempts);
  });
});

test("the progress tells what is waited for, and never goes back in an upload without trouble", async () => {
  const receipt = world.upload();
  await server.expect("post-file");
  server.approve(1);
  await server.expect("post-chunk");
  await world.settle();
  server.send({ type: "transfer-credit", amount: 10 });
  await server.receive();
  await world.settle();
  server.send({ type: "upload-finished", uploadId: "u1" });
  await receipt;
  const waits = world.progress.map(({ waiting }) => waiting);
  expect(waits.filter((wait, at) => wait !== waits[at - 1])).toEqual([
    "connection",
    "approval",
    null,
    "credit",
    null,
    "confirmation",
  ]);
  const sent = world.progress.map((one) => one.sent);
  expect(sent).toEqual(sent.toSorted((a, b) => a - b));
  expect(world.progress.every(({ total }) => total === 5000)).toBe(true);
});

function taskOf(of: ClientWorld) {
  const { size } = of.source;
  return {
    name: "run.raw",
    metadataText: '{"sample":"A1"}',
    size,
    canSeek: true,
    client: "test",
    resume: false,
  };
}

describe("a priority", () => {
  const task = {
    name: "run.raw",
    metadataText: '{"sample":"A1"}',
    size: 5000,
    canSeek: true,
    client: "test",
    resume: false,
  };

  test.each([
    [undefined, "This server knows no priorities: --priority high changes nothing"],
    ["normal" as const, "The server allows no priority above normal: that is what uploads have here"],
  ])("that is not given is said once: %j", async (priority, text) => {
    const receipt = world.upload({ task: { ...task, priority: "high" } });
    expect((await server.expect("post-file")).info.priority).toBe("high");
    const approved = { type: "upload-approved", credit: 100, chunkBytes: 1024, maxQueue: 16 } as const;
    server.send({ ...approved, info: priority === undefined ? {} : { priority } });
    server.send({ ...approved, info: priority === undefined ? {} : { priority } });
    await server.receive();
    server.send({ type: "upload-finished", uploadId: "u1" });
    await receipt;
    expect(world.notes).toEqual([text]);
  });

  test("that is given needs no word, and is said again on a new connection, with its question", async () => {
    const receipt = world.upload({ task: { ...task, priority: "high" } });
    await server.expect("post-file");
    server.send({
      type: "upload-approved",
      credit: 2,
      chunkBytes: 1024,
      maxQueue: 16,
      info: { priority: "high", tags: true },
    });
    for (let turn = 0; turn < 2; turn++) await server.expect("post-chunk");
    expect((await server.expect("query-status")).info).toBeUndefined();
    world.network.connections[0]?.cut();
    await world.pass(200);
    const again = await server.expect("query-status");
    expect(again.info).toEqual({ priority: "high", waits: true, window: limits.windowBytesMax });
    server.send({ type: "status-report", seek: 1024, credit: 100, tag: again.tag ?? 0 });
    expect((await server.receive()).length).toBe(5000 - 1024);
    server.send({ type: "upload-finished", uploadId: "u1" });
    await receipt;
    expect(world.notes).toEqual([]);
  });
});

test("what the server lets it wait for is told, until it goes on", async () => {
  const receipt = world.upload();
  await server.expect("post-file");
  server.send({ type: "transfer-credit", amount: 0, info: { waits: "hook" } });
  await world.settle();
  expect(world.progress.at(-1)).toMatchObject({ waiting: "approval", wait: { cause: "hook" } });
  server.send({
    type: "upload-approved",
    credit: 0,
    chunkBytes: 1024,
    maxQueue: 16,
    info: { tags: true },
  });
  for (const ahead of [2, 1]) {
    server.send({ type: "transfer-credit", amount: 0, info: { waits: "memory", ahead } });
    await world.settle();
    expect(world.progress.at(-1)).toMatchObject({ waiting: "credit", wait: { cause: "memory", ahead } });
  }
  server.send({ type: "transfer-credit", amount: 0 });
  await world.settle();
  expect(world.progress.at(-1)).toMatchObject({ waiting: "credit", wait: null });
  server.send({ type: "transfer-credit", amount: 100 });
  expect((await server.receive()).length).toBe(5000);
  expect(world.progress.at(-1)).toMatchObject({ wait: null });
  server.send({ type: "transfer-credit", amount: 0, info: { waits: "publishing" } });
  await world.settle();
  expect(world.progress.at(-1)).toMatchObject({ waiting: "confirmation", wait: { cause: "publishing" } });
  server.send({ type: "upload-finished", uploadId: "u1" });
  await receipt;
});
