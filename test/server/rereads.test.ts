// A stored upload is read again for the client that sent it: nothing else proves it, nobody else is told, and it is bounded.

import { beforeEach, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import type { PostFile } from "../../src/protocol/wire/message.ts";
import { idOf } from "../storage/contract.ts";
import { type Key, postOf, ServerWorld, type TestClient } from "./server-world.ts";

let world: ServerWorld;
let client: TestClient;

beforeEach(async () => {
  world = new ServerWorld();
  await world.start();
  client = await world.connect(1);
  expect((await client.upload("content")).type).toBe("upload-finished");
});

const sha256Of = (text: string) => createHash("sha256").update(text).digest("hex");

function reading(change: Partial<PostFile> = {}, id = idOf(1)): PostFile {
  const info = { ask: true, readAgain: id, sha256: sha256Of("content"), ...change.info } as const;
  return postOf({ metadataText: "{}", ...change, info });
}

async function told(post: PostFile, key: Key = "anna", number = 9): Promise<unknown> {
  const asker = await world.connect(number, key);
  const answer = await asker.ask(post);
  asker.close();
  return answer;
}

/** Has the storage wait, once for each that reads. Returns how many read just now, and who lets them go on. */
function holdReading() {
  const gate = Promise.withResolvers<void>();
  const state = { running: 0, most: 0, release: gate.resolve };
  const readBack = world.storage.readBack.bind(world.storage);
  world.storage.readBack = async (destination, stored, events) => {
    state.most = Math.max(state.most, ++state.running);
    try {
      await gate.promise;
      return await readBack(destination, stored, events);
    } finally {
      state.running--;
    }
  };
  return state;
}

describe("what is stored", () => {
  test("is proved when its bytes are those that were sent", async () => {
    const sha256 = sha256Of("content");
    expect(await told(reading())).toMatchObject({
      code: 409,
      info: { ask: true, readAgain: idOf(1), upload: idOf(1), size: 7, sha256, readsAgain: true },
    });
    // Also for another key of the user.
    expect(await told(reading(), "annaToo")).toMatchObject({ code: 409, info: { readAgain: idOf(1) } });
  });

  test("is proved as well when its record was forgotten, and to its owner alone", async () => {
    expect(await world.catalogue.forget("9999", 10)).toBe(1);
    expect(await told(reading())).toMatchObject({ code: 409, info: { readAgain: idOf(1), size: 7 } });
    expect(await told(reading(), "bert")).toMatchObject({ code: 404 });
    expect(await told(reading({ name: "../anna/a.raw" }), "bert")).toMatchObject({ code: 404 });
    world.storage.published()[0]!.bytes[0] = 0;
    expect(await told(reading())).toMatchObject({ code: 460 });
  });

  test("is damaged when one of them is another, and the log says so", async () => {
    world.storage.published()[0]!.bytes[0] = 0;
    const answer = await told(reading());
    expect(answer).toMatchObject({ code: 460, text: expect.stringContaining("its content is another one") });
    expect(answer).not.toMatchObject({ info: { readAgain: idOf(1) } });
    expect(world.log.filter(({ level }) => level === "error")).toMatchObject([
      { message: "A stored upload is not as it was stored", fields: { upload: idOf(1), user: "anna" } },
    ]);
  });

  test("is missing when it was taken away", async () => {
    world.storage.remove("anna", "a.raw");
    expect(await told(reading())).toMatchObject({ code: 404 });
  });
});

describe("nothing is told", () => {
  test.each<[string, PostFile, Key]>([
    ["another user", reading(), "bert"],
    ["who says another name", reading({ name: "b.raw" }), "anna"],
    ["who says another id", reading({}, idOf(7)), "anna"],
  ])("to %s: it is 404, and nothing is read", async (_, post, key) => {
    const { most } = holdReading();
    expect(await told(post, key)).toMatchObject({ code: 404, info: { ask: true } });
    expect(most).toBe(0);
  });

  test.each<[string, PostFile["info"]]>([
    ["another checksum", { sha256: sha256Of("other") }],
    ["that of a list, of a file", { unpack: "tar", files: sha256Of("content") }],
  ])("where %s is asked about: it is 460 or 404, and nothing is read", async (_, info) => {
    const held = holdReading();
    const name = info.unpack === undefined ? "a.raw" : "a.raw.tar";
    const { code } = (await told(reading({ name, info }))) as { code: number };
    expect([404, 460]).toContain(code);
    expect(held.most).toBe(0);
  });

  test("of an upload that is not finished", async () => {
    const open = await world.connect(2);
    await open.ask(postOf({ name: "open.raw" }));
    expect(await told(reading({ name: "open.raw" }, idOf(2)))).toMatchObject({ code: 404 });
  });
});

describe("at once", () => {
  test("one is read for a user, two in all, and other questions are not behind them", async () => {
    const sent = await world.connect(2, "bert");
    await sent.upload("content");
    const held = holdReading();
    const answers = [11, 12, 13].map((number) => told(reading(), "anna", number));
    await world.settle();
    expect(held.running).toBe(1);
    answers.push(told(reading({}, idOf(2)), "bert", 14));
    await world.settle();
    expect(held.running).toBe(2);
    const info = { ask: true };
    expect(await told(postOf({ info }))).toMatchObject({ code: 409 });
    held.release();
    for (const answer of await Promise.all(answers)) expect(answer).toMatchObject({ code: 409 });
    expect(held.most).toBe(2);
  });

  test("who asks for more than 16 is told to come back", async () => {
    const held = holdReading();
    const answers = Array.from({ length: 16 }, (_, at) => told(reading(), "anna", 20 + at));
    await world.settle();
    expect(await told(reading(), "anna", 60)).toMatchObject({ code: 429, info: { ask: true } });
    held.release();
    for (const answer of await Promise.all(answers)) expect(answer).toMatchObject({ code: 409 });
  });
});

describe("while it is read", () => {
  test("a client that is gone frees its place, and its question has no answer", async () => {
    const held = holdReading();
    const asker = await world.connect(9);
    asker.send(reading());
    await world.settle();
    expect(held.running).toBe(1);
    asker.close();
    const next = told(reading(), "anna", 10);
    await world.settle();
    world.clock.advance(6_000);
    held.release();
    expect(await next).toMatchObject({ code: 409 });
    expect(world.log.filter(({ level }) => level === "error")).toEqual([]);
  });

  test("a server that stops does not wait for its end", async () => {
    const size = 7;
    const { storage } = world;
    // Takes an hour at any pace.
    const begun = Promise.withResolvers<void>();
    storage.readBack = async (_destination, _stored, { pace }) => {
      for (let read = 0; read < 1e6; read++) {
        await pace(size * 1e8);
        begun.resolve();
      }
      return true;
    };
    const asker = await world.connect(9);
    const answer = asker.ask(reading());
    await world.settle();
    const stopped = world.server.stop();
    await stopped;
    expect(await answer).toMatchObject({ code: 503, info: { ask: true } });
  });

  test("it is slower while uploads move, and never faster than is good for others", async () => {
    const MiB = 1024 * 1024;
    const took = async (): Promise<number> => {
      let isDone = false;
      world.storage.readBack = async (_destination, _stored, { pace }) => {
        for (let read = 0; read < 64; read++) await pace(8 * MiB);
        isDone = true;
        return true;
      };
      const since = world.clock.now();
      const asker = await world.connect(9);
      const answer = asker.ask(reading());
      while (!isDone) {
        await world.settle();
        if (!isDone) world.clock.advance(100);
      }
      expect(await answer).toMatchObject({ code: 409 });
      asker.close();
      return world.clock.now() - since;
    };
    world.clock.advance(10_000);
    // 512 MiB at 256 MiB/s.
    const idle = await took();
    expect(idle).toBeGreaterThan(1_500);
    expect(idle).toBeLessThan(4_000);
    const busy = await world.connect(3);
    expect((await busy.ask(postOf({ name: "busy.raw" }))).type).toBe("upload-approved");
    const advance = world.clock.advance.bind(world.clock);
    let seek = 0;
    world.clock.advance = (ms) => {
      busy.chunk(seek++, "x");
      advance(ms);
    };
    const slow = await took();
    expect(slow).toBeGreaterThan(8 * idle);
  });
});
