// A server that stops, crashes and starts again, and what its timers do: no upload is lost by any of it.

import { beforeEach, describe, expect, test } from "bun:test";
import { DyncError } from "../../src/base/error.ts";
import { idOf } from "../storage/contract.ts";
import { postOf, ServerWorld, type TestClient } from "./server-world.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;

let world: ServerWorld;
let client: TestClient;

beforeEach(async () => {
  world = new ServerWorld();
  await world.start();
  client = await world.connect();
});

/** Lets time pass in steps, with what happens in between. */
async function pass(durationMs: number, stepMs: number): Promise<void> {
  for (let passed = 0; passed < durationMs; passed += stepMs) {
    world.clock.advance(stepMs);
    await world.settle();
  }
}

describe("a server that stops", () => {
  beforeEach(async () => {
    await client.ask(postOf());
    client.chunk(0, "con");
    await world.settle();
  });

  test("tells its clients to come back, and keeps their bytes, durably", async () => {
    await world.server.stop();
    expect(await client.hear()).toMatchObject({ type: "error", code: 503 });
    expect(world.catalogue.peek(idOf(1))).toMatchObject({ state: "open", durable: 3 });
    await world.settle();
    expect(client.failure).toBe("lost");
  });

  test("goes on after its next start from the byte where it stopped", async () => {
    await world.server.stop();
    await world.start();
    client = await world.connect();
    expect(await client.whereToGoOn()).toBe(3);
    client.chunk(3, "tent");
    client.end("content");
    expect(await client.hear()).toEqual({ type: "upload-finished", uploadId: idOf(1) });
    expect(Buffer.from(world.storage.published()[0]?.bytes ?? []).toString()).toBe("content");
  });

  test("goes on with a client that only knows to post its file again", async () => {
    await world.server.stop();
    await world.start();
    client = await world.connect();
    const answer = await client.ask(postOf());
    expect(answer).toMatchObject({ type: "upload-approved", info: { upload: idOf(1) } });
    expect(await client.whereToGoOn()).toBe(3);
  });

  test("lets a write that is under way come to its end", async () => {
    let go = (): void => {};
    world.before = ({ type }) => (type === "append" ? new Promise((resolve) => (go = resolve)) : undefined);
    client.chunk(3, "tent");
    await world.settle();
    const stopped = world.server.stop();
    await world.settle();
    go();
    await stopped;
    expect(world.catalogue.peek(idOf(1))?.durable).toBe(7);
    await world.settle();
    expect(world.network.messagesHeld).toBe(0);
  });

  test("lets an admission that is under way come to its end", async () => {
    let go = (): void => {};
    world.before = ({ type }) => (type === "create" ? new Promise((resolve) => (go = resolve)) : undefined);
    const other = await world.connect(2);
    other.send(postOf({ name: "b.raw" }));
    await world.settle();
    let isStopped = false;
    const stopped = world.server.stop().then(() => {
      isStopped = true;
    });
    await world.settle();
    expect(isStopped).toBe(false);
    go();
    await stopped;
    expect(world.catalogue.list(["open"]).map(({ name }) => name)).toEqual(["a.raw", "b.raw"]);
  });

  test("finishes what is being published", async () => {
    let go = (): void => {};
    world.before = ({ type }) => (type === "show" ? new Promise((resolve) => (go = resolve)) : undefined);
    client.chunk(3, "tent");
    client.end("content");
    await world.settle();
    const stopped = world.server.stop();
    await world.settle();
    go();
    await stopped;
    expect(world.published()).toEqual(["anna/a.raw"]);
    expect(world.catalogue.peek(idOf(1))?.state).toBe("finished");
  });
});

describe("a server that crashed", () => {
  /** The process ends without a word; the next one starts. */
  async function restart(isPowerLost = false): Promise<void> {
    for (const connection of world.network.connections) connection.cut();
    const kept = isPowerLost ? "durable" : "all";
    world.storage.crash({
      bytesKept: (_id, durable, length) => (kept === "all" ? length : durable),
      isShown: () => false,
      isPowerLost,
    });
    if (isPowerLost) world.bootId = "another boot";
    const next = new ServerWorld();
    Object.assign(next, { storage: world.storage, catalogue: world.catalogue, bootId: world.bootId });
    world = next;
    await world.start();
    client = await world.connect();
  }

  test("goes on with everything that it had written", async () => {
    await client.ask(postOf());
    client.chunk(0, "con");
    await world.settle();
    await restart();
    expect(await client.whereToGoOn()).toBe(3);
  });

  test("goes on with what was durable, after a power cut", async () => {
    await client.ask(postOf());
    client.chunk(0, "con");
    await world.settle();
    await restart(true);
    expect(await client.whereToGoOn()).toBe(0);
    client.chunk(0, "content");
    client.end("content");
    expect((await client.hear()).type).toBe("upload-finished");
  });

  test("in the midst of publishing publishes after its start, and confirms when it is asked", async () => {
    world.before = ({ type }) => (type === "show" ? new Promise(() => {}) : undefined);
    await client.ask(postOf());
    client.chunk(0, "content");
    client.end("content");
    await world.settle();
    expect(world.catalogue.peek(idOf(1))?.state).toBe("publishing");
    world.before = () => {};
    await restart();
    await world.settle();
    expect(await client.ask({ type: "query-status" })).toMatchObject({ type: "upload-finished" });
    expect(world.published()).toEqual(["anna/a.raw"]);
  });
});

