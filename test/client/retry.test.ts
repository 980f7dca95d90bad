// When an upload tries again, for how long, and when it does not: broken connections, servers that are away, busy or
// not the expected one.

import { describe, expect, test } from "bun:test";
import { generateKeyPair } from "../../src/keys/key.ts";
import { sha256, streamOf } from "./bytes-source.ts";
import { ClientWorld, failureOf } from "./client-world.ts";
import { ScriptedServer } from "./scripted-server.ts";

const minuteMs = 60_000;

describe("a server that was never reached", () => {
  test("where nothing listens ends the upload at once", async () => {
    const world = new ClientWorld();
    const error = await failureOf(world.upload());
    expect([error.code, error.message]).toEqual(["unreachable", "Nothing listens at server:8889"]);
    expect(world.attempts).toBe(1);
  });

  test("is waited for when that was asked for, and found when it comes", async () => {
    const world = new ClientWorld();
    const receipt = world.upload({ retryFirst: true });
    await world.pass(10_000);
    const server = new ScriptedServer(world.network);
    const served = server.serve();
    await world.pass(2000);
    expect(Buffer.from(await served)).toEqual(Buffer.from(world.source.bytes));
    expect((await receipt).uploadId).toBe("id");
  });

  test("is waited for as long as was asked for, and not longer", async () => {
    const world = new ClientWorld();
    const failed = failureOf(world.upload({ retryFirst: true, retryForMs: minuteMs }));
    await world.pass(minuteMs + 2000);
    const error = await failed;
    expect(error.code).toBe("unreachable");
    const { attempts } = world;
    expect(attempts).toBeGreaterThan(50);
    await world.pass(10_000);
    expect(world.attempts).toBe(attempts);
  });

  test("in a long outage is asked less often", async () => {
    const world = new ClientWorld();
    const failed = failureOf(world.upload({ retryFirst: true, retryForMs: 60 * minuteMs }));
    await world.pass(30 * minuteMs, 1000);
    const { attempts } = world;
    await world.pass(10 * minuteMs, 1000);
    expect(world.attempts - attempts).toBeLessThanOrEqual(20);
    expect(world.attempts - attempts).toBeGreaterThanOrEqual(15);
    world.stop.abort();
    await failed;
  });
});

describe("a connection that broke", () => {
  test("is made anew under the same identity, and the upload goes on from where the server says", async () => {
    const world = new ClientWorld();
    const server = new ScriptedServer(world.network);
    const receipt = world.upload();
    const { peer } = await server.hear();
    server.approve(2);
    for (let turn = 0; turn < 2; turn++) await server.expect("post-chunk");
    server.cut();
    await world.pass(200);
    const again = await server.hear();
    expect(again).toEqual({ peer, message: { type: "query-status" } });
    server.send({ type: "status-report", seek: 1024, credit: 10 });
    expect(Buffer.from(await server.receive())).toEqual(Buffer.from(world.source.bytes.subarray(1024)));
    server.send({ type: "upload-finished", uploadId: "u1" });
    expect((await receipt).sha256).toBe(sha256(world.source.bytes));
    await world.settle();
    server.forgetRest();
    expect(world.network.messagesHeld).toBe(0);
  });

  test("of a stream goes on with what was kept", async () => {
    const world = new ClientWorld();
    const server = new ScriptedServer(world.network);
    const receipt = world.upload({ source: streamOf(world.source.bytes, [100]) });
    await server.expect("post-file");
    server.approve(4, 1024, 10);
    for (let turn = 0; turn < 4; turn++) await server.expect("post-chunk");
    server.cut();
    await world.pass(200);
    await server.expect("query-status");
    server.send({ type: "status-report", seek: 1024, credit: 10 });
    expect(Buffer.from(await server.receive())).toEqual(Buffer.from(world.source.bytes.subarray(1024)));
    server.send({ type: "upload-finished", uploadId: "u1" });
    expect((await receipt).sha256).toBe(sha256(world.source.bytes));
  });

  test("is tried again for the whole patience, counted from when the upload last got further", async () => {
    const world = new ClientWorld();
    const server = new ScriptedServer(world.network);
    const failed = failureOf(world.upload({ retryForMs: minuteMs }));
    await server.expect("post-file");
    server.approve(1);
    await server.expect("post-chunk");
    await world.pass(5000);
    server.send({ type: "transfer-credit", amount: 0 });
    await world.pass(100);
    server.close();
    await world.pass(minuteMs - 5100 - 2000);
    expect(world.progress.at(-1)?.pause?.reason).toBe("Nothing listens at server:8889");
    await world.pass(4000);
    expect((await failed).code).toBe("unreachable");
  });

  test("that says nothing although it is up is given up for a new one within a minute", async () => {
    const world = new ClientWorld();
    const server = new ScriptedServer(world.network);
    const failed = failureOf(world.upload({ retryForMs: 10 * minuteMs }));
    await server.expect("post-file");
    world.network.connections[0]?.mute();
    await world.pass(minuteMs + 2000);
    expect(world.attempts).toBeGreaterThanOrEqual(2);
    await server.expect("post-file");
    world.stop.abort();
    await failed;
  });
});

