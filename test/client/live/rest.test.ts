// An upload whose source grows, and has nothing to send for minutes, hours and days.

import { afterEach, beforeEach, expect, test } from "bun:test";
import type { Receipt } from "../../../src/client/upload.ts";
import type { ClientMessage } from "../../../src/protocol/wire/message.ts";
import { type TempFolder, tempFolder } from "../../support/temp-folder.ts";
import { patternOf, sha256 } from "../bytes-source.ts";
import { ClientWorld, failureOf } from "../client-world.ts";
import { ScriptedServer } from "../scripted-server.ts";
import { GrowingBytes } from "./growing-bytes.ts";

const minute = 60_000;
const hour = 60 * minute;
const approval = { type: "upload-approved", credit: 8, chunkBytes: 10_000, maxQueue: 8 } as const;
const info = { tags: true, unpack: true, removes: true };

let folder: TempFolder;
let world: ClientWorld;
let server: ScriptedServer;
let source: GrowingBytes;
let upload: Promise<Receipt>;

beforeEach(async () => {
  folder = await tempFolder();
  world = new ClientWorld();
  server = new ScriptedServer(world.network);
  source = await GrowingBytes.open(folder.file("sha256"));
  upload = world.upload({ source });
  upload.catch(() => {});
});

afterEach(async () => {
  world.stop.abort();
  await upload.catch(() => {});
  await source.close();
  await folder[Symbol.asyncDispose]();
});

interface Answering {
  /** How often the client said that it leaves. */
  left: number;
  /** The first thing that is neither that nor a question. */
  readonly other: Promise<ClientMessage>;
}

/** Answers questions, as a server that has `seek` bytes. */
function answering(seek: number): Answering {
  const other = Promise.withResolvers<ClientMessage>();
  const answers = { left: 0, other: other.promise };
  const answer = async (): Promise<void> => {
    for (;;) {
      const { message } = await server.hear();
      if (message.type === "error") {
        expect(message.code).toBe(503);
        answers.left += 1;
      } else if (message.type === "query-status") {
        const { tag } = message;
        server.send({ type: "status-report", seek, credit: 8, ...(tag === undefined ? {} : { tag }) });
      } else return other.resolve(message);
    }
  };
  void answer();
  return answers;
}

async function sendFirst(): Promise<void> {
  await server.expect("post-file");
  server.send({ ...approval, info });
  source.append(patternOf(5000));
  expect((await server.expect("post-chunk")).data.length).toBe(5000);
  const { tag } = await server.expect("query-status");
  server.send({ type: "status-report", seek: 5000, credit: 7, ...(tag === undefined ? {} : { tag }) });
  await world.settle();
}

test("what was sent is known to be there as soon as the server can say so", async () => {
  await sendFirst();
  expect(source.known).toBe(5000);
});

test("after minutes in which somebody may look at a run of very many files the server has its place for others; what comes then is sent on a new connection, days later as well", async () => {
  await sendFirst();
  const answers = answering(5000);
  await world.pass(14 * minute, 1000);
  expect([answers.left, world.attempts]).toEqual([0, 1]);
  await world.pass(2 * minute, 1000);
  expect([answers.left, world.attempts]).toEqual([1, 1]);
  // Every three hours it is there for some minutes, so that nobody takes it for gone for good.
  await world.pass(48 * hour, 20_000);
  expect([answers.left, world.attempts]).toEqual([15, 15]);
  expect(world.progress.at(-1)?.pause).toBeNull();
  source.append(patternOf(3000));
  const chunk = (await answers.other) as Extract<ClientMessage, { type: "post-chunk" }>;
  expect([chunk.seek, chunk.data.length, world.attempts]).toEqual([5000, 3000, 16]);
  source.end();
  const last = await server.expect("post-chunk");
  const whole = Buffer.concat([patternOf(5000), patternOf(3000)]);
  expect([last.seek, Buffer.from(last.checksum ?? []).toString("hex")]).toEqual([8000, sha256(whole)]);
  server.send({ type: "upload-finished", uploadId: "1" });
  expect(await upload).toMatchObject({ bytes: 8000, sha256: sha256(whole) });
  expect(source.readAgainBytes).toBe(0);
});

test("a server that goes back while nothing comes has it again at once, and the checksum goes back with it", async () => {
  await server.expect("post-file");
  server.send({ ...approval, chunkBytes: 2000, info });
  source.append(patternOf(5000));
  for (const seek of [0, 2000, 4000]) expect((await server.expect("post-chunk")).seek).toBe(seek);
  await world.settle();
  server.send({ type: "status-report", seek: 2000, credit: 8 });
  for (const seek of [2000, 4000]) expect((await server.expect("post-chunk")).seek).toBe(seek);
  source.end();
  const { checksum } = await server.expect("post-chunk");
  expect(Buffer.from(checksum ?? []).toString("hex")).toBe(sha256(patternOf(5000)));
  server.send({ type: "upload-finished", uploadId: "1" });
  expect(await upload).toMatchObject({ bytes: 5000 });
  expect(source.readAgainBytes).toBe(0);
});

test.each([{ tags: true }, { tags: true, unpack: true }, { tags: true, removes: true }])(
  "a server that says only %p is told at once that nothing comes",
  async (less) => {
    await server.expect("post-file");
    server.send({ ...approval, info: { ...less, farewell: true } as never });
    const { code } = await server.expect("error");
    expect(code).toBe(499);
    expect((await failureOf(upload)).message).toContain("takes no run that is still being written");
  },
);
