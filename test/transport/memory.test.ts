// The memory transport: the contract, and the faults that a test can choose.

import { describe, expect, test } from "bun:test";
import { generateKeyPair } from "../../src/keys/key.ts";
import { MemoryNetwork, type MemoryNetworkOptions, type MessageFate } from "../support/memory/network.ts";
import { describeTransport } from "./contract.ts";
import { ClientRecorder, ServerRecorder, textsOf } from "./recorder.ts";

describeTransport("the memory transport", async () => {
  const network = new MemoryNetwork();
  const client = network.client();
  const server = network.server();
  return {
    client,
    server,
    secondServer: network.server(),
    close: async () => {
      await client.close();
      await server.close();
      return network.messagesHeld;
    },
  };
});

describe("faults of the memory transport", () => {
  const serverKeys = generateKeyPair();
  const clientKeys = generateKeyPair();

  /** A server and a client that is up, on a network with these options. */
  async function pair(options: MemoryNetworkOptions) {
    const network = new MemoryNetwork(options);
    const serverEvents = new ServerRecorder();
    const listening = { address: "*", port: 8889, keys: serverKeys, frameBytesMax: 1000 };
    const server = network.server().listen({ ...listening, authorize: () => "alice" }, serverEvents);
    const clientEvents = new ClientRecorder();
    const client = network.client().connect(
      {
        host: "server",
        port: server.port,
        serverKey: serverKeys.publicKey,
        keys: clientKeys,
        identity: new Uint8Array(16).fill(1),
        frameBytesMax: 1000,
      },
      clientEvents,
    );
    expect(await clientEvents.next()).toEqual({ type: "up" });
    return { network, server, serverEvents, client, clientEvents };
  }

  test("messages can be dropped, repeated, or cut the connection", async () => {
    const fates: MessageFate[] = ["drop", "repeat", "cut"];
    const { client, clientEvents, serverEvents, network } = await pair({
      onMessage: () => fates.shift() ?? "deliver",
    });
    client.send([Buffer.from("dropped")]);
    client.send([Buffer.from("repeated")]);
    expect(textsOf(await serverEvents.message())).toEqual(["repeated"]);
    expect(textsOf(await serverEvents.message())).toEqual(["repeated"]);
    client.send([Buffer.from("cut")]);
    expect(await clientEvents.failure()).toBe("lost");
    expect(client.send([Buffer.from("x")])).toBe("unreachable");
    expect(network.messagesHeld).toBe(0);
  });

  test("a mute connection swallows everything and tells nobody", async () => {
    const { client, clientEvents, serverEvents, network, server } = await pair({});
    network.connections[0]?.mute();
    expect(client.send([Buffer.from("x")])).toBe("sent");
    expect(server.send("01".repeat(16), [Buffer.from("x")])).toBe("sent");
    await Promise.resolve();
    expect(serverEvents.count).toBe(0);
    expect(clientEvents.count).toBe(1);
    network.connections[0]?.cut();
    expect(await clientEvents.failure()).toBe("lost");
  });

  test("messages of a connection stay in order under any schedule", async () => {
    const tasks: (() => void)[] = [];
    let isHeldBack = false;
    const { client, serverEvents } = await pair({
      schedule: (task) => (isHeldBack ? tasks.push(task) : queueMicrotask(task)),
    });
    isHeldBack = true;
    for (const text of ["a", "b", "c"]) client.send([Buffer.from(text)]);
    for (const task of tasks.reverse()) task();
    for (const text of ["a", "b", "c"]) expect(textsOf(await serverEvents.message())).toEqual([text]);
  });

  test("a host can be out of reach", async () => {
    const network = new MemoryNetwork({ onConnect: () => "unreachable" });
    const events = new ClientRecorder();
    const identity = new Uint8Array(16).fill(1);
    const options = { host: "server", port: 1, serverKey: serverKeys.publicKey, keys: clientKeys };
    network.client().connect({ ...options, identity, frameBytesMax: 1000 }, events);
    expect(await events.failure()).toBe("unreachable");
  });
});
