// Receipts of a server: what they are about, who gets them, and that they are the same however often somebody asks.

import { beforeEach, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { jsonDigest } from "../../src/base/json-digest.ts";
import type { PostFile } from "../../src/protocol/wire/message.ts";
import type { StoredFacts } from "../../src/receipts/statement.ts";
import { postOf, ServerWorld } from "./server-world.ts";

const content = "content of the file";
const sha256 = createHash("sha256").update(content).digest("hex");
const wanting = (change: Partial<PostFile> = {}): PostFile =>
  postOf({ ...change, info: { ...change.info, receipt: true } });
/** What stands for a receipt: these facts and no others. */
const receiptFor = (facts: StoredFacts): string =>
  ["e30", Buffer.from(JSON.stringify(facts)).toString("base64url"), "MA"].join(".");
const factsIn = (receipt: string | undefined): unknown =>
  receipt === undefined ? null : JSON.parse(Buffer.from(receipt.split(".")[1] ?? "", "base64url").toString());

let world: ServerWorld;
beforeEach(async () => {
  world = new ServerWorld();
  world.receipts = { receiptFor };
  await world.start();
});

/** The receipt in the last word of the server, which confirms. */
async function confirmed(answer: Awaited<ReturnType<ServerWorld["connect"]>>, post: PostFile) {
  const last = await answer.upload(content, post);
  if (last.type !== "upload-finished") throw new Error(`It ended with ${JSON.stringify(last)}`);
  return last.receipt;
}

test("a receipt says whose upload was stored, as what, with which content and metadata, and when", async () => {
  const client = await world.connect();
  const receipt = await confirmed(client, wanting());
  const [record] = world.catalogue.list(["finished"]);
  expect(factsIn(receipt)).toEqual({
    upload: record?.id,
    user: "anna",
    name: "a.raw",
    size: content.length,
    sha256,
    metadata: jsonDigest('{"sample":"A1"}'),
    received: record?.receivedAt,
  });
});

test("who does not ask for one gets none", async () => {
  const client = await world.connect();
  expect(await confirmed(client, postOf())).toBeUndefined();
  expect(await client.ask({ type: "query-status" })).toEqual({
    type: "upload-finished",
    uploadId: expect.any(String),
  });
  expect(await client.ask(postOf())).not.toHaveProperty("receipt");
});

describe("it is the same", () => {
  test("for who asks again, in whichever way, and after a restart", async () => {
    const client = await world.connect();
    const receipt = await confirmed(client, wanting());
    expect(receipt).toBeString();
    expect(await client.ask({ type: "query-status" })).toMatchObject({ receipt });
    expect(await client.ask(wanting())).toMatchObject({ receipt });
    await world.server.stop();
    await world.start();
    const again = await world.connect();
    expect(await again.ask({ type: "query-status" })).toMatchObject({ type: "upload-finished", receipt });
  });

  test("for who asked for none, and asks now", async () => {
    const client = await world.connect();
    expect(await confirmed(client, postOf())).toBeUndefined();
    const answer = await client.ask(wanting());
    expect(answer).toMatchObject({ type: "upload-finished", receipt: expect.any(String) });
  });

  test("of an upload that goes on after a restart, with a question alone", async () => {
    const client = await world.connect();
    await client.ask(wanting());
    client.chunk(0, content);
    await world.settle();
    await world.server.stop();
    await world.start();
    const again = await world.connect();
    const offset = await again.whereToGoOn();
    if (offset === 0) again.chunk(0, content);
    again.end(content);
    const last = await again.hear();
    expect(last).toMatchObject({ type: "upload-finished", receipt: expect.any(String) });
    expect(await again.ask(wanting())).toEqual(last);
  });
});

describe("where the same is stored already", () => {
  test("its owner gets the receipt of what is there, with the same metadata alone, and when it asks for it", async () => {
    const receipt = await confirmed(await world.connect(), wanting());
    const refusalOf = async (post: PostFile, number: number) => {
      const answer = await (await world.connect(number)).ask(post);
      return answer.type === "error" ? answer.info : null;
    };
    expect(await refusalOf(wanting(), 2)).toMatchObject({ metadata: "same", receipt });
    expect(await refusalOf(postOf(), 3)).not.toHaveProperty("receipt");
    const other = wanting({ metadataText: '{"sample":"A2"}' });
    expect(await refusalOf(other, 4)).toMatchObject({ metadata: "different" });
    expect(await refusalOf(other, 5)).not.toHaveProperty("receipt");
    expect(await refusalOf(wanting({ info: { ask: true } }), 6)).toMatchObject({ ask: true, receipt });
    const byContent = wanting({ name: "b.raw", info: { ask: true, sha256 } });
    expect(await refusalOf(byContent, 7)).toMatchObject({ name: "a.raw", receipt });
  });

  test("one that no info has room for is left out, and the rest is said", async () => {
    await confirmed(await world.connect(), wanting());
    world.receipts = { receiptFor: () => `e30.${"A".repeat(3100)}.MA` };
    await world.server.stop();
    await world.start();
    const answer = await (await world.connect(2)).ask(wanting());
    expect(answer).toMatchObject({ type: "error", code: 409, info: { sha256, metadata: "same" } });
    expect(answer).not.toHaveProperty("info.receipt");
  });
});

test("what cannot be signed is stored and confirmed all the same, and that is logged", async () => {
  world.receipts = {
    receiptFor: () => {
      throw new Error("no key");
    },
  };
  await world.server.stop();
  await world.start();
  expect(await confirmed(await world.connect(), wanting())).toBeUndefined();
  expect(world.log).toContainEqual(
    expect.objectContaining({ level: "error", message: "No receipt could be signed" }),
  );
});
