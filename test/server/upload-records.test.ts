// What whoever looks after a server is told of uploads: states as people call them, and what is known of each.

import { beforeEach, describe, expect, test } from "bun:test";
import { metadataBytesKept } from "../../src/catalogue/catalogue.ts";
import type { ShownUpload, UploadQuery } from "../../src/server/upload-records.ts";
import { idOf } from "../storage/contract.ts";
import { postOf, ServerWorld, type TestClient, userKeys } from "./server-world.ts";

let world: ServerWorld;
let client: TestClient;

beforeEach(async () => {
  world = new ServerWorld();
  await world.start();
  client = await world.connect();
});

const never = new AbortController().signal;

async function list(query: UploadQuery = {}, limit = 100) {
  const uploads: ShownUpload[] = [];
  const end = await world.server.records.list(query, limit, async (it) => void uploads.push(it), never);
  return { ...end, uploads, names: uploads.map(({ name }) => name) };
}

/** One that is stored, one that failed, one that waits, one with a client; begun in this order. */
async function oneOfEach(): Promise<void> {
  await client.upload("stored", postOf({ name: "stored.raw" }));
  const names = ["failed.raw", "waiting.raw", "here.raw"];
  for (const [index, name] of names.entries()) {
    const other = await world.connect(index + 2);
    await other.ask(postOf({ name, info: { size: 10 } }));
    other.chunk(0, "half ");
    await world.settle();
    if (name === "failed.raw") await other.ask({ type: "error", code: 499, text: "Cancelled" });
    // Its client is gone.
    if (name === "waiting.raw") other.close();
  }
  await world.settle();
}

describe("a list", () => {
  test("has each upload in the state that people know, the latest first", async () => {
    await oneOfEach();
    world.clock.advance(60_000);
    await world.settle();
    const { uploads, more } = await list();
    expect(more).toBe(false);
    const byName = new Map(uploads.map((it) => [it.name, it]));
    expect(byName.get("stored.raw")).toMatchObject({ state: "stored", size: 6, bytes: 6, user: "anna" });
    expect(byName.get("failed.raw")).toMatchObject({ state: "failed", code: 499 });
    expect(byName.get("waiting.raw")).toMatchObject({ size: 10 });
    expect(uploads.map(({ name }) => name).at(-1)).toBe("stored.raw");
  });

  test("by state tells what has a client from what has none", async () => {
    await client.ask(postOf({ name: "here.raw", info: { size: 10 } }));
    client.chunk(0, "half ");
    await world.settle();
    expect(await list({ states: ["receiving"] })).toMatchObject({
      uploads: [{ name: "here.raw", bytes: 5 }],
    });
    expect((await list({ states: ["waiting", "stored"] })).uploads).toEqual([]);
    await world.server.stop();
    await world.start();
    expect((await list({ states: ["receiving"] })).uploads).toEqual([]);
    expect((await list({ states: ["waiting", "stored"] })).names).toEqual(["here.raw"]);
  });

  test("ends at its limit, and says whether there are more", async () => {
    for (const number of [1, 2, 3])
      await (await world.connect(number)).upload("x", postOf({ name: `${number}.raw` }));
    expect(await list({}, 3)).toMatchObject({ listed: 3, more: false });
    expect(await list({}, 2)).toMatchObject({ listed: 2, more: true });
    expect(await list({ name: (name) => name === "1.raw" }, 1)).toMatchObject({
      names: ["1.raw"],
      more: false,
    });
  });

  test("by a value finds metadata that are beside the file only, and counts those that nobody has any more", async () => {
    const large = (name: string) =>
      postOf({ name, metadataText: JSON.stringify({ run: name, text: "x".repeat(metadataBytesKept) }) });
    for (const [number, name] of ["a.raw", "b.raw", "c.raw"].entries())
      await (await world.connect(number + 1)).upload("x", large(name));
    world.storage.remove("anna", "c.raw");
    const fields = [{ path: "run", value: "b.raw" }];
    expect(await list({ fields })).toMatchObject({ names: ["b.raw"], listed: 1, unsure: 1 });
  });

  test("is given up when nobody waits for it", async () => {
    await client.upload("x");
    const gone = new AbortController();
    gone.abort(new Error("gone"));
    const told = world.server.records.list({}, 9, async () => {}, gone.signal);
    await expect(told).rejects.toThrow("gone");
  });
});

