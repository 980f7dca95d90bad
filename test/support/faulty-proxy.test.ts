// The proxy's own faults, each seen from both ends of a plain TCP connection.

import { expect, test } from "bun:test";
import { type AddressInfo, createConnection, createServer, type Socket } from "node:net";
import { type Faults, startFaultyProxy } from "./faulty-proxy.ts";
import { FrameFinder } from "./frame-finder.ts";

const content = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 251));

/** Sends `content` up through the proxy; the server echoes nothing, it collects. Resolves when both ends are closed. */
async function sendUp(faults: Faults, whenConnected?: (proxy: { faults: Faults; cut: () => void }) => void) {
  const received: Buffer[] = [];
  const serverEnd = Promise.withResolvers<string>();
  const server = createServer((socket) => {
    socket.on("data", (data) => received.push(data as Buffer));
    watch(socket, serverEnd.resolve);
    socket.on("end", () => socket.end());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  await using proxy = await startFaultyProxy({ targetPort: (server.address() as AddressInfo).port, faults });
  const clientEnd = Promise.withResolvers<string>();
  const start = performance.now();
  const client = createConnection({ port: proxy.port, host: "127.0.0.1" }, () => {
    client.end(content);
    whenConnected?.(proxy);
  });
  client.resume();
  watch(client, clientEnd.resolve);
  const how = await clientEnd.promise;
  if (!faults.refuse) await serverEnd.promise;
  server.close();
  const elapsedMs = performance.now() - start;
  return {
    received: Buffer.concat(received),
    counters: proxy.counters,
    client: how,
    elapsedMs,
    open: proxy.open,
  };
}

function watch(socket: Socket, ended: (how: string) => void): void {
  let how = "closed";
  socket.on("error", () => {
    how = "reset";
  });
  socket.on("close", () => ended(how));
}

test("without faults every byte passes and is counted", async () => {
  const { received, counters, client, open } = await sendUp({});
  expect(received.equals(content)).toBe(true);
  expect(counters).toEqual({
    connections: 1,
    refused: 0,
    cut: 0,
    flipped: 0,
    bytes: { up: content.length, down: 0 },
    arrived: { up: content.length, down: 0 },
    frames: { up: expect.any(Number), down: 0 },
  });
  expect({ client, open }).toEqual({ client: "closed", open: 0 });
});

for (const how of ["fin", "rst"] as const) {
  test(`a connection is cut after exactly so many bytes (${how})`, async () => {
    const { received, counters } = await sendUp({ up: { cutAfter: { bytes: 1234, how } } });
    expect(counters.bytes.up).toBe(1234);
    expect(counters.cut).toBe(1);
    expect(received.equals(content.subarray(0, received.length))).toBe(true);
    if (how === "fin") expect(received.length).toBe(1234);
  });
}

test("a refused connection is reset", async () => {
  const { counters } = await sendUp({ refuse: true });
  expect(counters.refused).toBe(1);
  expect(counters.connections).toBe(0);
});

test("one bit is flipped once", async () => {
  const { received, counters } = await sendUp({ up: { flip: { byte: 70_000, bit: 3 } } });
  const expected = Buffer.from(content);
  expected[70_000] = (expected[70_000] ?? 0) ^ 8;
  expect(received.equals(expected)).toBe(true);
  expect(counters.flipped).toBe(1);
});

test("what is swallowed does not arrive, and the connection stays", async () => {
  const { received, client } = await sendUp({ up: { swallowAfter: 500 } });
  expect(received.equals(content.subarray(0, 500))).toBe(true);
  expect(client).toBe("closed");
});

test("a stall ends when the fault is taken back", async () => {
  const { received } = await sendUp({ up: { stallAfter: 0 } }, (proxy) => {
    proxy.faults = {};
  });
  expect(received.equals(content)).toBe(true);
});

test("a stalled connection can be cut", async () => {
  const { received, counters } = await sendUp({ up: { stallAfter: 0 } }, (proxy) => proxy.cut());
  expect(received.length).toBe(0);
  expect(counters.cut).toBe(1);
});

test("delay and bandwidth take their time and change nothing", async () => {
  const { received, elapsedMs } = await sendUp({
    up: { delayMs: 30, jitterMs: 10, bytesPerSecond: 1_000_000 },
  });
  expect(received.equals(content)).toBe(true);
  expect(elapsedMs).toBeGreaterThan(100);
});

test("frames are found in whatever pieces they come, and a bit of one is flipped", async () => {
  const short = Buffer.concat([Buffer.from([1, 3]), Buffer.alloc(3)]);
  const long = Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 0, 0, 1, 44]), Buffer.alloc(300)]);
  const bytes = Buffer.concat([Buffer.alloc(64), short, long, short]);
  for (const step of [1, 7, 1000]) {
    const finder = new FrameFinder();
    const places: number[] = [];
    for (let at = 0; at < bytes.length; at += step) {
      finder.read(bytes.subarray(at, at + step), (frame, place) => {
        places[frame] = place;
      });
    }
    expect(places).toEqual([64, 69, 378]);
  }
});
