// The whole server, message by message: one upload and its answers, before, during and after.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { DyncError } from "../../src/base/error.ts";
import { idOf } from "../storage/contract.ts";
import { postOf, ServerWorld, type TestClient } from "./server-world.ts";

let world: ServerWorld;
let client: TestClient;

beforeEach(async () => {
  world = new ServerWorld();
  await world.start();
  client = await world.connect();
});

afterEach(async () => {
  await world.server.stop();
  await world.settle();
  expect(world.network.messagesHeld).toBe(0);
});

describe("an upload", () => {
  test("is approved, received, confirmed and published", async () => {
    const approval = await client.ask(postOf());
    expect(approval).toMatchObject({ type: "upload-approved", chunkBytes: 1024 });
    expect(approval.type === "upload-approved" && approval.info.upload).toBe(idOf(1));
    client.chunk(0, "con");
    client.chunk(3, "tent");
    client.end("content");
    expect(await client.hear()).toEqual({ type: "upload-finished", uploadId: idOf(1) });
    const [file] = world.storage.published();
    expect(Buffer.from(file?.bytes ?? []).toString()).toBe("content");
    expect(world.catalogue.peek(idOf(1))?.state).toBe("finished");
    expect(await Array.fromAsync(world.storage.ids())).toEqual([]);
  });

  test("may have its data in the last chunk too", async () => {
    await client.ask(postOf());
    const checksum = Buffer.from("ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73", "hex");
    client.send({ type: "post-chunk", seek: 0, data: Buffer.from("content"), checksum });
    expect((await client.hear()).type).toBe("upload-finished");
  });

  test("with a wrong checksum is refused, and leaves nothing but its record", async () => {
    await client.ask(postOf());
    client.chunk(0, "cont?nt");
    client.end("content");
    expect(await client.hear()).toMatchObject({ type: "error", code: 460 });
    await world.settle();
    expect(world.published()).toEqual([]);
    expect(await Array.fromAsync(world.storage.ids())).toEqual([]);
    expect(world.catalogue.peek(idOf(1))).toMatchObject({ state: "failed", errorCode: 460 });
  });

  test("that the client cancels is gone", async () => {
    await client.ask(postOf());
    client.chunk(0, "content");
    const cancelled = { type: "error", code: 499, text: "Cancelled" } as const;
    expect(await client.ask(cancelled)).toEqual(cancelled);
    expect(await client.ask({ type: "query-status" })).toMatchObject({ type: "error", code: 499 });
    expect(await Array.fromAsync(world.storage.ids())).toEqual([]);
  });

  test("that the client cancels when another server has it is not touched", async () => {
    const world = new ServerWorld();
    await world.start();
    const client = await world.connect();
    await client.ask(postOf());
    client.chunk(0, "con");
    await world.settle();
    await world.catalogue.take(idOf(1), { id: "server-2", leaseMs: 0 });
    await client.ask({ type: "error", code: 499, text: "Cancelled" });
    await world.settle();
    expect(world.catalogue.peek(idOf(1))).toMatchObject({ state: "open", owner: "server-2" });
    expect(await Array.fromAsync(world.storage.ids())).toEqual([idOf(1)]);
  });

  test("that the client leaves for later stays, and goes on", async () => {
    await client.ask(postOf());
    client.chunk(0, "con");
    const later = { type: "error", code: 503, text: "Later" } as const;
    // Said again, as on a fresh connection that overtook the old one, it is answered again, and changes nothing.
    for (let turn = 0; turn < 2; turn++) expect(await client.ask(later)).toEqual(later);
    expect(await client.whereToGoOn()).toBe(3);
    client.chunk(3, "tent");
    client.end("content");
    expect((await client.hear()).type).toBe("upload-finished");
  });
});

describe("a second post-file under one identity", () => {
  test("with the same name and metadata is answered as the first", async () => {
    const first = await client.ask(postOf());
    expect(await client.ask(postOf())).toMatchObject({ type: "upload-approved", info: { upload: idOf(1) } });
    expect(first.type).toBe("upload-approved");
  });

  test("with another name or metadata is refused, and the first goes on", async () => {
    await client.ask(postOf());
    expect(await client.ask(postOf({ name: "b.raw" }))).toMatchObject({ type: "error", code: 409 });
    expect(await client.ask(postOf({ metadataText: '{"sample":"B"}' }))).toMatchObject({
      type: "error",
      code: 409,
    });
    client.chunk(0, "x");
    client.end("x");
    expect((await client.hear()).type).toBe("upload-finished");
  });

  test("that is damaged counts as lost once, and ends the upload when it comes twice, in one turn as in two", async () => {
    const damaged = [Buffer.from("post-file"), new Uint8Array(4), Buffer.of(0xff, 0xfe), Buffer.from("{}")];
    await client.ask(postOf());
    for (const text of ["con", "tent"]) {
      client.link.send(damaged);
      expect(await client.hear()).toMatchObject({ type: "status-report" });
      client.chunk(text === "con" ? 0 : 3, text);
    }
    for (let count = 0; count < 2; count++) client.link.send(damaged);
    expect(await client.hear()).toMatchObject({ type: "status-report", seek: 7 });
    expect(await client.hear()).toMatchObject({ type: "error", code: 400 });
  });

  test("that is another one is refused in the same turn as well", async () => {
    await client.ask(postOf());
    client.send(postOf());
    client.send(postOf({ name: "b.raw" }));
    expect(await client.hear()).toMatchObject({ type: "error", code: 409 });
    expect(await client.whereToGoOn()).toBe(0);
  });

  test("after the end is confirmed again, or refused when it is for another file", async () => {
    const finished = await client.upload("content");
    expect(await client.ask(postOf())).toEqual(finished);
    expect(await client.ask(postOf({ name: "b.raw" }))).toMatchObject({ type: "error", code: 409 });
  });

  test("after a failure gets the reason again", async () => {
    await client.ask(postOf());
    client.chunk(0, "cont?nt");
    client.end("content");
    const failure = await client.hear();
    expect(failure).toMatchObject({ type: "error", code: 460 });
    expect(await client.ask(postOf())).toEqual(failure);
  });
});

