// A server with several addresses, on real sockets: which of them is tried when, how long one that is of no use costs, and who is told what.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { systemClock } from "../../src/base/clock.ts";
import type { Place, Places } from "../../src/base/server-place.ts";
import { generateKeyPair } from "../../src/keys/key.ts";
import type { FailedAt, LinkFailure } from "../../src/transport/transport.ts";
import { placesIn, recordsOf, type ServiceRecord } from "../../src/transport/zmq/addresses.ts";
import { type LinkTimes, linkTimes } from "../../src/transport/zmq/options.ts";
import {
  openZmqTransport,
  type ZmqTransport,
  type ZmqTransportOptions,
} from "../../src/transport/zmq/zmq-transport.ts";
import { type FaultyProxy, startFaultyProxy } from "../support/faulty-proxy.ts";
import { startNameServer } from "../support/name-server.ts";
import { freePort, listening } from "../support/ports.ts";
import { ClientRecorder, ServerRecorder } from "./recorder.ts";

const serverKeys = generateKeyPair();
const clientKeys = generateKeyPair();
const host = "127.0.0.1";
// Enough for a busy machine; the time for all that is tried in a hurry is as short as a test wants it.
const times: LinkTimes = { connectMs: 20_000, handshakeMs: 20_000, hurriedMs: 5_000 };

/** Notes also where, and who else was met. */
class Recorder extends ClientRecorder {
  readonly strangers: number[] = [];
  at: FailedAt | undefined;

  override onDown = (failure: LinkFailure, at?: FailedAt): void => {
    this.at = at;
    this.tell({ type: "down", failure });
  };

  onStranger = ({ port }: Place): void => void this.strangers.push(port);
}

let transport: ZmqTransport;
let opened: ZmqTransport[];
let listeners: Server[];
let proxies: FaultyProxy[];

async function open(options: ZmqTransportOptions = {}): Promise<ZmqTransport> {
  const one = await openZmqTransport({ ...options, times: { ...times, ...options.times } });
  opened.push(one);
  return one;
}

beforeEach(async () => {
  [opened, listeners, proxies] = [[], [], []];
  transport = await open();
});

afterEach(async () => {
  for (const one of opened) {
    await one.close();
    expect(one.messagesHeld).toBe(0);
  }
  for (const one of listeners) one.close();
  for (const one of proxies) await one[Symbol.asyncDispose]();
});

async function serve(keys = serverKeys): Promise<number> {
  const own = await open();
  const options = { address: host, port: 0, keys, frameBytesMax: 10_000, authorize: () => "alice" };
  return own.listen(options, new ServerRecorder()).port;
}

async function proxyTo(targetPort: number): Promise<FaultyProxy> {
  const proxy = await startFaultyProxy({ targetPort });
  proxies.push(proxy);
  return proxy;
}

/** A port that takes connections and does with them as it is told: nothing, as a frozen server. */
async function frozen(onConnection: (socket: Socket) => void = () => {}): Promise<number> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    onConnection(socket);
  });
  listeners.push(server);
  return await listening(server);
}

function serverAt(...ports: readonly number[]): Places {
  const [first, ...others] = ports.map((port) => ({ host, port })) as [Place, ...Place[]];
  return { ...first, alsoAt: others };
}

function connect(server: Places, through = transport): Recorder & { close(): void } {
  const events = new Recorder();
  const options = { identity: new Uint8Array(16).fill(1), frameBytesMax: 10_000, keys: clientKeys };
  const link = through.connect({ ...server, serverKey: serverKeys.publicKey, ...options }, events);
  return Object.assign(events, { close: () => link.close() });
}