describe("a server that says later", () => {
  test.each([503, 429, 408])("with %p is asked again, less and less often", async (code) => {
    const world = new ClientWorld();
    const server = new ScriptedServer(world.network);
    const receipt = world.upload({ retryForMs: 10 * minuteMs });
    const times: number[] = [];
    for (let turn = 0; turn < 5; turn++) {
      const heard = server.expect("post-file");
      if (turn > 0) await world.pass(1000 * 2 ** (turn - 1));
      await heard;
      times.push(world.clock.now());
      server.sendError(code);
      await world.settle();
    }
    const pauses = times.slice(1).map((time, at) => time - (times[at] as number));
    expect(pauses).toEqual([1000, 2000, 4000, 8000]);
    const served = server.serve();
    await world.pass(17_000);
    await served;
    expect((await receipt).uploadId).toBe("id");
  });

  test("for longer than the patience ends the upload with what it said", async () => {
    const world = new ClientWorld();
    const server = new ScriptedServer(world.network);
    const failed = failureOf(world.upload({ retryForMs: 5000 }));
    let isOver = false;
    const answering = (async () => {
      while (!isOver) {
        const { message } = await server.hear();
        if (message.type === "post-file") server.sendError(429, "Too many uploads");
      }
    })();
    await world.pass(10_000);
    const error = await failed;
    expect([error.code, error.message, error.meaning.exit]).toEqual([
      "too-many-uploads",
      "Too many uploads",
      5,
    ]);
    isOver = true;
    void answering;
  });
});

describe("a server that takes everything and then says later, again and again,", () => {
  test("is asked for as long as the patience lasts, although it answers every time", async () => {
    const world = new ClientWorld();
    const server = new ScriptedServer(world.network);
    const failed = failureOf(world.upload({ retryForMs: minuteMs }));
    const { length } = world.source.bytes;
    void (async () => {
      for (;;) {
        const { message } = await server.hear();
        if (message.type === "post-file") server.approve(10);
        if (message.type === "query-status") server.send({ type: "status-report", seek: length, credit: 2 });
        if (message.type === "post-chunk" && message.checksum !== null)
          server.sendError(503, "Not published");
      }
    })();
    await world.pass(2 * minuteMs);
    expect((await failed).message).toBe("Not published");
  });
});

describe("a message that is none,", () => {
  const nonsense = [Buffer.from("transfer-credit"), Buffer.from("transfer-credit")];

  test("from a server that spoke sense before, costs one connection: a damaged byte can join two messages", async () => {
    const world = new ClientWorld();
    const server = new ScriptedServer(world.network);
    const receipt = world.upload();
    await server.expect("post-file");
    server.approve(2);
    for (let turn = 0; turn < 2; turn++) await server.expect("post-chunk");
    server.sendFrames(nonsense);
    await world.pass(200);
    await server.expect("query-status");
    server.send({ type: "status-report", seek: 2048, credit: 10 });
    await server.receive();
    server.send({ type: "upload-finished", uploadId: "u1" });
    expect((await receipt).uploadId).toBe("u1");
    expect(world.attempts).toBe(2);
  });

  test("as the first answer is doubted once", async () => {
    const world = new ClientWorld();
    const server = new ScriptedServer(world.network);
    const failed = failureOf(world.upload());
    for (let turn = 0; turn < 2; turn++) {
      await server.expect("post-file");
      server.sendFrames(nonsense);
      await world.pass(2000);
    }
    expect((await failed).code).toBe("malformed");
    expect(world.attempts).toBe(2);
  });

  test("from a server that goes on like that, ends the upload", async () => {
    const world = new ClientWorld();
    const server = new ScriptedServer(world.network);
    const failed = failureOf(world.upload());
    await server.expect("post-file");
    server.approve(1);
    await server.expect("post-chunk");
    for (let turn = 0; turn < 4; turn++) {
      server.sendFrames(nonsense);
      await world.pass(2000);
      if (turn < 3) await server.expect("query-status");
    }
    expect((await failed).code).toBe("malformed");
  });
});

describe("a server with another key", () => {
  test("is tried three times, because one that restarts looks the same, and then is the wrong one", async () => {
    const world = new ClientWorld();
    new ScriptedServer(world.network, { keys: generateKeyPair() });
    const failed = failureOf(world.upload());
    await world.pass(5000);
    const error = await failed;
    expect([error.code, error.meaning.exit]).toEqual(["wrong-server", 7]);
    expect(world.attempts).toBe(3);
  });

  test("where the right one was before is tried ten times: damaged handshakes look the same", async () => {
    const world = new ClientWorld();
    const right = new ScriptedServer(world.network);
    const failed = failureOf(world.upload({ retryForMs: 10 * minuteMs }));
    await right.expect("post-file");
    right.close();
    new ScriptedServer(world.network, { keys: generateKeyPair() });
    await world.pass(60_000);
    expect((await failed).code).toBe("wrong-server");
    expect(world.attempts).toBe(11);
  });

  test("once, and then with the right one, is the right one", async () => {
    const world = new ClientWorld();
    const wrong = new ScriptedServer(world.network, { keys: generateKeyPair() });
    const receipt = world.upload();
    await world.settle();
    wrong.close();
    const served = new ScriptedServer(world.network).serve();
    await world.pass(1000);
    await served;
    await receipt;
    expect(world.attempts).toBe(2);
  });
});

test("a server that refuses the key ends the upload at once, also one that is waited for", async () => {
  const world = new ClientWorld();
  new ScriptedServer(world.network, { accepts: false });
  const error = await failureOf(world.upload({ retryFirst: true }));
  expect(error.code).toBe("key-refused");
  expect(world.attempts).toBe(1);
});

test("a server that forgot the upload gets it once more from the beginning", async () => {
  const world = new ClientWorld();
  const server = new ScriptedServer(world.network);
  const receipt = world.upload();
  await server.expect("post-file");
  server.approve(2);
  for (let turn = 0; turn < 2; turn++) await server.expect("post-chunk");
  server.sendError(404);
  expect(Buffer.from(await server.serve())).toEqual(Buffer.from(world.source.bytes));
  await receipt;
});
