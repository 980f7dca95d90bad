// Uploads that whoever looks after a server ends: their bytes go, their clients hear why, and nothing else ends with them.

import { beforeEach, describe, expect, test } from "bun:test";
import type { ShownUpload } from "../../src/server/upload-records.ts";
import { idOf } from "../storage/contract.ts";
import { postOf, ServerWorld, type TestClient } from "./server-world.ts";

let world: ServerWorld;
let client: TestClient;

beforeEach(async () => {
  world = new ServerWorld();
  await world.start();
  client = await world.connect();
});

const never = new AbortController().signal;
const stateOf = (number: number) => world.catalogue.peek(idOf(number))?.state;

/** Begins an upload, and sends a part of it. */
async function begin(of = client, name = "a.raw"): Promise<void> {
  await of.ask(postOf({ name, info: { size: 100 } }));
  of.chunk(0, "part");
  await world.settle();
}

/** The server ends and starts again: what was open waits for its client. */
async function restart(): Promise<void> {
  await world.server.stop();
  await world.start();
}

describe("cancel", () => {
  test("tells the client, for good, and deletes what had come; the name is free", async () => {
    await begin();
    const [shown] = await world.server.ends.cancel([idOf(1)]);
    expect(shown).toMatchObject({ name: "a.raw", state: "receiving", bytes: 4 });
    const heard = await client.hear();
    expect(heard).toMatchObject({ type: "error", code: 415 });
    expect(JSON.stringify(heard)).toContain("was cancelled on the server");
    expect(world.catalogue.peek(idOf(1))).toMatchObject({ state: "failed", errorCode: 415 });
    expect(world.catalogue.peek(idOf(1))?.reason).toContain("was cancelled on the server");
    expect(await Array.fromAsync(world.storage.ids())).toEqual([]);
    // The same again is answered the same; another one may have the name.
    expect(await client.ask(postOf({ info: { size: 100 } }))).toMatchObject({ code: 415 });
    expect(await (await world.connect(2)).upload("whole")).toMatchObject({ type: "upload-finished" });
  });

  test("ends one that waits for its client as well, which hears of it when it is back", async () => {
    await begin();
    await restart();
    await world.server.ends.cancel([idOf(1)]);
    expect(stateOf(1)).toBe("failed");
    expect(await Array.fromAsync(world.storage.ids())).toEqual([]);
    const back = await world.connect();
    expect(await back.ask({ type: "query-status" })).toMatchObject({ type: "error", code: 415 });
  });

  test("of several ends all or, where one cannot be, none; what is named twice is ended once", async () => {
    await (await world.connect(2)).upload("x", postOf({ name: "stored.raw" }));
    await begin();
    const stored = world.server.ends.cancel([idOf(2), idOf(1)]);
    await expect(stored).rejects.toThrow("it is stored");
    await expect(world.server.ends.cancel([idOf(2), "f"])).rejects.toMatchObject({ code: "unknown-upload" });
    expect(stateOf(2)).toBe("open");
    expect(await world.server.ends.cancel([idOf(2), idOf(2)])).toHaveLength(1);
    expect(stateOf(2)).toBe("failed");
    expect(world.published()).toEqual(["anna/stored.raw"]);
  });

  test("that comes too late says so, and what was stored stays", async () => {
    await begin();
    let go = (): void => {};
    world.before = ({ type }) =>
      type === "publish" ? new Promise((resolve) => (go = () => resolve())) : undefined;
    client.chunk(4, "x".repeat(96));
    // Credit for the last chunk of so small an upload comes when the ones before are stored.
    await world.settle();
    client.end(`part${"x".repeat(96)}`);
    await world.settle();
    expect(stateOf(1)).toBe("publishing");
    await expect(world.server.ends.cancel([idOf(1)])).rejects.toThrow("it gets its name");
    go();
    expect(await client.hear()).toMatchObject({ type: "upload-finished" });
    expect(world.published()).toEqual(["anna/a.raw"]);
  });
});

describe("expire", () => {
  test("gives up what waits for its client, which begins anew", async () => {
    await begin();
    await restart();
    expect(await world.server.ends.expire([idOf(1)])).toMatchObject([{ state: "waiting", name: "a.raw" }]);
    expect(world.catalogue.peek(idOf(1))).toMatchObject({ state: "failed", errorCode: 408 });
    expect(world.catalogue.peek(idOf(1))?.reason).toContain("Expired before its time");
    expect(await Array.fromAsync(world.storage.ids())).toEqual([]);
  });

  test("leaves alone what has a client, and says what would end it", async () => {
    await begin();
    const refused = world.server.ends.expire([idOf(1)]);
    await expect(refused).rejects.toMatchObject({
      code: "usage",
      hint: expect.stringContaining(`uploads cancel ${idOf(1)}`),
    });
    expect(stateOf(1)).toBe("open");
  });

  test("by age takes those of which nothing was heard for so long, of one user, and counts what that frees", async () => {
    const bert = await world.connect(2, "bert");
    await begin();
    await begin(bert, "b.raw");
    await restart();
    await begin(await world.connect(3), "new.raw");
    const told: ShownUpload[] = [];
    const all = (change: { readonly user?: string; readonly before?: string }, isTrial: boolean) => {
      const before = new Date(world.clock.date().getTime() + 1).toISOString();
      return world.server.ends.expireAll(
        { before, ...change },
        isTrial,
        async (it) => void told.push(it),
        never,
      );
    };
    expect(await all({ before: "2000-01-01T00:00:00.000Z" }, false)).toEqual({ uploads: 0, bytes: 0 });
    expect(await all({}, true)).toEqual({ uploads: 2, bytes: 8 });
    expect([stateOf(1), stateOf(2), stateOf(3)]).toEqual(["open", "open", "open"]);
    told.length = 0;
    expect(await all({ user: "bert" }, false)).toEqual({ uploads: 1, bytes: 4 });
    expect(told).toMatchObject([{ name: "b.raw", user: "bert" }]);
    expect([stateOf(1), stateOf(2), stateOf(3)]).toEqual(["open", "failed", "open"]);
    expect(await all({}, false)).toEqual({ uploads: 1, bytes: 4 });
    // The one with a client goes on.
    expect(stateOf(3)).toBe("open");
  });
});
