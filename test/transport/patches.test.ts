// What our own libzmq promises beyond the npm package's (build/libzmq-patches/): one test for each patch that can be
// seen from outside without a CURVE client of one's own.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { generateKeyPair } from "../../src/keys/key.ts";
import type { ServerLink, ServerLinkOptions } from "../../src/transport/transport.ts";
import { socketOption, socketType } from "../../src/transport/zmq/constants.ts";
import { ZmqContext } from "../../src/transport/zmq/context.ts";
import { openLibrary } from "../../src/transport/zmq/library.ts";
import type { StrangerLimits } from "../../src/transport/zmq/options.ts";
import { ZmqSocket } from "../../src/transport/zmq/socket.ts";
import { openZmqTransport, type ZmqTransport } from "../../src/transport/zmq/zmq-transport.ts";
import { startFaultyProxy } from "../support/faulty-proxy.ts";
import { ClientRecorder, ServerRecorder, textsOf } from "./recorder.ts";

const library = await openLibrary();
const reason = library.isPatched ? null : "libzmq of the npm package: see build/libzmq.sh";
const serverKeys = generateKeyPair();
const clientKeys = generateKeyPair();
const frameBytesMax = 1_000_000;
const greeting = Buffer.concat([
  Buffer.from("ff00000000000000017f0301", "hex"),
  Buffer.from("CURVE".padEnd(20, "\0")),
  Buffer.alloc(32),
]);
const helloBytes = 200;

