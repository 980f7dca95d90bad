// What a user was granted, on the whole server: what is refused before the first byte, and what is ended while it grows.

import { afterEach, beforeEach, expect, test } from "bun:test";
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