describe("one upload", () => {
  test("is found by the beginning of its id, if that is its alone", async () => {
    for (const number of [1, 2])
      await (await world.connect(number)).upload("x", postOf({ name: `${number}.raw` }));
    const { records } = world.server;
    expect((await records.find(idOf(1))).name).toBe("1.raw");
    const several = records.find(idOf(1).slice(0, 8));
    await expect(several).rejects.toMatchObject({ code: "usage", message: expect.stringContaining(idOf(2)) });
    await expect(records.find("ff")).rejects.toMatchObject({ code: "unknown-upload" });
  });

  test("is shown with where it lies, who sent it and what it had to say", async () => {
    await client.upload("content", postOf({ info: { client: "dync 9", modified: "2026-01-01T00:00:00Z" } }));
    const shown = await world.server.records.show(idOf(1));
    expect(shown).toMatchObject({
      ...{
        state: "stored",
        location: "anna/a.raw",
        path: "anna/a.raw",
        isThere: true,
        size: 7,
        client: "dync 9",
      },
      ...{ fingerprint: userKeys.anna.publicKey.fingerprint, metadataText: '{"sample":"A1"}', list: null },
      ...{ modified: "2026-01-01T00:00:00Z", bytesPerSecond: null },
    });
    world.storage.remove("anna", "a.raw");
    expect(await world.server.records.show(idOf(1))).toMatchObject({
      isThere: false,
      metadataText: '{"sample":"A1"}',
    });
  });

  const storyOf = async (kind: string) =>
    (await world.server.records.show(idOf(1))).story.filter((it) => it.kind === kind).map(({ text }) => text);

  test("tells how often its client went on with it, and nothing of that where it did not", async () => {
    await client.ask(postOf({ info: { size: 9 } }));
    for (const [offset, text] of ["one", "two"].entries()) {
      client.chunk(3 * offset, text);
      await world.settle();
      expect(await storyOf("resumed")).toEqual(offset === 0 ? [] : ["Gone on with after a pause"]);
      client.close();
      await world.server.stop();
      await world.start();
      client = await world.connect();
      expect(await client.whereToGoOn()).toBe(3 * (offset + 1));
      await world.settle();
    }
    expect(await storyOf("resumed")).toEqual(["Gone on with after a pause, for the 2nd time"]);
  });

  test("tells of none that was only given up when its client was back", async () => {
    await client.ask(postOf({ info: { size: 9 } }));
    client.chunk(0, "one");
    await world.settle();
    client.close();
    await world.server.stop();
    await world.start();
    client = await world.connect();
    await client.ask({ type: "error", code: 499, text: "Cancelled" });
    await world.settle();
    expect(await storyOf("failed")).toEqual(["Ended without being stored (cancelled): Cancelled"]);
    expect(await storyOf("resumed")).toEqual([]);
  });

  test("that was amended tells when, and when it was stored all the same", async () => {
    await client.upload("content");
    const storedAt = world.clock.date().toISOString();
    world.clock.advance(3_600_000);
    await world.server.amendments.amend(idOf(1), '{"sample":"A2"}');
    const { story } = await world.server.records.show(idOf(1));
    const atOf = (kind: string) => story.find((it) => it.kind === kind)?.at;
    expect([atOf("stored"), atOf("amended")]).toEqual([storedAt, world.clock.date().toISOString()]);
  });

  test("that comes is shown with how far it is, and how fast", async () => {
    await client.ask(postOf({ info: { size: 4096 } }));
    client.chunk(0, "x".repeat(1000));
    await world.settle();
    world.clock.advance(2000);
    expect(await world.server.records.show(idOf(1))).toMatchObject({
      ...{ state: "receiving", bytes: 1000, size: 4096, bytesPerSecond: 500, isThere: null, sha256: null },
    });
  });
});
