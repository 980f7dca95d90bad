// What a client without credit is told of what it waits for, on the whole server: who asked for it, and nobody else.

import { afterEach, describe, expect, test } from "bun:test";
import type { HookOutcome } from "../../src/hooks/runner.ts";
import type { ServerMessage } from "../../src/protocol/wire/message.ts";
import { postOf, ServerWorld, type TestClient } from "./server-world.ts";

let world: ServerWorld;

afterEach(async () => {
  await world.server.stop();
  await world.settle();
  expect(world.network.messagesHeld).toBe(0);
});

const size = 100_000;
const wishes = { waits: true } as const;

async function asks(client: TestClient, tag: number, info = {}): Promise<ServerMessage> {
  return await client.ask({ type: "query-status", seek: 0, tag, ...info });
}

describe("a client that waits for memory", () => {
  // All that there is has the first one, which lets it lie.
  async function secondOf(two: readonly [info: object, info: object]): Promise<readonly TestClient[]> {
    world = new ServerWorld();
    await world.start({ memoryBytes: 3 * 1024 });
    const clients: TestClient[] = [];
    for (const [at, info] of two.entries()) {
      const client = await world.connect(at + 1, at === 0 ? "anna" : "bert");
      client.send(postOf({ name: `${at}.raw`, info: { size, ...info } }));
      expect(await client.hear()).toMatchObject({ type: "upload-approved", credit: at === 0 ? 3 : 0 });
      clients.push(client);
    }
    return clients;
  }

  test("is told so, with its place, where it wants to know", async () => {
    const [, second] = await secondOf([{}, wishes]);
    expect(await asks(second!, 1)).toMatchObject({ credit: 0, tag: 1, info: { waits: "memory", ahead: 0 } });
  });

  test("is told nothing where it does not", async () => {
    const [, second] = await secondOf([wishes, {}]);
    expect(await asks(second!, 1)).toEqual({ type: "status-report", seek: 0, credit: 0, tag: 1 });
  });

  test("may say with a question that it wants to know", async () => {
    const [first, second] = await secondOf([{}, {}]);
    expect(await asks(second!, 1, { info: wishes })).toMatchObject({ info: { waits: "memory" } });
    expect(await asks(first!, 1, { info: wishes })).toEqual({
      type: "status-report",
      seek: 0,
      credit: 3,
      tag: 1,
    });
  });
});

describe("after a restart of the server", () => {
  test("a question says how urgent the upload is, and what it waits for is told", async () => {
    world = new ServerWorld();
    await world.start({ limits: { priority: "high" } });
    const client = await world.connect();
    client.send(postOf({ info: { size, priority: "high", ...wishes } }));
    expect(await client.hear()).toMatchObject({ info: { priority: "high" } });
    client.send({ type: "post-chunk", seek: 0, data: new Uint8Array(1024), checksum: null });
    await world.settle();
    await world.server.stop();
    await world.start({ limits: { priority: "high" } });
    const again = await world.connect();
    const question = {
      type: "query-status",
      seek: 1024,
      tag: 7,
      info: { priority: "high", ...wishes },
    } as const;
    expect(await again.ask(question)).toMatchObject({ type: "upload-approved", info: { priority: "high" } });
    // It reads what it has.
    expect(await again.hear()).toMatchObject({ seek: 1024, credit: 0, tag: 7, info: { waits: "hash" } });
  });
});

test("a client whose upload a hook is asked about is told so when it posts again", async () => {
  world = new ServerWorld();
  const asked = Promise.withResolvers<HookOutcome>();
  world.hooks = {
    hooksOf: () => [
      {
        ...{ name: "lims", event: "before", target: { type: "program", command: ["/bin/check"] } },
        ...{ timeoutMs: 10_000, atOnce: 4, onFailure: "refuse" },
      },
    ],
    run: () => asked.promise,
    random: () => 1,
  };
  await world.start();
  const client = await world.connect();
  const post = postOf({ info: { size, ...wishes } });
  client.send(post);
  await world.settle();
  client.send(post);
  await world.settle();
  expect(client.credits).toEqual([{ type: "transfer-credit", amount: 0, info: { waits: "hook" } }]);
  asked.resolve({ type: "done", output: Buffer.from("") });
  expect(await client.hear()).toMatchObject({ type: "upload-approved" });
});
