// What a user was granted, on the whole server: what is refused before the first byte, and what is ended while it grows.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { idOf } from "../storage/contract.ts";
import { postOf, ServerWorld, type TestClient } from "./server-world.ts";

let world: ServerWorld;
let client: TestClient;

beforeEach(async () => {
  world = new ServerWorld();
  await world.start({ limits: { uploadBytes: 5 } });
  client = await world.connect();
});

afterEach(async () => {
  await world.server.stop();
  await world.settle();
  expect(world.network.messagesHeld).toBe(0);
});

const end = "; ask the administrator of the server if you need more";

test("a size that is announced is refused before the first byte", async () => {
  expect(await client.ask(postOf({ info: { size: 6 } }))).toEqual({
    type: "error",
    code: 413,
    text: `This upload has 6 B, and one of yours may have 5 B at most${end}`,
  });
  expect(world.catalogue.peek(idOf(1))).toBe(null);
});

test("an upload without a size is ended by the chunk that passes the limit, and its bytes go", async () => {
  await client.ask(postOf());
  client.chunk(0, "12345");
  await world.settle();
  client.chunk(5, "6");
  const text = `This upload has more than the 5 B that one of yours may have${end}`;
  expect(await client.hear()).toEqual({ type: "error", code: 413, text });
  await world.settle();
  expect(world.catalogue.peek(idOf(1))).toMatchObject({ state: "failed", errorCode: 413, reason: text });
  expect(await Array.fromAsync(world.storage.ids())).toEqual([]);
  expect(world.server.openUploads).toBe(0);
});

test("one that has exactly as much is stored, with its data in the last chunk", async () => {
  expect(await client.upload("12345")).toMatchObject({ type: "upload-finished" });
  const other = await world.connect(2);
  await other.ask(postOf({ name: "b.raw" }));
  other.send({ type: "post-chunk", seek: 0, data: Buffer.from("123456"), checksum: new Uint8Array(32) });
  expect(await other.hear()).toMatchObject({ type: "error", code: 413 });
  expect(world.published()).toEqual(["anna/a.raw"]);
});