describe("a server with several addresses is found", () => {
  test("past ports that refuse, at once", async () => {
    const since = systemClock.now();
    const server = serverAt(await freePort(), await freePort(), await freePort(), await serve());
    expect(await connect(server).next()).toEqual({ type: "up" });
    // A refusal is an answer: nothing of the times for those who do not answer goes by.
    expect(systemClock.now() - since).toBeLessThan(times.hurriedMs);
  });

  test("past one that takes connections and says nothing, after seconds, and kept to from then on", async () => {
    const still: Socket[] = [];
    const server = serverAt(await frozen((socket) => still.push(socket)), await serve());
    const hurried = await open({ times: { hurriedMs: 300 } });
    const since = systemClock.now();
    const first = connect(server, hurried);
    expect(await first.next()).toEqual({ type: "up" });
    expect(systemClock.now() - since).toBeLessThan(times.handshakeMs);
    expect(still.length).toBe(1);
    first.close();
    expect(await connect(server, hurried).next()).toEqual({ type: "up" });
    expect(still.length).toBe(1);
  });

  test("as one that other transports of the process keep to as well", async () => {
    const [proxy, other] = [await proxyTo(await serve()), await freePort()];
    const lastWays = new Map();
    const [one, another] = [await open({ lastWays }), await open({ lastWays })];
    expect(await connect(serverAt(other, proxy.port), one).next()).toEqual({ type: "up" });
    const second = await proxyTo(proxy.port);
    expect(await connect(serverAt(other, second.port, proxy.port), another).next()).toEqual({ type: "up" });
    expect(second.counters.connections).toBe(0);
  });

  test("at the other one, when that which worked is gone", async () => {
    const port = await serve();
    const [one, other] = [await proxyTo(port), await proxyTo(port)];
    const server = serverAt(one.port, other.port);
    const events = connect(server);
    expect(await events.next()).toEqual({ type: "up" });
    one.faults = { refuse: true };
    one.cut();
    expect(await events.failure()).toBe("lost");
    expect(events.at).toEqual({ host, port: one.port, others: 0 });
    expect(await connect(server).next()).toEqual({ type: "up" });
    one.faults = {};
    expect(await connect(server).next()).toEqual({ type: "up" });
    expect([one.counters.connections, other.counters.connections]).toEqual([1, 2]);
  });

  test("where it takes longer than the others are waited for", async () => {
    // It is slow, and the other one is not there: a hurry must not keep it out of reach.
    const port = await serve();
    const slow = await proxyTo(port);
    slow.faults = { down: { delayMs: 600 } };
    const hurried = await open({ times: { hurriedMs: 300 } });
    const events = connect(serverAt(slow.port, await freePort()), hurried);
    expect(await events.next()).toEqual({ type: "up" });
    expect(slow.counters.connections).toBeGreaterThan(1);
  });
});

describe("at one of the addresses", () => {
  test("somebody else with another key is told of, and gets nothing", async () => {
    const stranger = await proxyTo(await serve(generateKeyPair()));
    const server = serverAt(stranger.port, await serve());
    const events = connect(server);
    expect(await events.next()).toEqual({ type: "up" });
    expect(events.strangers).toEqual([stranger.port]);
    // The first of the commands of a handshake, and no message.
    expect(stranger.counters.frames.up).toBe(1);
  });

  test("a handshake that was cut once is no reason to speak of another key", async () => {
    const port = await serve();
    let connections = 0;
    const cutting = await frozen((socket) => {
      const isFirst = ++connections === 1;
      const onwards = createConnection({ host, port });
      onwards.on("error", () => socket.destroy());
      onwards.on("close", () => socket.destroy());
      socket.on("close", () => onwards.destroy());
      let bytes = 0;
      socket.on("data", (data) => {
        bytes += data.length;
        // Behind the greeting, within the first command.
        if (isFirst && bytes > 64) socket.resetAndDestroy();
        else onwards.write(data);
      });
      onwards.pipe(socket);
    });
    const events = connect(serverAt(cutting, await freePort()));
    expect(await events.next()).toEqual({ type: "up" });
    expect(events.strangers).toEqual([]);
    // The one that was cut, the probe that asked why, and the second try.
    expect(connections).toBe(3);
    events.close();
  });

  test("another program is passed over; it may be a proxy whose server is down", async () => {
    const other = await frozen((socket) => socket.end("SSH-2.0-OpenSSH_9.2\r\n"));
    const events = connect(serverAt(other, await serve()));
    expect(await events.next()).toEqual({ type: "up" });
    expect(events.strangers).toEqual([]);
  });

  test("the server refuses the key: it is not asked again at the others", async () => {
    const own = await open();
    const options = {
      address: host,
      port: 0,
      keys: serverKeys,
      frameBytesMax: 10_000,
      authorize: () => null,
    };
    const { port } = own.listen(options, new ServerRecorder());
    const other = await proxyTo(port);
    const events = connect(serverAt(port, other.port));
    expect(await events.failure()).toBe("key-refused");
    expect(events.at).toEqual({ host, port, others: 0 });
    expect(other.counters.connections).toBe(0);
  });
});

