// Who may have an upload open: places are shared among users, and an upload whose client is gone or silent has none.

import { beforeEach, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { limits } from "../../src/protocol/limits.ts";
import { UploadPlaces } from "../../src/server/upload-places.ts";
import { idOf } from "../storage/contract.ts";
import { type Key, postOf, ServerWorld, type TestClient } from "./server-world.ts";

let world: ServerWorld;

/** Lets time pass in steps of a second, with what happens in between. */
async function pass(durationMs: number): Promise<void> {
  for (let passed = 0; passed < durationMs; passed += 1000) {
    world.clock.advance(1000);
    await world.settle();
  }
}

/** An upload of its own name that is open, and its client. */
async function begin(number: number, user: Key): Promise<TestClient> {
  const client = await world.connect(number, user);
  expect((await client.ask(postOf({ name: `${number}.raw` }))).type).toBe("upload-approved");
  return client;
}

describe("an upload whose client", () => {
  let client: TestClient;
  let reads: number;

  beforeEach(async () => {
    reads = 0;
    world = new ServerWorld();
    world.before = ({ type }) => {
      if (type === "read") reads++;
    };
    await world.start();
    client = await begin(1, "anna");
    client.chunk(0, "con");
    await world.settle();
  });

  test("is gone gives its place and its file up after seconds", async () => {
    client.close();
    await pass(limits.goneMs + limits.pokeMs);
    expect(world.server.openUploads).toBe(0);
    expect(world.catalogue.peek(idOf(1))).toMatchObject({ state: "open", durable: 3 });
  });

  test("is silent gives them up after a minute, and its client is told nothing", async () => {
    await pass(limits.idleMs - 1000);
    expect(world.server.openUploads).toBe(1);
    await pass(1000);
    expect(world.server.openUploads).toBe(0);
    client.send({ type: "query-status", seek: 3, tag: 7 });
    expect((await client.hear()).type).toBe("upload-approved");
    expect(await client.hear()).toMatchObject({ type: "status-report", seek: 3, tag: 7 });
  });

  test("goes on as if nothing had been, and no byte is read again for it", async () => {
    await pass(limits.idleMs);
    expect(await client.whereToGoOn()).toBe(3);
    client.chunk(3, "tent");
    client.end("content");
    expect((await client.hear()).type).toBe("upload-finished");
    expect(Buffer.from(world.storage.published()[0]?.bytes ?? []).toString()).toBe("content");
    expect(reads).toBe(0);
  });

  test("sends with the credit that it had goes back to what was asked for", async () => {
    await pass(limits.idleMs);
    client.chunk(3, "tent");
    let answer = await client.hear();
    while (answer.type === "status-report" && answer.credit === 0) answer = await client.hear();
    expect(answer).toMatchObject({ type: "status-report", seek: 3 });
    client.chunk(3, "tent");
    client.end("content");
    expect((await client.hear()).type).toBe("upload-finished");
  });

  test("is silent and there is not replaced by a newer one of the same name; one whose client is gone is", async () => {
    await pass(limits.idleMs);
    const other = await world.connect(2, "anna");
    const post = postOf({ name: "1.raw" });
    expect(await other.ask(post)).toMatchObject({ type: "error", code: 503 });
    client.close();
    await world.settle();
    expect((await other.ask(post)).type).toBe("upload-approved");
  });

  test("says something now and then keeps its place", async () => {
    for (let asked = 0; asked < 10; asked++) {
      await pass(limits.keepaliveMs);
      client.send({ type: "query-status" });
    }
    expect(world.server.openUploads).toBe(1);
  });
});

describe("places", () => {
  test("that one user filled are given to another one, whose uploads are never refused for it", async () => {
    world = new ServerWorld();
    await world.start({ uploadsMax: 4, uploadsPerUser: 4 });
    const annas: TestClient[] = [];
    for (const number of [1, 2, 3, 4]) {
      annas.push(await begin(number, "anna"));
      world.clock.advance(1000);
    }
    // The first one sends, so that the second one is the most idle.
    annas[0]?.chunk(0, "x");
    await world.settle();
    const bert = await begin(11, "bert");
    expect(await annas[1]?.hear()).toMatchObject({ type: "error", code: 429 });
    expect(world.catalogue.peek(idOf(2))?.state).toBe("open");
    expect(await annas[1]?.ask({ type: "query-status" })).toMatchObject({ type: "error", code: 429 });
    await begin(12, "bert");
    const third = await world.connect(13, "bert");
    expect(await third.ask(postOf({ name: "13.raw" }))).toMatchObject({ type: "error", code: 429 });
    bert.send({ type: "error", code: 499, text: "Cancelled" });
    await world.settle();
    expect(await annas[1]?.ask({ type: "query-status" })).toMatchObject({ type: "status-report" });
  });

  test("are bounded for each user, who is told so", async () => {
    world = new ServerWorld();
    await world.start({ uploadsMax: 10, uploadsPerUser: 2 });
    await begin(1, "anna");
    await begin(2, "anna");
    const third = await world.connect(3, "anna");
    const answer = await third.ask(postOf({ name: "3.raw" }));
    expect(answer).toMatchObject({ type: "error", code: 429 });
    expect(answer.type === "error" && answer.text).toContain("You have 2 open uploads");
    await begin(4, "bert");
  });

  test("of an upload that its client gives up are not needed", async () => {
    world = new ServerWorld();
    await world.start({ uploadsMax: 1 });
    const silent = await begin(1, "anna");
    await pass(limits.idleMs);
    await begin(2, "bert");
    silent.send({ type: "error", code: 499, text: "Cancelled" });
    await world.settle();
    expect(world.catalogue.peek(idOf(1))).toMatchObject({ state: "failed", errorCode: 499 });
  });

  test("each user has a bound of its own", () => {
    const places = new UploadPlaces(
      () => 10,
      (user) => (user === "a" ? 1 : 2),
    );
    for (const [id, user] of ["a", "b", "b"].entries()) {
      expect(places.find(user).type).toBe("free");
      places.take(`${id}`, user);
    }
    expect(["a", "b", "c"].map((user) => places.find(user).type)).toEqual(["user-full", "user-full", "free"]);
  });

  test("what a user has at other servers counts for its own bound alone", () => {
    const places = new UploadPlaces(
      () => 2,
      () => 3,
    );
    places.take("1", "a");
    expect([0, 1, 2, 3].map((elsewhere) => places.find("a", elsewhere).type)).toEqual([
      "free",
      "free",
      "user-full",
      "user-full",
    ]);
    expect(places.find("b", 2).type).toBe("free");
  });

  test("a user who has two fewer than another one is never refused", () => {
    const users = fc.constantFrom("a", "b", "c", "d");
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.array(users, { maxLength: 60 }), (max, asking) => {
        const places = new UploadPlaces(
          () => max,
          () => max,
        );
        for (const [id, user] of asking.entries()) {
          const place = places.find(user);
          const counts = ["a", "b", "c", "d"].map((other) => places.of(other).length);
          if (place.type === "of-another") {
            expect(places.of(place.user).length).toBe(Math.max(...counts));
            places.free(places.of(place.user)[0] ?? "");
          }
          const isIn = place.type === "free" || place.type === "of-another";
          if (isIn) places.take(`${id}`, user);
          else expect(places.of(user).length).toBeGreaterThanOrEqual(Math.max(...counts) - 1);
          expect(places.taken).toBeLessThanOrEqual(max);
        }
      }),
    );
  });
});