test("the end of an upload that comes while something of it is cut off ends nothing: what is missing comes first", async () => {
  const cut = Promise.withResolvers<void>();
  let syncs = 0;
  world.before = ({ type }) => {
    if (type === "sync" && ++syncs === 1) throw new DyncError("internal", "The disk reports an error");
    return type === "truncate" ? cut.promise : undefined;
  };
  await world.server.stop();
  await world.start({ syncEveryBytes: 4 });
  client = await world.connect();
  await client.ask(postOf());
  client.chunk(0, "content");
  await world.settle();
  // Behind the failure, and before it is known what is left.
  client.end("content");
  await world.settle();
  cut.resolve();
  await world.settle();
  expect(world.published()).toEqual([]);
  expect(await client.whereToGoOn()).toBe(0);
  client.chunk(0, "content");
  client.end("content");
  await world.settle();
  expect(world.storage.published().map(({ bytes }) => Buffer.from(bytes).toString())).toEqual(["content"]);
});

test("that a sync failed is written down at once, also while the upload is being published", async () => {
  await world.server.stop();
  await world.start({ syncEveryBytes: 4 });
  client = await world.connect();
  const sync = Promise.withResolvers<void>();
  world.before = ({ type }) => (type === "sync" ? sync.promise : undefined);
  await client.ask(postOf());
  client.chunk(0, "content");
  client.end("content");
  await world.settle();
  expect(world.catalogue.peek(idOf(1))).toMatchObject({ state: "publishing", mark: "boot" });
  world.before = ({ type }) => (type === "truncate" ? new Promise(() => {}) : undefined);
  sync.reject(new DyncError("internal", "The disk reports an error"));
  await world.settle();
  expect(world.catalogue.peek(idOf(1))).toMatchObject({ state: "publishing", mark: null });
  expect(world.published()).toEqual([]);
});

test("a server does not start with a window that its storage would never answer for", async () => {
  const next = new ServerWorld();
  const value = { ...next.storage.properties, partBytes: 5 * 1024 * 1024 };
  Object.defineProperty(next.storage, "properties", { value });
  const start = next.start({ chunkBytes: 1024, windowChunks: 16 });
  await expect(start).rejects.toThrow("A window has 16384 bytes, and this storage takes parts of 5242880");
});

