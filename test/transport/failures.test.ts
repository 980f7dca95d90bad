// What a client is told when a connection does not come about, against the real thing each time; and how events
// of libzmq become reasons.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { createServer, type Server, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { generateKeyPair } from "../../src/keys/key.ts";
import type { LinkFailure, ServerLink } from "../../src/transport/transport.ts";
import { monitorEvent } from "../../src/transport/zmq/constants.ts";
import { attemptStart, stepOf } from "../../src/transport/zmq/link-failure.ts";
import { openZmqTransport, type ZmqTransport } from "../../src/transport/zmq/zmq-transport.ts";
import { ipv6Missing, moreLoopbackMissing } from "../support/loopback.ts";
import { ClientRecorder, ServerRecorder } from "./recorder.ts";

const fullListener = fileURLToPath(new URL("./programs/full_listener.py", import.meta.url));
const waitingClient = fileURLToPath(new URL("./programs/waiting-client.ts", import.meta.url));
const hasPython = process.platform === "linux" && spawnSync("python3", ["--version"]).status === 0;
const serverKeys = generateKeyPair();
const clientKeys = generateKeyPair();

let transport: ZmqTransport;
let servers: Server[];

beforeEach(async () => {
  transport = await openZmqTransport({ times: { connectMs: 700, handshakeMs: 500 } });
  servers = [];
});

afterEach(async () => {
  await transport.close();
  for (const server of servers) server.close();
  expect(transport.messagesHeld).toBe(0);
});

const zmtpSignature = Uint8Array.of(0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3);

/** A TCP server that does what it is told with each connection; returns its port. */
async function tcpServer(onConnection: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    onConnection(socket);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

async function failureAt(port: number, host = "127.0.0.1"): Promise<LinkFailure> {
  const events = new ClientRecorder();
  const identity = new Uint8Array(16).fill(1);
  transport.connect(
    { host, port, serverKey: serverKeys.publicKey, keys: clientKeys, identity, frameBytesMax: 10_000 },
    events,
  );
  return await events.failure();
}

describe("a client that connects to something else", () => {
  test("an HTTP server: not-dync", async () => {
    const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("hello") });
    expect(await failureAt(server.port as number)).toBe("not-dync");
    await server.stop(true);
  });

  test("a server that greets first, as ssh does: not-dync", async () => {
    const port = await tcpServer((socket) => socket.write("SSH-2.0-OpenSSH_9.2\r\n"));
    expect(await failureAt(port)).toBe("not-dync");
  });

  test("a server that hangs up at once: not-dync", async () => {
    const port = await tcpServer((socket) => socket.destroy());
    expect(await failureAt(port)).toBe("not-dync");
  });

  test("a server that never says a word: handshake-timeout", async () => {
    const port = await tcpServer(() => {});
    expect(await failureAt(port)).toBe("handshake-timeout");
  });

  test("a server that hangs up once and says nothing to the next: handshake-timeout", async () => {
    // A dync server that is overloaded looks like that. Whoever is told that there is none does not try for long.
    let connections = 0;
    const port = await tcpServer((socket) => {
      connections += 1;
      // The second half of the greeting never comes.
      if (connections === 1)
        socket.once("data", () => socket.write(zmtpSignature, () => socket.resetAndDestroy()));
    });
    expect(await failureAt(port)).toBe("handshake-timeout");
    expect(connections).toBe(2);
  });

  test("waits for it at rest", async () => {
    const port = await tcpServer(() => {});
    const handshakeMs = 1500;
    const command = [process.execPath, waitingClient, String(port), String(handshakeMs)];
    const child = Bun.spawn(command, { stdio: ["ignore", "pipe", "inherit"] });
    const { failure, cpuMs } = JSON.parse(await child.stdout.text());
    expect(failure).toBe("handshake-timeout");
    // It takes 2 % of the time; a poller that finds nothing to do and asks again would take most of it.
    expect(cpuMs).toBeLessThan(handshakeMs / 2);
  });

  test.skipIf(!hasPython)(
    "a host that does not answer: unreachable, after the time for connecting (skipped without Linux and python3)",
    async () => {
      const child = spawn("python3", [fullListener], { stdio: ["pipe", "pipe", "inherit"] });
      const port = await new Promise<number>((resolve) => {
        child.stdout.once("data", (bytes: Buffer) => resolve(Number(bytes.toString())));
      });
      expect(await failureAt(port)).toBe("unreachable");
      child.stdin.end();
    },
  );

  test("a port that nobody listens on: refused", async () => {
    const port = await tcpServer(() => {});
    await new Promise((resolve) => servers.pop()?.close(resolve));
    expect(await failureAt(port)).toBe("refused");
  });
});

const addressesMissing = moreLoopbackMissing ?? ipv6Missing;