describe("after the end", () => {
  test("the last chunk and the question are answered with the confirmation, as often as they come", async () => {
    const finished = await client.upload("content");
    for (let turn = 0; turn < 2; turn++) {
      expect(await client.ask({ type: "query-status" })).toEqual(finished);
      client.end("content");
      expect(await client.hear()).toEqual(finished);
    }
  });

  test("chunks that were under way get no answer, and an error comes too late", async () => {
    const finished = await client.upload("content");
    client.chunk(0, "content");
    const cancelled = { type: "error", code: 499, text: "Cancelled" } as const;
    expect(await client.ask(cancelled)).toEqual(finished);
    expect(await client.ask({ type: "query-status" })).toEqual(finished);
    expect(world.published()).toEqual(["anna/a.raw"]);
  });
});

describe("who asks for what there is not", () => {
  test("is told that there is no such upload", async () => {
    expect(await client.ask({ type: "query-status" })).toMatchObject({ type: "error", code: 404 });
    client.chunk(0, "x");
    expect(await client.hear()).toMatchObject({ type: "error", code: 404 });
    const cancelled = { type: "error", code: 499, text: "Cancelled" } as const;
    expect(await client.ask(cancelled)).toMatchObject({ type: "error", code: 404 });
  });

  test("hears the same about another user's upload, which is not touched", async () => {
    await client.ask(postOf());
    client.chunk(0, "con");
    await world.settle();
    client.close();
    const other = await world.connect(1, "bert");
    expect(await other.ask({ type: "query-status" })).toMatchObject({ type: "error", code: 404 });
    other.send({ type: "error", code: 499, text: "Cancelled" });
    other.close();
    client = await world.connect();
    expect(await client.whereToGoOn()).toBe(3);
  });
});

test("an upload whose stored bytes are gone is unknown, and its client may begin it anew", async () => {
  await client.ask(postOf());
  client.chunk(0, "con");
  expect(await client.ask({ type: "error", code: 503, text: "Later" })).toMatchObject({ code: 503 });
  await world.settle();
  await world.storage.discard(idOf(1));
  for (let turn = 0; turn < 2; turn++) {
    expect(await client.ask({ type: "query-status" })).toMatchObject({ type: "error", code: 404 });
  }
  expect(await client.upload("content")).toEqual({ type: "upload-finished", uploadId: idOf(2) });
});

describe("an upload that is not let in", () => {
  test("is told why, and may be posted again when the reason is gone", async () => {
    expect(await client.ask(postOf({ metadataText: "{}" }))).toMatchObject({ type: "error", code: 422 });
    expect(await client.ask(postOf({ name: "../a" }))).toMatchObject({ type: "error", code: 403 });
    await (await world.connect(2)).upload("first");
    expect(await client.ask(postOf())).toMatchObject({ type: "error", code: 409 });
    expect((await client.ask(postOf({ name: "b.raw" }))).type).toBe("upload-approved");
  });

  test("when there are too many is told to come later, and those that are there go on", async () => {
    world = new ServerWorld();
    await world.start({ uploadsMax: 1 });
    client = await world.connect();
    await client.ask(postOf());
    const other = await world.connect(2);
    expect(await other.ask(postOf({ name: "b.raw" }))).toMatchObject({ type: "error", code: 429 });
    client.chunk(0, "x");
    client.end("x");
    expect((await client.hear()).type).toBe("upload-finished");
    await world.settle();
    expect((await other.ask(postOf({ name: "b.raw" }))).type).toBe("upload-approved");
  });

  test("that ends while it is admitted leaves nothing behind", async () => {
    let go = (): void => {};
    world.before = ({ type }) => (type === "create" ? new Promise((resolve) => (go = resolve)) : undefined);
    client.send(postOf({ info: { size: 7 } }));
    await world.settle();
    const cancelled = { type: "error", code: 499, text: "Cancelled" } as const;
    expect(await client.ask(cancelled)).toEqual(cancelled);
    await world.settle();
    go();
    await world.settle();
    expect(await Array.fromAsync(world.storage.ids())).toEqual([]);
    expect(world.catalogue.list(["open", "publishing"])).toEqual([]);
    expect(await client.ask({ type: "query-status" })).toMatchObject({ type: "error", code: 499 });
  });
});

describe("a storage that fails", () => {
  test("once has the client send again what was not durable", async () => {
    let failures = 1;
    world.before = ({ type }) => {
      if (type === "append" && failures-- > 0) throw new DyncError("internal", "The disk reports an error");
    };
    await client.ask(postOf());
    client.chunk(0, "content");
    expect(await client.hear()).toMatchObject({ type: "status-report", seek: 0 });
    client.chunk(0, "content");
    client.end("content");
    expect((await client.hear()).type).toBe("upload-finished");
  });

  test("because it is full ends the upload with that reason, and keeps its bytes", async () => {
    await client.ask(postOf());
    client.chunk(0, "con");
    await world.settle();
    world.before = ({ type }) => {
      if (type === "append") throw new DyncError("no-space", "No space left on the server's disk");
    };
    client.chunk(3, "tent");
    expect(await client.hear()).toMatchObject({ type: "error", code: 507 });
    await world.settle();
    world.before = () => {};
    expect(await client.whereToGoOn()).toBe(3);
  });
});