describe("a server that cannot publish", () => {
  test("says so, keeps what arrived, and publishes it when its client asks again", async () => {
    let isBroken = true;
    world.before = ({ type }) => {
      if (type === "publish" && isBroken) throw new DyncError("internal", "The folder is read-only");
    };
    expect(await client.upload("content")).toMatchObject({
      type: "error",
      code: 500,
      text: "The folder is read-only",
    });
    await world.settle();
    for (const code of [503, 500]) {
      expect(await client.ask({ type: "query-status" })).toMatchObject({ type: "error", code });
      await world.settle();
    }
    isBroken = false;
    expect(await client.ask({ type: "query-status" })).toMatchObject({ type: "error", code: 503 });
    await world.settle();
    expect(await client.ask({ type: "query-status" })).toMatchObject({ type: "upload-finished" });
    expect(world.published()).toEqual(["anna/a.raw"]);
    expect(world.log.map(({ message }) => message)).not.toContain(
      "Stored bytes differ from their checksum: the client has to send again",
    );
  });

  test("never says that a file is stored that is seen and not durable: first it is published to its end", async () => {
    let isBroken = true;
    world.before = ({ type }) => {
      if (type === "show" && isBroken) throw new DyncError("internal", "The disk reports an error");
    };
    expect(await client.upload("content")).toMatchObject({ type: "error" });
    await world.settle();
    expect(world.published()).toEqual(["anna/a.raw"]);
    const other = await world.connect(2);
    for (const code of [503, 500, 503]) {
      expect(await other.ask(postOf())).toMatchObject({ type: "error", code });
      await world.settle();
    }
    isBroken = false;
    // The last attempt failed as well, and is told.
    for (const code of [500, 503, 409]) {
      expect(await other.ask(postOf())).toMatchObject({ type: "error", code });
      await world.settle();
    }
    expect(world.catalogue.peek(idOf(1))?.state).toBe("finished");
  });

  test("tells the reason only to who waits for it: for anybody else it is tried again", async () => {
    let isFull = true;
    world.before = ({ type }) => {
      if (type === "publish" && isFull) throw new DyncError("no-space", "No room");
    };
    expect(await client.upload("content")).toMatchObject({ type: "error", code: 507 });
    await world.settle();
    // A question that was under way when its client heard that and left: nobody hears the answer.
    expect(await client.ask({ type: "query-status" })).toMatchObject({ type: "error", code: 503 });
    await world.settle();
    // The command is given again, still without room, then with.
    for (const code of [503, 507, 503]) {
      expect(await client.ask(postOf())).toMatchObject({ type: "error", code });
      await world.settle();
    }
    isFull = false;
    // Who comes back later than any client waits is not told what was the matter then.
    world.clock.advance(2 * minuteMs);
    expect(await client.ask(postOf())).toMatchObject({ type: "error", code: 503 });
    await world.settle();
    expect(await client.ask(postOf())).toMatchObject({ type: "upload-finished" });
    expect(world.published()).toEqual(["anna/a.raw"]);
  });

  test("asks the client to come back, and has it send again what is not surely on the disk", async () => {
    let isBroken = true;
    world.before = ({ type }) => {
      if (type === "sync" && isBroken) throw new DyncError("internal", "The disk reports an error");
    };
    expect(await client.upload("content")).toMatchObject({ type: "error", code: 503 });
    await world.settle();
    isBroken = false;
    expect(await client.ask({ type: "query-status" })).toMatchObject({ type: "error", code: 503 });
    await world.settle();
    expect(await client.whereToGoOn()).toBe(0);
    client.chunk(0, "content");
    client.end("content");
    expect((await client.hear()).type).toBe("upload-finished");
    expect(world.published()).toEqual(["anna/a.raw"]);
  });
});

describe("time", () => {
  test("suspends an upload whose client is gone, and it goes on when the client is back", async () => {
    await client.ask(postOf());
    client.chunk(0, "con");
    await world.settle();
    client.close();
    await pass(minuteMs, 1000);
    expect(world.log.map(({ message }) => message)).toContain("Upload suspended");
    client = await world.connect();
    expect(await client.whereToGoOn()).toBe(3);
  });

  test.each([
    ["asks where to go on, and falls silent", async () => void (await client.whereToGoOn())],
    [
      "says that it pauses",
      async () => {
        await client.whereToGoOn();
        expect(await client.ask({ type: "error", code: 503, text: "Paused" })).toMatchObject({ code: 503 });
      },
    ],
  ])("keeps an upload for weeks whose client comes back at times, and then %s", async (_what, pause) => {
    await client.ask(postOf({ info: { unpack: "tar" }, name: "run.tar" }));
    client.chunk(0, "con");
    await world.settle();
    for (let visit = 0; visit < 4; visit++) {
      await pause();
      client.close();
      await pass(6 * 24 * hourMs, hourMs);
      expect(world.server.openUploads).toBe(0);
      if (visit === 2) {
        await world.server.stop();
        await world.start();
      }
      client = await world.connect();
    }
    expect(await client.whereToGoOn()).toBe(3);
    client.chunk(3, "tent");
    client.end("content");
    expect((await client.hear()).type).toBe("upload-finished");
  });

  test("ends an upload whose client never comes back, with its bytes, and its name is free", async () => {
    await client.ask(postOf());
    client.chunk(0, "con");
    await world.settle();
    client.close();
    await pass(8 * 24 * hourMs, 10 * minuteMs);
    expect(world.catalogue.peek(idOf(1))).toMatchObject({ state: "failed", errorCode: 408 });
    expect(await Array.fromAsync(world.storage.ids())).toEqual([]);
    client = await world.connect();
    expect(await client.ask({ type: "query-status" })).toMatchObject({ type: "error", code: 408 });
  });

  test("keeps bytes that no record knows for as long as uploads are kept, across a restart", async () => {
    await world.server.stop();
    const partial = await world.storage.create(idOf(99));
    await partial.append(Buffer.from("x"));
    await partial.close();
    await world.start();
    await pass(6 * 24 * hourMs, hourMs);
    expect(await Array.fromAsync(world.storage.ids())).toHaveLength(1);
    await pass(25 * hourMs, hourMs);
    expect(await Array.fromAsync(world.storage.ids())).toEqual([]);
  });
});
