// One connection of the client: order, what is kept back while the network is behind, and memory.

import { beforeEach, describe, expect, test } from "bun:test";
import { Connection } from "../../src/client/connection.ts";
import { encodeClientMessage } from "../../src/protocol/wire/encode.ts";
import type { ClientTransport } from "../../src/transport/transport.ts";
import { MemoryNetwork } from "../support/memory/network.ts";
import { clientKeys, identity } from "./client-world.ts";
import { ScriptedServer, serverKeys } from "./scripted-server.ts";

let network: MemoryNetwork;
let transport: ClientTransport;
let server: ScriptedServer;
let told: string[];

beforeEach(() => {
  network = new MemoryNetwork({ queueMessagesMax: 2 });
  transport = network.client();
  server = new ScriptedServer(network);
  told = [];
});

async function connect(): Promise<Connection> {
  const up = Promise.withResolvers<void>();
  const options = { host: "server", port: 8889, serverKey: serverKeys.publicKey, keys: clientKeys };
  const connection = new Connection(
    transport,
    { ...options, identity },
    {
      onUp: () => up.resolve(),
      onInput: (input) => told.push(input.type === "message" ? input.message.type : input.type),
      onDrained: () => told.push("drained"),
      onDown: (failure) => told.push(failure),
    },
  );
  await up.promise;
  return connection;
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** A chunk at `offset` in message memory of the transport. */
function chunkAt(offset: number) {
  const header = encodeClientMessage({
    type: "post-chunk",
    seek: offset,
    data: new Uint8Array(0),
    checksum: null,
  });
  const block = transport.allocate(10);
  return [...header.slice(0, 3), block];
}

test("what the network does not take yet leaves later, in order, and the end of that is told", async () => {
  const connection = await connect();
  for (let offset = 0; offset < 6; offset++) connection.send(chunkAt(offset));
  expect(connection.isBehind).toBe(true);
  const seeks: number[] = [];
  for (let turn = 0; turn < 6; turn++) seeks.push((await server.expect("post-chunk")).seek);
  expect(seeks).toEqual([0, 1, 2, 3, 4, 5]);
  await settle();
  expect(connection.isBehind).toBe(false);
  expect(told).toContain("drained");
  expect(network.messagesHeld).toBe(0);
});

describe("memory is released", () => {
  test("of what was kept back when the connection is closed", async () => {
    const connection = await connect();
    for (let offset = 0; offset < 6; offset++) connection.send(chunkAt(offset));
    connection.close(0);
    connection.close(0);
    await settle();
    expect(network.messagesHeld).toBe(0);
  });

  test("of what is sent after the connection was closed, or went down", async () => {
    const connection = await connect();
    server.cut();
    await settle();
    expect(told).toEqual(["lost"]);
    connection.send(chunkAt(0));
    connection.close(0);
    connection.send(chunkAt(1));
    await settle();
    expect(network.messagesHeld).toBe(0);
  });
});

test("after it was closed nothing is told any more", async () => {
  const connection = await connect();
  connection.send(encodeClientMessage({ type: "query-status" }));
  await server.expect("query-status");
  server.sendError(404);
  connection.close(0);
  server.cut();
  await settle();
  expect(told).toEqual([]);
});

test("what is no message of the protocol is told as such", async () => {
  const connection = await connect();
  connection.send(encodeClientMessage({ type: "query-status" }));
  await server.expect("query-status");
  server.sendFrames([Buffer.from("nonsense")]);
  server.sendError(404);
  await settle();
  expect(told).toEqual(["malformed", "error"]);
  connection.close(0);
});
