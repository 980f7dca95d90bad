// What a client is told that only asks: the same as one that sends, and nothing is begun, written down or touched.

import { beforeEach, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import type { ErrorInfo, PostFile } from "../../src/protocol/wire/message.ts";
import { idOf } from "../storage/contract.ts";
import { type Key, postOf, ServerWorld, type TestClient } from "./server-world.ts";

let world: ServerWorld;
let client: TestClient;

beforeEach(async () => {
  world = new ServerWorld();
  await world.start();
  client = await world.connect(1);
});

const sha256Of = (text: string) => createHash("sha256").update(text).digest("hex");

function asking(change: Partial<PostFile> = {}): PostFile {
  const post = postOf(change);
  return { ...post, info: { ...post.info, ask: true } };
}

/** What a question over a connection of its own is answered with. */
async function told(
  post: PostFile,
  key: Key = "anna",
): Promise<{ code: number; text: string; info?: ErrorInfo }> {
  const asker = await world.connect(9, key);
  const answer = await asker.ask(post);
  asker.close();
  if (answer.type !== "error") throw new Error(`A question was answered with ${answer.type}`);
  const { code, text, info } = answer;
  if (info === undefined) return { code, text };
  // Every answer says by which rules it was judged, and that stored uploads are read again.
  const { rules, readsAgain, ...rest } = info;
  expect(rules).toMatch(/^[0-9a-f]{64}$/);
  expect(readsAgain).toBe(true);
  return { code, text, info: rest };
}

describe("where nothing is", () => {
  test("it is 404, as often as it is asked, and nothing is begun", async () => {
    for (let time = 0; time < 3; time++) {
      expect(await client.ask(asking())).toEqual({
        type: "error",
        code: 404,
        text: 'Nothing is stored as "a.raw"',
        info: { ask: true, rules: expect.stringMatching(/^[0-9a-f]{64}$/), readsAgain: true },
      });
    }
    await world.settle();
    expect(world.catalogue.list(["open", "publishing", "finished", "failed"])).toEqual([]);
    expect(await Array.fromAsync(world.storage.ids())).toEqual([]);
    expect(world.server.openUploads).toBe(0);
  });

  test("a name, or metadata, that a real one would not get through with is refused alike", async () => {
    const ask = { info: { ask: true } };
    expect(await told(asking({ name: "a:b" }))).toMatchObject({ code: 403, ...ask });
    expect(await told(asking({ metadataText: "{}" }))).toMatchObject({ code: 422, ...ask });
  });

  test("the answer has the tag of its question", async () => {
    const question = asking();
    expect(await client.ask({ ...question, info: { ...question.info, tag: 4711 } })).toMatchObject({
      info: { ask: true, tag: 4711 },
    });
  });

  test("an upload may follow on the same connection", async () => {
    expect(await client.ask(asking())).toMatchObject({ code: 404 });
    expect((await client.upload("content")).type).toBe("upload-finished");
    expect(await client.ask(asking())).toMatchObject({ code: 409, info: { size: 7 } });
  });
});

describe("how the server is", () => {
  const state = (change: Partial<PostFile> = {}): PostFile => {
    const post = asking(change);
    return { ...post, info: { ...post.info, state: true } };
  };

  test("is told with its time, its room and whom it talks to, whatever the name, and nothing is begun", async () => {
    const answer = await told(state({ name: "a:b", metadataText: "{}" }), "annaToo");
    const time = world.clock.date().toISOString();
    const info = { user: "anna", server: "test", time, reports: true as const, ask: true as const };
    expect(answer).toEqual({ code: 404, text: "The server is there", info });
    expect(world.server.openUploads).toBe(0);
  });

  test("with what a quota leaves", async () => {
    const granted = new ServerWorld();
    await granted.start({ limits: { quotaBytes: 100 } });
    const sender = await granted.connect(1);
    expect((await sender.upload("content")).type).toBe("upload-finished");
    const answer = await sender.ask(state());
    expect(answer.type === "error" && answer.info?.quota).toBe(93);
  });
});

describe("where something is", () => {
  beforeEach(async () => {
    expect((await client.upload("content")).type).toBe("upload-finished");
  });

  test("its owner is told what", async () => {
    const info = { size: 7, sha256: sha256Of("content"), upload: idOf(1), metadata: "same", ask: true };
    const text = 'There is a file "a.raw" on the server already';
    expect(await told(asking())).toEqual({ code: 409, text, info: info as ErrorInfo });
    const other = asking({ metadataText: '{"sample":"B"}' });
    expect((await told(other)).info).toEqual({ ...info, metadata: "different" } as ErrorInfo);
    // Who does not care for metadata.
    expect((await told(asking({ metadataText: "{}" }))).code).toBe(409);
  });

  test("another key of its owner is told as well, and another user is not", async () => {
    expect((await told(asking(), "annaToo")).code).toBe(409);
    expect(await told(asking(), "bert")).toMatchObject({ code: 404, info: { ask: true } });
  });

  test.each(["A.RAW", "a.raw.sha256"])("a name like it, %s, is taken, and no more is said", async (name) => {
    expect(await told(asking({ name }))).toMatchObject({ code: 409, info: { ask: true } });
  });
});

describe("content that is asked about", () => {
  const asks = (content: string, change: Partial<PostFile> = {}) =>
    asking({ name: "new.raw", ...change, info: { sha256: sha256Of(content) } });

  beforeEach(async () => {
    expect((await client.upload("content")).type).toBe("upload-finished");
    const second = await world.connect(2);
    const post = postOf({ name: "b.raw", metadataText: '{"sample":"B"}' });
    expect((await second.upload("content", post)).type).toBe("upload-finished");
  });

  test("is found under any name, that with the same metadata first", async () => {
    const about = { size: 7, sha256: sha256Of("content"), ask: true } as const;
    expect(await told(asks("content"))).toEqual({
      code: 409,
      text: 'The same content is stored as "a.raw"',
      info: { ...about, upload: idOf(1), metadata: "same", name: "a.raw" },
    });
    expect((await told(asks("content", { metadataText: '{"sample":"B"}' }))).info).toEqual({
      ...about,
      upload: idOf(2),
      metadata: "same",
      name: "b.raw",
    });
    expect((await told(asks("content", { metadataText: '{"sample":"C"}' }))).info).toEqual({
      ...about,
      upload: idOf(2),
      metadata: "different",
      name: "b.raw",
    });
  });

  test("is not found where it is another's, another content, or a dataset is meant", async () => {
    expect((await told(asks("content"), "bert")).code).toBe(404);
    expect((await told(asks("contents"))).code).toBe(404);
    const post = postOf({ name: "run.tar", info: { unpack: "tar", files: sha256Of("content") } });
    expect((await told({ ...post, info: { ...post.info, ask: true } })).code).toBe(404);
  });

  test("does not matter where the name has something", async () => {
    const { info } = await told(asks("content", { name: "b.raw" }));
    expect(info).toMatchObject({ upload: idOf(2), metadata: "different" });
    expect(info?.name).toBeUndefined();
  });

  test("that was taken away is passed over", async () => {
    world.storage.remove("anna", "a.raw");
    expect((await told(asks("content"))).info).toMatchObject({ name: "b.raw", metadata: "different" });
    world.storage.remove("anna", "b.raw");
    expect((await told(asks("content"))).code).toBe(404);
  });
});

describe("an upload of that name that is unfinished", () => {
  beforeEach(async () => {
    await client.ask(postOf());
    client.chunk(0, "con");
    await world.settle();
  });

  test("is nothing that is stored, and goes on undisturbed", async () => {
    expect(await told(asking())).toMatchObject({ code: 404 });
    client.chunk(3, "tent");
    client.end("content");
    expect((await client.hear()).type).toBe("upload-finished");
  });

  test("of the very identity that asks is what it is: 409", async () => {
    expect(await client.ask(asking())).toMatchObject({ code: 409, info: { ask: true } });
    client.chunk(3, "tent");
    client.end("content");
    expect((await client.hear()).type).toBe("upload-finished");
  });

  test("and suspended stays as it is, also when its identity asks", async () => {
    client.close();
    await world.settle();
    world.clock.advance(60_000);
    await world.settle();
    const again = await world.connect(1);
    expect(await again.ask(asking())).toMatchObject({ code: 404, info: { ask: true } });
    expect(world.server.openUploads).toBe(0);
    expect(await again.ask({ type: "query-status" })).toMatchObject({ type: "status-report", seek: 3 });
  });
});

test("what is seen and not durable yet is neither there nor not there", async () => {
  const reached = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  world.before = async ({ type }) => {
    if (type !== "show") return;
    reached.resolve();
    await release.promise;
  };
  await client.ask(postOf());
  client.chunk(0, "content");
  client.end("content");
  await reached.promise;
  expect(await told(asking())).toMatchObject({ code: 503, info: { ask: true } });
  release.resolve();
  expect((await client.hear()).type).toBe("upload-finished");
  expect(await told(asking())).toMatchObject({ code: 409 });
});

test("some questions of a user are looked into at once, and all are answered", async () => {
  let running = 0;
  let most = 0;
  const gate = Promise.withResolvers<void>();
  const { storage } = world;
  const look = storage.obstacle.bind(storage);
  storage.obstacle = async (destination) => {
    most = Math.max(most, ++running);
    await gate.promise;
    running--;
    return await look(destination);
  };
  const askers = await Promise.all(Array.from({ length: 40 }, (_, index) => world.connect(10 + index)));
  const answers = askers.map((asker, index) => asker.ask(asking({ name: `${index}.raw` })));
  await world.settle();
  // Another user's is not behind them.
  const other = world.connect(90, "bert").then((asker) => asker.ask(asking()));
  await world.settle();
  expect(running).toBe(17);
  gate.resolve();
  for (const answer of await Promise.all([...answers, other])) expect(answer).toMatchObject({ code: 404 });
  expect(most).toBe(17);
});
