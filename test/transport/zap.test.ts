// Who gets in. libzmq lets everybody in unless two options are set and a handler says no: the twelve combinations,
// measured on the library itself, then what ours does.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { generateKeyPair } from "../../src/keys/key.ts";
import { socketOption, socketType } from "../../src/transport/zmq/constants.ts";
import { ZmqContext } from "../../src/transport/zmq/context.ts";
import { type Library, openLibrary } from "../../src/transport/zmq/library.ts";
import { ZmqSocket } from "../../src/transport/zmq/socket.ts";
import { ZapHandler } from "../../src/transport/zmq/zap.ts";

const serverKeys = generateKeyPair();
const strangerKeys = generateKeyPair();
const library: Library = await openLibrary();
const systemLibrary: Library | null = await openLibrary({ DYNC_LIBZMQ: "libzmq.so.5" }).catch(() => null);

type HandlerState = "none" | "closed" | "denies";

const cases: readonly (readonly [
  domain: "" | "dync",
  enforce: 0 | 1,
  HandlerState,
  "accepted" | "refused",
])[] = [
  ["", 0, "none", "accepted"],
  ["", 0, "closed", "accepted"],
  ["", 0, "denies", "refused"],
  ["", 1, "none", "accepted"],
  ["", 1, "closed", "accepted"],
  ["", 1, "denies", "accepted"],
  ["dync", 0, "none", "accepted"],
  ["dync", 0, "closed", "accepted"],
  ["dync", 0, "denies", "refused"],
  // Ours: the only row that never lets a stranger in.
  ["dync", 1, "none", "refused"],
  ["dync", 1, "closed", "refused"],
  ["dync", 1, "denies", "refused"],
];

describe("the twelve combinations of ZAP options, as libzmq treats a stranger", () => {
  let context: ZmqContext;
  let open: { close(): void }[];

  beforeEach(() => {
    context = new ZmqContext(library, 1);
    open = [];
  });

  afterEach(() => {
    for (const item of open.reverse()) item.close();
    context.close();
  });

  function socket(type: number): ZmqSocket {
    const made = new ZmqSocket(context, type);
    open.push(made);
    return made;
  }

  for (const [domain, enforce, state, expected] of cases) {
    test(`domain "${domain}", enforced ${enforce}, handler ${state}: ${expected}`, async () => {
      const handler = state === "none" ? null : new ZapHandler(context, () => null);
      if (state === "closed") {
        handler?.close();
        // libzmq closes in the background; until then a handshake finds a handler that is about to go.
        await Bun.sleep(100);
      } else if (handler !== null) open.push(handler);

      const server = socket(socketType.router);
      server.setInt(socketOption.curveServer, 1);
      server.setBytes(socketOption.curveSecretKey, serverKeys.secretKey.reveal());
      if (domain !== "") server.setBytes(socketOption.zapDomain, Buffer.from(domain));
      server.setInt(socketOption.zapEnforceDomain, enforce);
      server.bind("tcp://127.0.0.1:*");
      const endpoint = server.lastEndpoint();

      const client = socket(socketType.dealer);
      client.setBytes(socketOption.curveServerKey, serverKeys.publicKey.bytes);
      client.setBytes(socketOption.curvePublicKey, strangerKeys.publicKey.bytes);
      client.setBytes(socketOption.curveSecretKey, strangerKeys.secretKey.reveal());
      client.connect(endpoint);
      client.send([Buffer.from("let me in")]);

      // Refused means that nothing comes; half a second is a hundred handshakes.
      let outcome = "refused";
      for (let waited = 0; waited < 50 && outcome === "refused"; waited++) {
        if (state === "denies") handler?.work();
        const received = server.receive();
        if (received !== null) {
          outcome = "accepted";
          expect(received.userId).toBeNull();
          received.message.release();
        } else await Bun.sleep(10);
      }
      expect(outcome).toBe(expected);
    });
  }
});