describe("where the server is at none of its addresses", () => {
  test("the most telling failure is told, its address, and how many others there are", async () => {
    const stranger = await serve(generateKeyPair());
    const [first, second] = [await freePort(), await freePort()];
    const events = connect({
      ...serverAt(stranger, first, second),
      alsoAt: [
        { host, port: first },
        { host, port: second },
        { host: "nowhere.invalid", port: 1 },
      ],
    });
    expect(await events.failure()).toBe("refused");
    expect(events.at).toEqual({ host, port: first, others: 3 });
    expect(events.strangers).toEqual([stranger]);
  });

  test("and one of them is known by no name server in time, it is not waited for", async () => {
    const { promise, resolve } = Promise.withResolvers<readonly string[]>();
    const lookUp = async (name: string) => (name === "slow" ? await promise : [host]);
    const slow = await open({ lookUp });
    const port = await serve();
    const events = connect({ host: "slow", port, alsoAt: [{ host: "fast", port }] }, slow);
    expect(await events.next()).toEqual({ type: "up" });
    resolve([]);
  });
});

test("the times are long enough for slow lines, and short enough for who waits", () => {
  expect(linkTimes.hurriedMs).toBeGreaterThan(1_000);
  expect(linkTimes.hurriedMs).toBeLessThanOrEqual(5_000);
});

