// What every transport must do, as one suite that runs for each: memory.test.ts and zmq.test.ts.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { AssertionError } from "../../src/base/assert.ts";
import { DyncError } from "../../src/base/error.ts";
import { type Bytes, nearBytes } from "../../src/base/memory/far-bytes.ts";
import { generateKeyPair } from "../../src/keys/key.ts";
import type { ClientLinkOptions, ServerLinkOptions } from "../../src/transport/transport.ts";
import { connectIn, identity, listenIn, serverDefaults, type TransportWorld } from "./contract-world.ts";
import { ServerRecorder, textsOf } from "./recorder.ts";

const bytes = (text: string): Uint8Array => Buffer.from(text);

export function describeTransport(name: string, open: () => Promise<TransportWorld>): void {
  describe(name, () => {
    let world: TransportWorld;

    beforeEach(async () => {
      world = await open();
    });

    afterEach(async () => {
      expect(await world.close()).toBe(0);
    });

    const listen = (options: Partial<ServerLinkOptions> = {}) => listenIn(world, options);
    const connect = (port: number, options: Partial<ClientLinkOptions> = {}) =>
      connectIn(world, port, options);

    async function connected(port: number, options: Partial<ClientLinkOptions> = {}) {
      const client = connect(port, options);
      expect(await client.events.next()).toEqual({ type: "up" });
      return client;
    }

    test("a message arrives whole, with the identity and the user it came from", async () => {
      const server = listen();
      const client = await connected(server.link.port);
      const large = new Uint8Array(100_000).fill(9);
      expect(client.link.send([bytes("post"), new Uint8Array(0), large, bytes("x")])).toBe("sent");
      const message = await server.events.message();
      expect(message.peer).toBe("01".repeat(16));
      expect(message.origin).toBe("alice");
      expect(message.frames.map((frame) => frame.length)).toEqual([4, 0, 100_000, 1]);
      expect(Buffer.from(nearBytes(message.frames[2] as Bytes)).equals(large)).toBe(true);
      message.release();
    });

    test("messages keep their order, and answers find their way back", async () => {
      const server = listen();
      const first = await connected(server.link.port, { identity: identity(1) });
      const second = await connected(server.link.port, { identity: identity(2) });
      for (const text of ["a", "b", "c"]) first.link.send([bytes(text)]);
      for (const text of ["a", "b", "c"]) {
        const message = await server.events.message();
        expect(server.link.send(message.peer, [bytes("re"), ...message.frames.map(nearBytes)])).toBe("sent");
        expect(textsOf(message)).toEqual([text]);
      }
      expect(server.link.send("02".repeat(16), [bytes("hello")])).toBe("sent");
      for (const text of ["a", "b", "c"]) expect(textsOf(await first.events.message())).toEqual(["re", text]);
      expect(textsOf(await second.events.message())).toEqual(["hello"]);
    });

    test("a block has exactly the length asked for, arrives as filled, and is gone once sent", async () => {
      const server = listen();
      const client = await connected(server.link.port);
      for (const length of [0, 1, 33, 1024, 1025, 300_000]) {
        const block = world.client.allocate(length);
        expect(block.bytes.length).toBe(length);
        block.bytes.fill(5);
        expect(client.link.send([bytes("chunk"), block])).toBe("sent");
        expect(block.bytes.length).toBe(0);
        expect(() => block.release()).toThrow(AssertionError);
        const message = await server.events.message();
        expect(message.frames[1]?.length).toBe(length);
        expect(nearBytes(message.frames[1] as Bytes).every((byte) => byte === 5)).toBe(true);
        message.release();
      }
    });

    test("a block that is not sent is released by its owner, once", () => {
      const block = world.client.allocate(10);
      block.release();
      expect(() => block.release()).toThrow(AssertionError);
    });

    test("who gets what is large hears of all that comes with it and behind it, each time anew", async () => {
      const server = listen();
      const client = await connected(server.link.port);
      for (let round = 0; round < 6; round++) {
        const texts = Array.from({ length: 3 }, (_, index) => `${round} ${index}`);
        for (const text of texts) {
          // Longer than a connection's queue may have to be: sent when there is room.
          while (client.link.send([bytes(text), new Uint8Array(400_000)]) === "full")
            await client.events.next();
        }
        for (const text of texts) {
          const message = await server.events.message();
          expect(Buffer.from(nearBytes(message.frames[0] as Bytes)).toString()).toBe(text);
          message.release();
        }
        client.link.send([bytes("and?")]);
        const asked = await server.events.message();
        server.link.send(asked.peer, [bytes("all")]);
        asked.release();
        let answer = await client.events.next();
        while (answer.type !== "message") answer = await client.events.next();
        expect(textsOf(answer.message)).toEqual(["all"]);
      }
    });

    test("a message is released once, and its large frames are empty afterwards", async () => {
      const server = listen();
      const client = await connected(server.link.port);
      client.link.send([new Uint8Array(50_000)]);
      client.link.send([new Uint8Array(50_000)]);
      for (const isLookedAt of [true, false]) {
        const message = await server.events.message();
        const [frame] = message.frames as [Bytes];
        expect(frame.length).toBe(50_000);
        const view = isLookedAt ? nearBytes(frame) : null;
        message.release();
        expect(view?.length ?? 0).toBe(0);
        expect([frame.length, nearBytes(frame).length]).toEqual([0, 0]);
        expect(() => message.release()).toThrow(AssertionError);
      }
    });

    test("nothing is told before connect and send have returned", async () => {
      const server = listen();
      const client = connect(server.link.port);
      expect(client.events.count).toBe(0);
      await client.events.next();
      client.link.send([bytes("x")]);
      expect(server.events.count).toBe(0);
      textsOf(await server.events.message());
    });

    test("a link that is not up takes nothing", async () => {
      const server = listen();
      const client = connect(server.link.port);
      const block = world.client.allocate(10);
      expect(client.link.send([block])).toBe("unreachable");
      expect(block.bytes.length).toBe(10);
      block.release();
      await client.events.next();
    });

    test("a message to an unknown peer is unreachable, and takes nothing", () => {
      const server = listen();
      expect(server.link.send("ff".repeat(16), [bytes("x")])).toBe("unreachable");
    });

    test("a client that comes back under its identity takes the route over", async () => {
      const server = listen();
      const old = await connected(server.link.port);
      old.link.send([bytes("old")]);
      textsOf(await server.events.message());
      const young = await connected(server.link.port);
      young.link.send([bytes("young")]);
      const message = await server.events.message();
      expect(server.link.send(message.peer, [bytes("answer")])).toBe("sent");
      expect(textsOf(message)).toEqual(["young"]);
      expect(textsOf(await young.events.message())).toEqual(["answer"]);
      // Over the network the old end need not know: what it sends goes nowhere.
      old.link.send([bytes("late")]);
      young.link.send([bytes("again")]);
      expect(textsOf(await server.events.message())).toEqual(["again"]);
    });

    test("a sender that is too fast is told so, and told when there is room again", async () => {
      const server = listen();
      const client = await connected(server.link.port);
      const count = 300;
      let full = 0;
      const sending = (async () => {
        for (let index = 0; index < count; ) {
          const result = client.link.send([bytes(String(index)), new Uint8Array(100_000)]);
          if (result === "sent") index += 1;
          else {
            expect(result).toBe("full");
            full += 1;
            expect(await client.events.next()).toEqual({ type: "writable" });
          }
        }
      })();
      for (let index = 0; index < count; index++) {
        const message = await server.events.message();
        expect(Buffer.from(message.frames[0] as Uint8Array).toString()).toBe(String(index));
        message.release();
      }
      await sending;
      expect(full).toBeGreaterThan(0);
    });

    test("what was sent before a close with time to flush still arrives", async () => {
      const server = listen();
      const client = await connected(server.link.port);
      client.link.send([bytes("last"), new Uint8Array(500_000)]);
      client.link.close(2000);
      client.link.close();
      expect(client.link.send([bytes("x")])).toBe("unreachable");
      const message = await server.events.message();
      expect(message.frames[1]?.length).toBe(500_000);
      message.release();
    });

    test("what a server says before it closes arrives, then the link is lost", async () => {
      const server = listen();
      const client = await connected(server.link.port);
      client.link.send([bytes("hello")]);
      const message = await server.events.message();
      server.link.send(message.peer, [bytes("goodbye")]);
      server.link.close(2000);
      message.release();
      expect(textsOf(await client.events.message())).toEqual(["goodbye"]);
      expect(await client.events.failure()).toBe("lost");
    });

    test("a frame over the limit ends the connection, and is not delivered", async () => {
      const server = listen({ frameBytesMax: 10_000 });
      const client = await connected(server.link.port);
      client.link.send([new Uint8Array(1024 * 1024)]);
      expect(await client.events.failure()).toBe("lost");
      expect(server.events.count).toBe(0);
    });

    test("nothing listens there: refused", async () => {
      const server = listen();
      const { port } = server.link;
      server.link.close();
      await closed(port);
      expect(await connect(port).events.failure()).toBe("refused");
    });

    test("a name without an address: unknown-host", async () => {
      expect(await connect(1, { host: "nowhere.invalid" }).events.failure()).toBe("unknown-host");
    });

    test("a key that the server does not know: key-refused", async () => {
      const server = listen();
      const client = connect(server.link.port, { keys: generateKeyPair() });
      expect(await client.events.failure()).toBe("key-refused");
      expect(server.events.count).toBe(0);
    });

    const throwing = (): never => {
      throw new Error("no list of keys");
    };
    for (const [what, broken] of [
      ["throws", throwing],
      ["gives an empty user", () => ""],
      ["gives a user with a NUL", () => "a\0b"],
    ] as const) {
      test(`an authorize that ${what} lets nobody in: server-error`, async () => {
        const server = listen({ authorize: broken });
        expect(await connect(server.link.port).events.failure()).toBe("server-error");
      });
    }

    test("a server with another key: server-key-mismatch", async () => {
      const server = listen();
      const client = connect(server.link.port, { serverKey: generateKeyPair().publicKey });
      expect(await client.events.failure()).toBe("server-key-mismatch");
    });

    test("a port in use is an error that names it, and that may pass", () => {
      const { port } = listen().link;
      try {
        // Another transport: one listens once.
        world.secondServer.listen({ ...serverDefaults, port }, new ServerRecorder());
        throw new Error("expected an error");
      } catch (error) {
        expect(error).toBeInstanceOf(DyncError);
        expect((error as DyncError).code).toBe("unavailable");
        expect((error as DyncError).message).toContain(String(port));
        expect((error as DyncError).hint).toBeDefined();
      }
    });

    test("a closed link tells nothing more", async () => {
      const server = listen();
      const client = await connected(server.link.port);
      client.link.close();
      const other = connect(server.link.port, { identity: identity(2) });
      other.link.close();
      server.link.close();
      const { events } = connect(1, { host: "nowhere.invalid" });
      await events.failure();
      expect(client.events.count).toBe(1);
      expect(other.events.count).toBe(0);
    });

    async function closed(port: number): Promise<void> {
      // Closing is done in the background: until then, connecting still works.
      for (;;) {
        const { link, events } = connect(port, { identity: identity(3) });
        const told = await events.next();
        link.close();
        if (told.type === "down" && told.failure === "refused") return;
      }
    }
  });
}