describe("a quota", () => {
  const limits = { quotaBytes: 10, contact: "data@example.org" };

  beforeEach(async () => {
    await world.server.stop();
    await world.start({ limits });
    client = await world.connect();
  });

  const refused = (code: number, text: string) => ({ type: "error", code, text }) as const;
  const ask = "; ask data@example.org if you need more";

  test("is passed by no two uploads together, and has room again when one is given up", async () => {
    const other = await world.connect(2);
    client.send(postOf({ info: { size: 6 } }));
    other.send(postOf({ name: "b.raw", info: { size: 5 } }));
    expect((await client.hear()).type).toBe("upload-approved");
    const text = `Your quota is 10 B, of which 6 B are used, 6 B of that for unfinished uploads; this upload of 5 B does not fit${ask}`;
    expect(await other.hear()).toEqual(refused(507, text));
    await client.ask({ type: "error", code: 499, text: "Cancelled" });
    await world.settle();
    const again = await world.connect(3);
    expect((await again.ask(postOf({ name: "b.raw", info: { size: 5 } }))).type).toBe("upload-approved");
  });

  test("counts what is stored", async () => {
    expect(await client.upload("123456", postOf({ info: { size: 6 } }))).toMatchObject({
      type: "upload-finished",
    });
    const other = await world.connect(2);
    const text = `Your quota is 10 B, of which 6 B are used; this upload of 5 B does not fit${ask}`;
    expect(await other.ask(postOf({ name: "b.raw", info: { size: 5 } }))).toEqual(refused(507, text));
    const asked = postOf({ name: "c.raw", info: { size: 5, ask: true } });
    expect(await (await world.connect(3)).ask(asked)).toMatchObject({ code: 507, text });
    const third = await world.connect(4);
    expect(await third.upload("1234", postOf({ name: "b.raw", info: { size: 4 } }))).toMatchObject({
      type: "upload-finished",
    });
    expect(await world.catalogue.usageOf("anna")).toMatchObject({ stored: 10, files: 2, underWay: 0 });
  });

  test("ends the stream that passes it, which is deleted, and is used to its end", async () => {
    expect(await client.upload("1234567890")).toMatchObject({ type: "upload-finished" });
    expect(await world.catalogue.usageOf("anna")).toMatchObject({ stored: 10, underWay: 0 });
    const other = await world.connect(2);
    await other.ask(postOf({ name: "b.raw" }));
    other.chunk(0, "1");
    const text = `Your quota is 10 B, of which 10 B are used; this upload, of which 1 B have come, does not fit${ask}`;
    expect(await other.hear()).toEqual(refused(413, text));
    await world.settle();
    expect(await Array.fromAsync(world.storage.ids())).toEqual([]);
    expect(await world.catalogue.usageOf("anna")).toMatchObject({ stored: 10, underWay: 0 });
  });

  test("is not passed by streams that grow side by side: what one has claimed the other does not get", async () => {
    const other = await world.connect(2);
    await client.ask(postOf());
    await other.ask(postOf({ name: "b.raw" }));
    client.chunk(0, "1234");
    other.chunk(0, "1234");
    expect((await other.hear()).type).toBe("error");
    client.chunk(4, "567890");
    client.end("1234567890");
    expect((await client.hear()).type).toBe("upload-finished");
    expect(await world.catalogue.usageOf("anna")).toMatchObject({ stored: 10, underWay: 0 });
  });

  test("goes on counting for a stream that a later process takes up", async () => {
    await client.ask(postOf());
    client.chunk(0, "1234");
    await world.settle();
    await world.server.stop();
    await world.start({ limits });
    client = await world.connect();
    expect(await client.whereToGoOn()).toBe(4);
    client.chunk(4, "567890x");
    expect(await client.hear()).toMatchObject({ type: "error", code: 413 });
  });

  test("that is lowered below what is there refuses what is new, and lets go on what was let in", async () => {
    await client.ask(postOf({ info: { size: 10 } }));
    await world.server.stop();
    await world.start({ limits: { quotaBytes: 3 } });
    client = await world.connect();
    expect(await client.whereToGoOn()).toBe(0);
    client.chunk(0, "1234567890");
    client.end("1234567890");
    expect((await client.hear()).type).toBe("upload-finished");
    expect(await (await world.connect(2)).ask(postOf({ name: "b.raw", info: { size: 0 } }))).toMatchObject({
      type: "upload-approved",
    });
    expect(await (await world.connect(3)).ask(postOf({ name: "c.raw", info: { size: 1 } }))).toMatchObject({
      code: 507,
    });
  });

  test("an older upload of which nothing came makes way, as for other bounds, unless that would not help", async () => {
    await client.ask(postOf({ info: { size: 8 } }));
    client.close();
    world.clock.advance(60_000);
    await world.settle();
    expect(world.server.openUploads).toBe(0);
    const hopeless = await world.connect(2);
    expect(await hopeless.ask(postOf({ name: "b.raw", info: { size: 11 } }))).toMatchObject({ code: 507 });
    expect(world.catalogue.peek(idOf(1))?.state).toBe("open");
    const other = await world.connect(3);
    expect((await other.ask(postOf({ name: "b.raw", info: { size: 9 } }))).type).toBe("upload-approved");
    expect(world.catalogue.peek(idOf(1))?.state).toBe("failed");
  });

  test("that several share counts what each of them has", async () => {
    await world.server.stop();
    await world.start({ limits: { shared: { name: "lab", bytes: 10, isOf: () => true } } });
    client = await world.connect();
    expect(await client.upload("123456", postOf({ info: { size: 6 } }))).toMatchObject({
      type: "upload-finished",
    });
    const bert = await world.connect(2, "bert");
    const text =
      'The quota of "lab" is 10 B, of which 6 B are used; this upload of 5 B does not fit; ask the administrator ' +
      "of the server if you need more";
    expect(await bert.ask(postOf({ info: { size: 5 } }))).toEqual(refused(507, text));
  });
});