describe.skipIf(reason !== null)(`the patches (${reason ?? library.version})`, () => {
  let transports: ZmqTransport[];
  let strangers: Socket[];
  let servers: Server[];

  beforeEach(() => {
    transports = [];
    strangers = [];
    servers = [];
  });

  afterEach(async () => {
    for (const stranger of strangers) stranger.destroy();
    for (const server of servers) server.close();
    await Promise.all(transports.map((transport) => transport.close()));
  });

  async function listen(options: Partial<ServerLinkOptions> = {}, limits: Partial<StrangerLimits> = {}) {
    // Whoever is closed is not closed by the clock.
    const transport = await openZmqTransport({ strangers: limits, times: { handshakeMs: 600_000 } });
    transports.push(transport);
    const events = new ServerRecorder();
    const defaults = {
      address: "127.0.0.1",
      port: 0,
      keys: serverKeys,
      frameBytesMax,
      authorize: () => "alice",
    };
    return { link: transport.listen({ ...defaults, ...options }, events), events };
  }

  async function upload(port: number) {
    const transport = await openZmqTransport();
    transports.push(transport);
    const events = new ClientRecorder();
    const identity = new Uint8Array(16).fill(1);
    const keys = { serverKey: serverKeys.publicKey, keys: clientKeys };
    const link = transport.connect({ host: "127.0.0.1", port, ...keys, identity, frameBytesMax }, events);
    expect(await events.next()).toEqual({ type: "up" });
    return { link, events };
  }

  /** A connection that says these bytes; resolves when the server's greeting shows that it was let in, or put out. */
  async function stranger({ port }: ServerLink, words: Uint8Array, from = "127.0.0.1"): Promise<Stranger> {
    const socket = connect({ host: "127.0.0.1", port, localAddress: from });
    strangers.push(socket);
    // Whoever is put out with words on the way gets a reset.
    socket.on("error", () => {});
    const closed = new Promise<void>((resolve) => {
      socket.on("close", () => resolve());
    });
    const letIn = new Promise<void>((resolve) => {
      socket.on("data", () => resolve());
    });
    socket.write(words);
    await Promise.race([letIn, closed]);
    return { socket, closed };
  }

  /** A server that takes a connection and says nothing of its own accord. */
  async function silentServer(): Promise<{ port: number; connection: Promise<Socket> }> {
    const server = createServer();
    servers.push(server);
    const connection = new Promise<Socket>((resolve) => {
      // Whoever asks again, why it failed, is told as little.
      server.on("connection", (socket) => {
        strangers.push(socket);
        socket.on("error", () => {});
        resolve(socket);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return { port: (server.address() as AddressInfo).port, connection };
  }

  test("04 an identity such as the server makes up for others is refused", async () => {
    let asked = 0;
    let askedTwice = (): void => {};
    const twice = new Promise<void>((resolve) => {
      askedTwice = resolve;
    });
    const authorize = (): string => {
      asked += 1;
      if (asked === 2) askedTwice();
      return "alice";
    };
    const { link, events } = await listen({ authorize });
    const context = new ZmqContext(library, 1);
    const socket = new ZmqSocket(context, socketType.dealer);
    socket.setBytes(socketOption.routingId, Uint8Array.of(0, 1, 2, 3, 4));
    socket.setBytes(socketOption.curveServerKey, serverKeys.publicKey.bytes);
    socket.setBytes(socketOption.curvePublicKey, clientKeys.publicKey.bytes);
    socket.setBytes(socketOption.curveSecretKey, clientKeys.secretKey.reveal());
    socket.setInt(socketOption.linger, 0);
    socket.setInt(socketOption.reconnectIntervalMs, 1);
    socket.connect(`tcp://127.0.0.1:${link.port}`);
    socket.send([Buffer.from("hello")]);
    // It was refused, or it would not come again.
    await twice;
    expect(events.count).toBe(0);
    socket.close();
    context.close();
  });

  test("06 a stranger's frame may have 4 KiB, and no more", async () => {
    const { link } = await listen();
    const small = await stranger(link, Buffer.concat([greeting, longHeader(4096)]));
    const large = await stranger(link, Buffer.concat([greeting, longHeader(4097)]));
    await large.closed;
    expect(small.socket.closed).toBe(false);
    small.socket.write(Buffer.alloc(4096));
    await small.closed;
  });

  test("07 the frames of a message count together", async () => {
    const { link, events } = await listen();
    const client = await upload(link.port);
    const frames = (count: number) => Array.from({ length: count }, () => new Uint8Array(100_000));
    client.link.send(frames(9));
    expect(textsOf(await events.message())).toHaveLength(9);
    client.link.send(frames(11));
    expect(await client.events.failure()).toBe("lost");
    expect(events.count).toBe(1);
  });

  test("08 strangers are bounded by address: their own oldest goes", async () => {
    const { link, events } = await listen({}, { max: 100, byAddressMax: 3 });
    const crowd = [];
    for (let count = 0; count < 4; count++) crowd.push(await stranger(link, greeting));
    await crowd[0]?.closed;
    expect(crowd.slice(1).map(({ socket }) => socket.closed)).toEqual([false, false, false]);
    // Who has a key does not count, and is let in all the same.
    const client = await upload(link.port);
    client.link.send([Buffer.from("hello")]);
    expect(textsOf(await events.message())).toEqual(["hello"]);
  });

  test.skipIf(process.platform !== "linux")(
    "08 strangers are bounded in all: the oldest of the largest crowd goes",
    async () => {
      const { link } = await listen({}, { max: 4, byAddressMax: 100 });
      const alone = await stranger(link, greeting, "127.0.0.2");
      const crowd = [];
      for (let count = 0; count < 3; count++) crowd.push(await stranger(link, greeting));
      const newcomer = await stranger(link, greeting, "127.0.0.3");
      await crowd[0]?.closed;
      const others = [alone, ...crowd.slice(1), newcomer];
      expect(others.map(({ socket }) => socket.closed)).toEqual([false, false, false, false]);
    },
  );

  test("11 a client's key that gives no secret is a handshake that failed, and nothing else", async () => {
    const { link, events } = await listen();
    const client = await upload(link.port);
    const parts = [Buffer.from("\x05HELLO\x01\0"), Buffer.alloc(72), Buffer.alloc(32), Buffer.alloc(88)];
    const hello = Buffer.concat([Buffer.of(4, 200), ...parts]);
    const weak = await stranger(link, Buffer.concat([greeting, hello]));
    await weak.closed;
    client.link.send([new Uint8Array(10)]);
    expect(textsOf(await events.message())).toHaveLength(1);
  });

  for (const at of [40_000, 250_000, 299_990])
    test(`13 a message that was changed on its way, ${at} bytes into the connection, ends it and comes to nobody`, async () => {
      const { link, events } = await listen();
      const faults = { up: { flip: { byte: at, bit: 2 } } };
      await using line = await startFaultyProxy({ targetPort: link.port, faults });
      const client = await upload(line.port);
      client.link.send([new Uint8Array(299_700).fill(1)]);
      expect(await client.events.failure()).toBe("lost");
      expect(line.counters.flipped).toBe(1);
      expect(events.count).toBe(0);
    });

  test("16 a server says all of its greeting before it hears a word, and a client its HELLO too", async () => {
    const { link } = await listen();
    const server = connect({ host: "127.0.0.1", port: link.port });
    strangers.push(server);
    expect(await read(server, greeting.length)).toEqual(greeting);

    const { port, connection } = await silentServer();
    const transport = await openZmqTransport();
    transports.push(transport);
    const keys = { serverKey: serverKeys.publicKey, keys: clientKeys };
    const identity = new Uint8Array(16).fill(1);
    transport.connect({ host: "127.0.0.1", port, ...keys, identity, frameBytesMax }, new ClientRecorder());
    const said = await read(await connection, greeting.length + 2 + helloBytes);
    // Before that it says how long its identity is.
    expect(said.subarray(9, greeting.length)).toEqual(greeting.subarray(9));
    // A command in the short form.
    expect([...said.subarray(greeting.length, greeting.length + 2)]).toEqual([4, helloBytes]);
    expect(said.subarray(greeting.length + 2).toString("latin1")).toStartWith("\x05HELLO\x01\x00");
  });

  test.each([
    ["1.0, without a version", "0100"],
    ["1.0", "ff00000000000000017f00"],
    ["2.0", "ff00000000000000017f0105"],
  ])("16 a peer of ZMTP %s is put out, by either side", async (_, hex) => {
    const words = Buffer.from(hex, "hex");
    const { link, events } = await listen();
    await (await stranger(link, Buffer.concat([words, Buffer.alloc(100)]))).closed;

    const { port, connection } = await silentServer();
    const transport = await openZmqTransport({ times: { handshakeMs: 600_000 } });
    transports.push(transport);
    const client = new ClientRecorder();
    const keys = { serverKey: serverKeys.publicKey, keys: clientKeys };
    const identity = new Uint8Array(16).fill(1);
    transport.connect({ host: "127.0.0.1", port, ...keys, identity, frameBytesMax }, client);
    (await connection).write(Buffer.concat([words, Buffer.alloc(100)]));
    expect(await client.failure()).toBe("not-dync");

    // Both sides go on.
    const { link: good } = await upload(link.port);
    good.send([Buffer.from("hello")]);
    expect(textsOf(await events.message())).toEqual(["hello"]);
  });

  test("15 a peer has as many bytes of short messages in a turn as another one of long ones", () => {
    const context = new ZmqContext(library, 1);
    const router = new ZmqSocket(context, socketType.router);
    router.bind("inproc://turns");
    const dealers = [new ZmqSocket(context, socketType.dealer), new ZmqSocket(context, socketType.dealer)];
    try {
      for (const dealer of dealers) dealer.connect("inproc://turns");
      const [long, short] = dealers;
      for (let count = 0; count < 4; count++) {
        expect(long?.send([new Uint8Array(2 * 1024 * 1024)])).toBe("sent");
        for (let each = 0; each < 5; each++) expect(short?.send([new Uint8Array(10_000)])).toBe("sent");
      }
      let order = "";
      for (let read = router.receive(); read !== null; read = router.receive()) {
        order += (read.message.frames[1]?.length ?? 0) > 10_000 ? "L" : "s";
        read.message.release();
      }
      // Each peer one message by turns else: LsLsLsLs, and then the other short ones.
      expect(order).toMatch(/^L?s{20}L{3,4}$/);
    } finally {
      for (const socket of [router, ...dealers]) socket.close();
      context.close();
    }
  });
});

/** The first `length` bytes that come. */
function read(socket: Socket, length: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let come = Buffer.alloc(0);
    socket.on("data", (bytes: Buffer) => {
      come = Buffer.concat([come, bytes]);
      if (come.length >= length) resolve(come.subarray(0, length));
    });
    socket.on("close", () => reject(new Error(`Closed after ${come.length} bytes`)));
  });
}

interface Stranger {
  readonly socket: Socket;
  readonly closed: Promise<void>;
}

/** The header of a command of so many bytes, in the long form. */
function longHeader(bytes: number): Buffer {
  const header = Buffer.alloc(9, 6);
  header.writeBigUInt64BE(BigInt(bytes), 1);
  return header;
}