describe("the user of a message", () => {
  // A ROUTER that is asked for its events takes a message in then; up to libzmq 4.3.4 its first frame has no user.
  for (const [name, tested, seen] of [
    ["ours", library, false],
    ["ours", library, true],
    ["the system's", systemLibrary, false],
    ["the system's", systemLibrary, true],
  ] as const) {
    const which = `${name}${tested === null ? " (skipped: none that can be used here)" : ` (${tested.version})`}`;
    const how = seen ? ", when the events were looked at before it was read" : "";
    test.skipIf(tested === null)(`is known with ${which}${how}`, async () => {
      const context = new ZmqContext(tested as Library, 1);
      const handler = new ZapHandler(context, () => "alice");
      const server = new ZmqSocket(context, socketType.router);
      server.setInt(socketOption.curveServer, 1);
      server.setBytes(socketOption.curveSecretKey, serverKeys.secretKey.reveal());
      server.setBytes(socketOption.zapDomain, Buffer.from("dync"));
      server.bind("tcp://127.0.0.1:*");
      const client = new ZmqSocket(context, socketType.dealer);
      client.setBytes(socketOption.curveServerKey, serverKeys.publicKey.bytes);
      client.setBytes(socketOption.curvePublicKey, strangerKeys.publicKey.bytes);
      client.setBytes(socketOption.curveSecretKey, strangerKeys.secretKey.reveal());
      client.connect(server.lastEndpoint());
      client.send([Buffer.from("first"), Buffer.from("second")]);

      let received: ReturnType<ZmqSocket["receive"]> = null;
      for (const endsAt = Date.now() + 10_000; received === null && Date.now() < endsAt; ) {
        handler.work();
        if (!seen || server.readable) received = server.receive();
        if (received === null) await Bun.sleep(1);
      }
      expect(received?.userId).toBe("alice");
      received?.message.release();
      for (const open of [client, server, handler]) open.close();
      context.close();
      expect(context.pool.taken).toBe(0);
    });
  }
});

describe("the ZAP handler", () => {
  const key = Buffer.from(strangerKeys.publicKey.bytes);
  const good = ["", "1.0", "1", "dync", "192.0.2.1", "identity", "CURVE", key];

  /** The handler's answer to a request, without the envelope; `null` when it does not answer. */
  async function ask(
    frames: readonly (string | Uint8Array)[],
    authorize: (address: string) => string | null = () => "alice",
  ): Promise<string[] | null> {
    const context = new ZmqContext(library, 1);
    const handler = new ZapHandler(context, (_, address) => authorize(address));
    const asker = new ZmqSocket(context, socketType.dealer);
    asker.connect("inproc://zeromq.zap.01");
    asker.send(frames.map((frame) => (typeof frame === "string" ? Buffer.from(frame) : frame)));
    handler.work();
    const received = asker.receive();
    const answer = received?.message.near.frames.map((frame) => Buffer.from(frame).toString()) ?? null;
    received?.message.release();
    asker.close();
    handler.close();
    context.close();
    expect(context.pool.taken).toBe(0);
    return answer;
  }

  test("answers a good request with the user", async () => {
    expect(await ask(good, (address) => `user at ${address}`)).toEqual([
      "",
      "1.0",
      "1",
      "200",
      "OK",
      "user at 192.0.2.1",
      "",
    ]);
  });

  test("refuses an unknown key with 400", async () => {
    expect((await ask(good, () => null))?.slice(3, 6)).toEqual(["400", "Key is not authorized", ""]);
  });

  const broken: readonly (readonly [what: string, authorize: () => string | null])[] = [
    [
      "throws",
      () => {
        throw new Error("no");
      },
    ],
    ["gives an empty user", () => ""],
    ["gives a user with a NUL", () => "a\0"],
    ["gives a user that is too long", () => "x".repeat(256)],
    ["gives what is no text", () => 7 as unknown as string],
    ["gives a promise", () => Promise.resolve("alice") as unknown as string],
  ];
  for (const [what, authorize] of broken) {
    test(`answers 500 when authorize ${what}`, async () => {
      expect((await ask(good, authorize))?.[3]).toBe("500");
    });
  }

  const replaced = (index: number, value: string | Uint8Array): (string | Uint8Array)[] =>
    good.map((frame, at) => (at === index ? value : frame));
  for (const [what, frames] of [
    ["another version", replaced(1, "2.0")],
    ["another domain", replaced(3, "other")],
    ["no domain", replaced(3, "")],
    ["another mechanism", replaced(6, "PLAIN")],
    ["a short key", replaced(7, key.subarray(1))],
    ["no key", good.slice(0, 7)],
    ["a frame too many", [...good, "x"]],
  ] as const) {
    test(`answers 400 to a request with ${what}`, async () => {
      expect((await ask(frames))?.[3]).toBe("400");
    });
  }

  for (const [what, frames] of [
    ["no envelope", ["x"]],
    ["no request id", ["", "1.0"]],
  ] as const) {
    test(`survives a request with ${what}`, async () => {
      expect(await ask(frames)).toBeNull();
    });
  }
});
