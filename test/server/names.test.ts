// Two uploads that want one name, and keys that are taken away: who stays, and what the other is told.

import { beforeEach, describe, expect, test } from "bun:test";
import { idOf } from "../storage/contract.ts";
import { postOf, ServerWorld, type TestClient } from "./server-world.ts";

let world: ServerWorld;
let first: TestClient;

beforeEach(async () => {
  world = new ServerWorld();
  await world.start();
  first = await world.connect(1);
  await first.ask(postOf());
  first.chunk(0, "con");
  await world.settle();
});

describe("a second upload of a name that is being filled", () => {
  test("is refused while the client of the first is there, which goes on", async () => {
    const second = await world.connect(2);
    const text = 'Another upload of "a.raw" is under way; this one waits until it has ended';
    expect(await second.ask(postOf())).toEqual({ type: "error", code: 503, text });
    first.chunk(3, "tent");
    first.end("content");
    expect((await first.hear()).type).toBe("upload-finished");
  });

  test.each([
    ["A.RAW", 'and "A.RAW" counts as the same name'],
    ["a.raw.sha256", 'which needs "a.raw.sha256" beside it'],
    ["a.raw.meta.json", 'which needs "a.raw.meta.json" beside it'],
  ])("is refused as %p too, and told why", async (name, why) => {
    const second = await world.connect(2);
    const text = `An upload of "a.raw" is under way, ${why}; this one waits until it has ended`;
    expect(await second.ask(postOf({ name }))).toEqual({ type: "error", code: 503, text });
  });

  test("takes it over at once when it says that it replaces the first, whose connection seems to be there", async () => {
    const second = await world.connect(2);
    const post = postOf({ metadataText: '{"sample":"corrected"}', info: { replaces: ["81".repeat(16)] } });
    expect((await second.upload("newer", post)).type).toBe("upload-finished");
    expect(world.catalogue.peek(idOf(1))).toMatchObject({ state: "failed", errorCode: 409 });
    expect(await Array.fromAsync(world.storage.ids())).toEqual([]);
  });

  test("of another key of the user does not take it over, whatever it says that it replaces", async () => {
    const other = await world.connect(2, "annaToo");
    const post = postOf({ info: { replaces: ["81".repeat(16)] } });
    expect(await other.ask(post)).toMatchObject({ type: "error", code: 409 });
    first.chunk(3, "tent");
    first.end("content");
    expect((await first.hear()).type).toBe("upload-finished");
  });

  test.each(["whose client is gone", "that it says it replaces"])(
    "does not take it from one that gets it just now, %s",
    async (which) => {
      const [begun, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      world.before = ({ type }) => {
        if (type !== "publish") return;
        begun.resolve();
        return gate.promise;
      };
      first.chunk(3, "tent");
      first.end("content");
      await begun.promise;
      const isGone = which === "whose client is gone";
      if (isGone) first.close();
      await world.settle();
      const second = await world.connect(2);
      const replaces = isGone ? {} : { info: { replaces: ["81".repeat(16)] } };
      expect(await second.ask(postOf(replaces))).toMatchObject({ type: "error", code: 503 });
      gate.resolve();
      await world.settle();
      expect(world.storage.published().map(({ bytes }) => Buffer.from(bytes).toString())).toEqual([
        "content",
      ]);
      // It is no file that nobody was told of.
      const told = isGone ? await (await world.connect(1)).ask({ type: "query-status" }) : await first.hear();
      expect(told).toMatchObject({ type: "upload-finished", uploadId: idOf(1) });
    },
  );

  test("is let in for another user", async () => {
    const second = await world.connect(2, "bert");
    expect((await second.upload("other")).type).toBe("upload-finished");
    expect(world.published()).toEqual(["bert/a.raw"]);
  });

  test("takes it over when the client of the first is gone, and the first is told when it comes back", async () => {
    first.close();
    await world.settle();
    const second = await world.connect(2);
    expect((await second.upload("newer")).type).toBe("upload-finished");
    expect(world.storage.published().map(({ bytes }) => Buffer.from(bytes).toString())).toEqual(["newer"]);
    const back = await world.connect(1);
    expect(await back.ask({ type: "query-status" })).toMatchObject({ type: "error", code: 409 });
    expect(await Array.fromAsync(world.storage.ids())).toEqual([]);
  });

  test("takes it over from one that was suspended too, and after a restart", async () => {
    first.send({ type: "error", code: 503, text: "Later" });
    await world.settle();
    await world.server.stop();
    await world.start();
    const second = await world.connect(2);
    expect((await second.upload("newer")).type).toBe("upload-finished");
    expect(world.catalogue.peek(idOf(1))).toMatchObject({ state: "failed", errorCode: 409 });
    expect(await Array.fromAsync(world.storage.ids())).toEqual([]);
  });

  test("that is refused for its metadata does not replace the first", async () => {
    first.close();
    await world.settle();
    const second = await world.connect(2);
    expect(await second.ask(postOf({ metadataText: "{}" }))).toMatchObject({ type: "error", code: 422 });
    first = await world.connect(1);
    expect(await first.whereToGoOn()).toBe(3);
  });

  test("does not replace one whose client is just coming back", async () => {
    expect(await first.ask({ type: "error", code: 503, text: "Later" })).toMatchObject({ code: 503 });
    await world.settle();
    let go = (): void => {};
    world.before = ({ type, id }) =>
      type === "open" && id === idOf(1) ? new Promise((resolve) => (go = resolve)) : undefined;
    first.send({ type: "query-status" });
    await world.settle();
    const second = await world.connect(2);
    expect(await second.ask(postOf())).toMatchObject({ type: "error", code: 503 });
    go();
    expect(await first.hear()).toMatchObject({ type: "status-report", seek: 3 });
  });

  test("is let in after the first one ended", async () => {
    first.send({ type: "error", code: 499, text: "Cancelled" });
    await world.settle();
    const second = await world.connect(2);
    expect((await second.upload("newer")).type).toBe("upload-finished");
  });
});

test("of many that come at once for one name exactly one is let in, and all hear something", async () => {
  const clients = await Promise.all([2, 3, 4, 5, 6].map((number) => world.connect(number)));
  const answers = await Promise.all(clients.map((client) => client.ask(postOf({ name: "b.raw" }))));
  const approved = answers.filter(({ type }) => type === "upload-approved");
  const refused = answers.filter((answer) => answer.type === "error" && answer.code === 503);
  expect([approved.length, refused.length]).toEqual([1, 4]);
});

describe("another key of the same user", () => {
  test("neither sees nor changes an upload, whatever its identity says", async () => {
    const other = await world.connect(1, "annaToo");
    expect(await other.ask({ type: "query-status" })).toMatchObject({ type: "error", code: 404 });
    other.send({ type: "error", code: 499, text: "Cancelled" });
    await world.settle();
    first = await world.connect(1);
    expect(await first.whereToGoOn()).toBe(3);
  });

  test("does not get the name of one whose client is gone, nor of a suspended one, also after a restart", async () => {
    first.close();
    await world.settle();
    let other = await world.connect(2, "annaToo");
    const answer = { type: "error", code: 409, text: expect.stringContaining("Another key of this user") };
    expect(await other.ask(postOf())).toMatchObject(answer);
    await world.server.stop();
    await world.start();
    other = await world.connect(3, "annaToo");
    expect(await other.ask(postOf())).toMatchObject(answer);
    first = await world.connect(1);
    expect(await first.whereToGoOn()).toBe(3);
  });

  test("begins an upload of its own under the same identity", async () => {
    first.close();
    await world.settle();
    const other = await world.connect(1, "annaToo");
    expect((await other.upload("other", postOf({ name: "b.raw" }))).type).toBe("upload-finished");
    first = await world.connect(1);
    expect(await first.whereToGoOn()).toBe(3);
  });

  test("gets the name when the first key is not authorised any more", async () => {
    world.removed.add("anna");
    world.server.clientsChanged();
    await world.settle();
    const other = await world.connect(2, "annaToo");
    expect((await other.upload("newer")).type).toBe("upload-finished");
  });

  test("goes on with an upload of which the key is not known, one of them at a time", async () => {
    first.send({ type: "error", code: 503, text: "Later" });
    await world.settle();
    world.catalogue.set(idOf(1), (record) => ({ ...record, origin: null }));
    const other = await world.connect(1, "annaToo");
    expect(await other.whereToGoOn()).toBe(3);
    first = await world.connect(1);
    expect(await first.ask({ type: "query-status" })).toMatchObject({ type: "error", code: 404 });
    const again = await world.connect(1, "annaToo");
    expect(await again.whereToGoOn()).toBe(3);
  });
});

describe("a key that was removed a moment ago", () => {
  beforeEach(() => {
    world.removed.add("anna");
    world.leaving.add("anna");
    world.server.clientsChanged();
  });

  test("goes on with what it began, to the end", async () => {
    first.chunk(3, "tent");
    first.end("content");
    expect((await first.hear()).type).toBe("upload-finished");
  });

  test("begins nothing and connects nowhere, but may try again", async () => {
    expect(world.connect(2)).rejects.toThrow("server-error");
    expect(await first.ask({ type: "error", code: 499, text: "Cancelled" })).toMatchObject({ code: 499 });
    await world.settle();
    expect(await first.ask(postOf({ name: "b.raw" }))).toMatchObject({ type: "error", code: 503 });
  });

  test("is told so when it did not come back", async () => {
    world.leaving.clear();
    world.server.clientsChanged();
    expect(await first.hear()).toMatchObject({ type: "error", code: 403 });
  });
});

describe("a key that is not authorised any more", () => {
  test("ends its uploads, whose bytes stay", async () => {
    world.removed.add("anna");
    world.server.clientsChanged();
    expect(await first.hear()).toMatchObject({ type: "error", code: 403 });
    await world.settle();
    expect(world.catalogue.peek(idOf(1))?.state).toBe("open");
    expect(await Array.fromAsync(world.storage.ids())).toHaveLength(1);
  });

  test("gets no other answer, even on a connection that it has", async () => {
    world.removed.add("anna");
    expect(await first.ask({ type: "query-status" })).toMatchObject({ type: "error", code: 403 });
    expect(await first.ask(postOf())).toMatchObject({ type: "error", code: 403 });
  });

  test("cannot connect, and the log has its name", async () => {
    world.removed.add("bert");
    expect(world.connect(2, "bert")).rejects.toThrow("key-refused");
    await world.settle();
    expect(world.log.filter(({ message }) => message === "Key refused")).toHaveLength(1);
  });

  test("goes on where it was when it is authorised again", async () => {
    world.removed.add("anna");
    world.server.clientsChanged();
    await first.hear();
    world.removed.clear();
    expect(await first.whereToGoOn()).toBe(3);
  });

  test("does not disturb the others", async () => {
    world.removed.add("bert");
    world.server.clientsChanged();
    first.chunk(3, "tent");
    first.end("content");
    expect((await first.hear()).type).toBe("upload-finished");
  });
});