describe("SRV records", () => {
  const record = (name: string, port: number, priority = 0, weight = 0): ServiceRecord => ({
    ...{ name, port, priority, weight },
  });
  const service = { host: "_dync._tcp.lab.example", port: 8889 };

  test("lead to the server, in the order of their priorities, and which worked is kept to", async () => {
    const [good, first] = [await serve(), await proxyTo(await serve())];
    first.faults = { refuse: true };
    const asked: string[] = [];
    const lookUpService = async (name: string) => {
      asked.push(name);
      return [record("a.example", first.port, 1), record("b.example.", good, 2), record("c.example", 1, 3)];
    };
    const own = await open({ lookUpService, lookUp: async (name) => (name === "c.example" ? [] : [host]) });
    expect(await connect(service, own).next()).toEqual({ type: "up" });
    expect(first.counters.refused).toBeGreaterThan(0);
    const { refused } = first.counters;
    expect(await connect(service, own).next()).toEqual({ type: "up" });
    expect(first.counters.refused).toBe(refused);
    expect(asked).toEqual([service.host]);
  });

  test("one of whose hosts is not found in time are good for the others", async () => {
    const { promise, resolve } = Promise.withResolvers<readonly string[]>();
    const port = await serve();
    const own = await open({
      lookUpService: async () => [record("slow", port, 1), record("fast", port, 2)],
      lookUp: async (name) => (name === "slow" ? await promise : [host]),
    });
    const since = systemClock.now();
    expect(await connect(service, own).next()).toEqual({ type: "up" });
    // Who has no other name waits for 20 s.
    expect(systemClock.now() - since).toBeLessThan(15_000);
    resolve([]);
  });

  test("a name that is slow is waited for when the others lead nowhere", async () => {
    const { promise, resolve } = Promise.withResolvers<readonly string[]>();
    const asked: string[] = [];
    const lookUp = async (name: string) => {
      asked.push(name);
      return name === "slow" ? await promise : [];
    };
    const own = await open({ lookUp, times: { hurriedMs: 100 } });
    const port = await serve();
    const events = connect({ host: "slow", port, alsoAt: [{ host: "nowhere", port }] }, own);
    // The other one is asked for when the first is late; only then it answers.
    while (!asked.includes("nowhere")) await new Promise((done) => setImmediate(done));
    resolve([host]);
    expect(await events.next()).toEqual({ type: "up" });
  });

  test("that say that the service is not there, or that are none, are told apart", async () => {
    const answers = [[record(".", 0)], [], [record("", 0)]];
    const own = await open({ lookUpService: async () => answers.shift() ?? [] });
    for (const failure of ["not-offered", "unknown-host", "not-offered"] as const) {
      const events = connect(service, own);
      expect(await events.failure()).toBe(failure);
      expect(events.at).toEqual({ ...service, others: 0 });
    }
    const port = await serve();
    expect(await connect({ ...service, alsoAt: [{ host, port }] }, own).next()).toEqual({ type: "up" });
  });

  test("are not asked for a plain name", async () => {
    const own = await open({
      lookUpService: () => Promise.reject(new Error("It was asked for")),
      lookUp: async () => [host],
    });
    expect(await connect({ host: "lab.example", port: await serve() }, own).next()).toEqual({ type: "up" });
  });

  test("come from a name server, with their ports", async () => {
    await using server = await startNameServer([record("b.example", 9001, 10, 5), record("a.example", 9000)]);
    const found = await recordsOf(service.host, [server.address]);
    expect(placesIn(found, () => 0)).toEqual([
      { host: "a.example", port: 9000 },
      { host: "b.example", port: 9001 },
    ]);
    await using nowhere = await startNameServer([record(".", 0)]);
    expect(placesIn(await recordsOf(service.host, [nowhere.address]), () => 0)).toBe("not-offered");
  });

  test.each(["unknown", "broken"] as const)("are none where the name server says %s", async (answer) => {
    await using server = await startNameServer(answer);
    expect(await recordsOf(service.host, [server.address])).toEqual([]);
    expect(server.asked).toBeGreaterThan(0);
  });

  test("that are no good are left out", () => {
    const records = [
      record("a.example", 0),
      record("b\u001b.example", 1),
      record("c d", 1),
      record("ok.example", 2),
    ];
    expect(placesIn(records, () => 0)).toEqual([{ host: "ok.example", port: 2 }]);
    expect(placesIn(records.slice(0, 3), () => 0)).toBe("unknown-host");
  });

  test("of one priority are drawn by their weights", () => {
    const records = [
      record("light", 1, 0, 1),
      record("heavy", 1, 0, 9),
      record("none", 1),
      record("later", 1, 1, 50),
    ];
    const counts = { light: 0, heavy: 0, none: 0, later: 0 };
    const rounds = 1_000;
    for (let round = 0; round < rounds; round++) {
      const places = placesIn(records, () => round / rounds);
      if (typeof places === "string") throw new Error(places);
      counts[places[0]!.host as keyof typeof counts] += 1;
      expect(places.at(-1)?.host).toBe("later");
      expect(places.length).toBe(4);
    }
    // 11 numbers are drawn from, of which 0 is for those without a weight.
    expect(counts.later).toBe(0);
    expect(counts.heavy / counts.light).toBeCloseTo(9, 0);
    expect(counts.none).toBeGreaterThan(0);
    expect(counts.none).toBeLessThan(counts.light + 2);
  });
});
