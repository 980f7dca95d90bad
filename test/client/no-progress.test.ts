// Servers that answer and get nowhere: when an upload ends although it is answered every time, how often the same bytes
// are sent, and what is no reason to end it.

import { describe, expect, test } from "bun:test";
import type { Source } from "../../src/client/source.ts";
import { patternOf, sha256 } from "./bytes-source.ts";
import { ClientWorld, failureOf } from "./client-world.ts";
import { ScriptedServer } from "./scripted-server.ts";

const minuteMs = 60_000;
const patienceMs = 6000;

/** Hears everything until the test is over; `answer` may look at the message. */
function play(
  server: ScriptedServer,
  answer: (message: Awaited<ReturnType<ScriptedServer["hear"]>>["message"]) => void,
): void {
  void (async () => {
    for (;;) answer((await server.hear()).message);
  })();
}

describe("a server that always answers and never moves ends the upload when the patience does", () => {
  test.each([
    [0, /^The server answers, but has taken nothing more for (6|7|8|9|10) s$/],
    [4, /^The server asks again and again for what it was sent$/],
  ])("with credit %p", async (credit, text) => {
    const world = new ClientWorld();
    const server = new ScriptedServer(world.network);
    const failed = failureOf(world.upload({ retryForMs: patienceMs }));
    let chunks = 0;
    play(server, (message) => {
      if (message.type === "post-file") server.approve(credit);
      if (message.type === "post-chunk") chunks++;
      if (message.type !== "post-file") server.send({ type: "status-report", seek: 0, credit });
    });
    await world.pass(patienceMs + 5000);
    const error = await failed;
    expect(error.meaning.exit).toBe(5);
    expect(error.message).toMatch(text);
    expect(chunks).toBeLessThan(300);
  });
});

test("a server that goes back to the beginning each time gets the file some times and not thousands", async () => {
  const world = new ClientWorld();
  const server = new ScriptedServer(world.network);
  const failed = failureOf(world.upload({ retryForMs: 10 * minuteMs }));
  let rounds = 0;
  play(server, (message) => {
    if (message.type === "post-file") server.approve(10);
    if (message.type === "query-status") server.send({ type: "status-report", seek: 0, credit: 10 });
    if (message.type !== "post-chunk" || message.checksum === null) return;
    rounds++;
    server.send({ type: "status-report", seek: 0, credit: 10 });
  });
  await world.pass(11 * minuteMs);
  expect((await failed).message).toBe("The server asks again and again for what it was sent");
  expect(rounds).toBeGreaterThan(10);
  expect(rounds).toBeLessThan(50);
});

test("a server that goes back to the beginning and then confirms is asked whether it means it", async () => {
  const world = new ClientWorld();
  const server = new ScriptedServer(world.network);
  const failed = failureOf(world.upload({ retryForMs: patienceMs }));
  await server.expect("post-file");
  server.approve(10);
  await server.receive();
  server.send({ type: "status-report", seek: 0, credit: 0 });
  server.send({ type: "upload-finished", uploadId: "nothing" });
  await world.settle();
  await server.expect("query-status");
  play(server, (message) => {
    if (message.type === "query-status") server.send({ type: "status-report", seek: 0, credit: 0 });
  });
  await world.pass(patienceMs + 5000);
  expect((await failed).code).toBe("timed-out");
});

test("a file that is sent anew, since the server lost it, gets the time that this takes", async () => {
  const world = new ClientWorld();
  const server = new ScriptedServer(world.network);
  const receipt = world.upload({ retryForMs: patienceMs });
  await server.expect("post-file");
  server.approve(10);
  await server.receive();
  server.send({ type: "status-report", seek: 0, credit: 0 });
  for (let turn = 0; turn < 5; turn++) {
    await world.pass(3000);
    server.send({ type: "transfer-credit", amount: 1 });
    await world.settle();
    await server.expect("post-chunk");
  }
  server.send({ type: "transfer-credit", amount: 1 });
  await world.settle();
  await server.expect("post-chunk");
  server.send({ type: "upload-finished", uploadId: "u1" });
  expect((await receipt).sha256).toBe(sha256(world.source.bytes));
});

test("a source that takes its time does not use the patience up, although its credit is taken back", async () => {
  const world = new ClientWorld();
  const server = new ScriptedServer(world.network);
  const gate = Promise.withResolvers<void>();
  const bytes = patternOf(3000);
  const source: Source = {
    size: null,
    modified: null,
    canSeek: false,
    async read(offset, into) {
      if (offset >= 1024) await gate.promise;
      const found = bytes.subarray(offset, offset + into.length);
      into.set(found);
      return found.length;
    },
    verifyUnchanged: async () => {},
    close: async () => {},
  };
  const receipt = world.upload({ source, retryForMs: patienceMs });
  let credit = 2;
  play(server, (message) => {
    if (message.type === "post-file") server.approve(credit);
    if (message.type === "query-status") server.send({ type: "status-report", seek: 1024, credit });
    if (message.type === "post-chunk" && message.checksum !== null)
      server.send({ type: "upload-finished", uploadId: "u1" });
  });
  await world.pass(5000);
  credit = 0;
  server.send({ type: "status-report", seek: 1024, credit });
  await world.pass(10 * minuteMs, 1000);
  gate.resolve();
  await world.settle();
  credit = 10;
  await world.pass(10_000);
  expect((await receipt).sha256).toBe(sha256(bytes));
});
