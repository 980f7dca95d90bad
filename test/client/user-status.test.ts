// What a client takes a server's answers about its user's uploads for: in pages, bounded, and of servers that do not tell.

import { afterEach, beforeEach, expect, test } from "bun:test";
import { Asker } from "../../src/client/ask.ts";
import { newIdentity } from "../../src/client/identity.ts";
import { userStatus } from "../../src/client/user-status.ts";
import type { ErrorInfo } from "../../src/protocol/wire/message.ts";
import type { StatusQuestion } from "../../src/protocol/wire/status.ts";
import { ClientWorld, clientKeys, failureOf } from "./client-world.ts";
import { ScriptedServer, serverKeys } from "./scripted-server.ts";

let world: ClientWorld;
let server: ScriptedServer;
let asker: Asker;

beforeEach(() => {
  world = new ClientWorld();
  server = new ScriptedServer(world.network);
  const party = { host: "server", port: 8889, serverKey: serverKeys.publicKey, keys: clientKeys };
  const options = { party, client: "test", retryForMs: 0, retryFirst: false };
  asker = new Asker(options, { ...world.parts, newIdentity });
});

afterEach(async () => {
  asker.close();
  await world.settle();
  server.forgetRest();
  expect(world.network.messagesHeld).toBe(0);
});

type Answers = (question: StatusQuestion, after: string | undefined) => ErrorInfo;

/** Answers as long as `asked` is not over; returns how many questions there were. */
async function answering(asked: Promise<unknown>, answers: Answers): Promise<number> {
  const over = asked.then(
    () => null,
    () => null,
  );
  for (let questions = 0; ; questions++) {
    const post = await Promise.race([over, server.expect("post-file")]);
    if (post === null) return questions;
    const { status, after, tag, ask } = post.info;
    expect(ask).toBe(true);
    const info = { ...answers(status!, after), ask: true, ...(tag === undefined ? {} : { tag }) };
    server.send({ type: "error", code: 404, text: "Told", info });
  }
}

const asked = (last: number) => userStatus(asker, last, world.stop.signal);
const at = (second: number) => `2026-11-27T18:00:${String(second).padStart(2, "0")}.000Z`;

test("lists come page by page, the latest refusals of both kinds together", async () => {
  const told = asked(3);
  const pages: Partial<Record<StatusQuestion, readonly ErrorInfo[]>> = {
    account: [{ user: "anna", time: at(0), account: { stored: 5 } }],
    running: [{ rows: [{ id: "2", since: at(9) }], next: "p1" }, { rows: [{ id: "1", since: at(3) }] }],
    stored: [{ rows: [{ id: "5" }, { id: "4" }], next: "p1" }, { rows: [{ id: "3" }, { id: "2" }] }],
    refused: [
      {
        rows: [
          { name: "c", at: at(3) },
          { name: "a", at: at(1) },
        ],
      },
    ],
    failed: [
      {
        rows: [
          { name: "d", at: at(4) },
          { name: "b", at: at(2) },
        ],
        next: "p1",
      },
      { rows: [] },
    ],
  };
  await answering(told, (status, after) => ({
    status,
    ...pages[status]?.[after === undefined ? 0 : Number(after.slice(1))],
  }));
  expect(await told).toEqual({
    ...{ user: "anna", time: at(0), account: { stored: 5 } },
    running: {
      rows: [
        { id: "1", since: at(3) },
        { id: "2", since: at(9) },
      ],
      more: false,
    },
    waiting: { rows: [], more: false },
    stored: { rows: [{ id: "5" }, { id: "4" }, { id: "3" }], more: true },
    refused: {
      rows: [
        { name: "d", at: at(4) },
        { name: "c", at: at(3) },
        { name: "b", at: at(2) },
      ],
      more: true,
    },
  });
});

test("a server that always says that there is more is not asked for ever", async () => {
  const told = asked(5);
  const questions = await answering(told, (status) => ({ status, rows: [], next: "again" }));
  expect((await told).stored).toEqual({ rows: [], more: true });
  expect(questions).toBeLessThan(2500);
});

test.each<[string, number, ErrorInfo]>([
  ["that answers another question", 404, {}],
  ["whose rules refuse that one", 403, { rule: "none" }],
])("an older server, %s, does not tell", async (_, code, info) => {
  const told = failureOf(asked(5));
  const post = await server.expect("post-file");
  server.send({ type: "error", code, text: "Why", info: { ...info, ask: true, tag: post.info.tag! } });
  expect(await told).toMatchObject({
    code: "cannot-know",
    message: expect.stringContaining("does not tell"),
  });
});

test("and so does the original, which takes it for an upload that is given up again", async () => {
  const told = failureOf(asked(5));
  await server.expect("post-file");
  server.send({ type: "upload-approved", credit: 1, chunkBytes: 1024, maxQueue: 2, info: {} });
  expect(await server.expect("error")).toMatchObject({ code: 499 });
  expect(await told).toMatchObject({ code: "cannot-know" });
});

test("what is wrong on the server is no older server", async () => {
  const told = failureOf(asked(5));
  const post = await server.expect("post-file");
  server.send({
    type: "error",
    code: 500,
    text: "Its catalogue is damaged",
    info: { ask: true, tag: post.info.tag! },
  });
  expect(await told).toMatchObject({ code: "internal", message: "Its catalogue is damaged" });
});