describe.skipIf(addressesMissing !== null)(`a name (${addressesMissing ?? "127.0.0.2, ::1"})`, () => {
  const byAddress = new Map<string, readonly string[]>();
  const asked: string[] = [];
  const ofServers: ZmqTransport[] = [];

  beforeEach(async () => {
    await transport.close();
    asked.length = 0;
    const lookUp = async (host: string) => {
      asked.push(host);
      return byAddress.get(host) ?? [];
    };
    transport = await openZmqTransport({ times: { connectMs: 700, handshakeMs: 500 }, lookUp });
  });

  afterEach(async () => {
    for (const one of ofServers.splice(0)) await one.close();
  });

  async function listenAt(address: string, port = 0, keys = serverKeys): Promise<ServerLink> {
    const options = { address, port, keys, frameBytesMax: 10_000 };
    const own = await openZmqTransport();
    ofServers.push(own);
    return own.listen({ ...options, authorize: () => "alice" }, new ServerRecorder());
  }

  function connectTo(host: string, port: number): ClientRecorder {
    const events = new ClientRecorder();
    const identity = new Uint8Array(16).fill(2);
    const { publicKey: serverKey } = serverKeys;
    const options = { host, port, serverKey, keys: clientKeys, identity, frameBytesMax: 10_000 };
    transport.connect(options, events);
    return events;
  }

  test.each([
    ["nobody listens at", ["127.0.0.3", "127.0.0.1"]],
    ["somebody else is at", ["127.0.0.2", "127.0.0.1"]],
    ["both, and one of IPv6,", ["::1", "127.0.0.3", "127.0.0.2", "127.0.0.1"]],
  ])("with several addresses, of which %s the first: the server is found", async (_, addresses) => {
    byAddress.set("lab", addresses);
    const { port } = await listenAt("127.0.0.1");
    await listenAt("127.0.0.2", port, generateKeyPair());
    expect(await connectTo("lab", port).next()).toEqual({ type: "up" });
  });

  test("with several addresses, one of which never says a word: the server is found", async () => {
    byAddress.set("lab", ["127.0.0.1", "127.0.0.2"]);
    const port = await tcpServer(() => {});
    await listenAt("127.0.0.2", port);
    expect(await connectTo("lab", port).next()).toEqual({ type: "up" });
  });

  test("of whose addresses none is the server's: what may pass is told rather than who else is there", async () => {
    byAddress.set("lab", ["127.0.0.2", "127.0.0.3"]);
    const { port } = await listenAt("127.0.0.2", 0, generateKeyPair());
    expect(await connectTo("lab", port).failure()).toBe("refused");
    byAddress.set("lab", ["127.0.0.2"]);
    expect(await connectTo("lab", port).failure()).toBe("server-key-mismatch");
  });

  test("that leads elsewhere after the server has moved there is followed", async () => {
    byAddress.set("lab", ["127.0.0.1"]);
    const first = await listenAt("127.0.0.1");
    const { port } = first;
    const events = connectTo("lab", port);
    expect(await events.next()).toEqual({ type: "up" });
    await listenAt("127.0.0.2", port);
    byAddress.set("lab", ["127.0.0.2"]);
    first.close();
    expect(await events.failure()).toBe("lost");
    expect(await connectTo("lab", port).next()).toEqual({ type: "up" });
    expect(asked).toEqual(["lab", "lab"]);
  });

  test("that the system knows, and an address of IPv6 in brackets or without, lead to the server", async () => {
    await transport.close();
    transport = await openZmqTransport({ times: { connectMs: 700, handshakeMs: 500 } });
    const { port } = await listenAt("127.0.0.1");
    expect(await connectTo("localhost", port).next()).toEqual({ type: "up" });
    const ofIpv6 = await listenAt("::1");
    for (const host of ["::1", "[::1]"])
      expect(await connectTo(host, ofIpv6.port).next()).toEqual({ type: "up" });
  });
});

describe("events of a connection", () => {
  const connected = { isConnected: true, isUp: false };
  const up = { isConnected: true, isUp: true };

  test("progress from nothing to up", () => {
    const first = stepOf(attemptStart, { event: monitorEvent.connected, value: 7 });
    expect(first).toEqual({ type: "progress", state: connected });
    const second = stepOf(connected, { event: monitorEvent.handshakeSucceeded, value: 0 });
    expect(second).toEqual({ type: "progress", state: up });
  });

  for (const [what, state, event, value, expected] of [
    ["closed before it connected", attemptStart, monitorEvent.closed, 7, { type: "probe-connect" }],
    [
      "refused key",
      connected,
      monitorEvent.handshakeFailedAuth,
      400,
      { type: "failed", failure: "key-refused" },
    ],
    [
      "ZAP 300",
      connected,
      monitorEvent.handshakeFailedAuth,
      300,
      { type: "failed", failure: "server-error" },
    ],
    [
      "ZAP 500",
      connected,
      monitorEvent.handshakeFailedAuth,
      500,
      { type: "failed", failure: "server-error" },
    ],
    ["broken handshake", connected, monitorEvent.handshakeFailedNoDetail, 32, { type: "probe-handshake" }],
    ["no handshake", connected, monitorEvent.disconnected, 7, { type: "failed", failure: "not-dync" }],
    ["broken connection", up, monitorEvent.disconnected, 7, { type: "failed", failure: "lost" }],
  ] as const) {
    test(`${what}: ${expected.type === "failed" ? expected.failure : expected.type}`, () => {
      expect(stepOf(state, { event, value })).toEqual(expected);
    });
  }
});
