// Asking a server what it has: what its answers mean, one question at a time on a connection, and servers that know no questions.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import type { Fault } from "../../src/base/error.ts";
import { Asker, type Question } from "../../src/client/ask.ts";
import { newIdentity } from "../../src/client/identity.ts";
import type { ErrorInfo, PostFile } from "../../src/protocol/wire/message.ts";
import { ClientWorld, clientKeys, failureOf } from "./client-world.ts";
import { ScriptedServer, serverKeys } from "./scripted-server.ts";

const question: Question = { name: "run.raw", metadataText: '{"sample":"A1"}' };
const sha256 = "ab".repeat(32);

let world: ClientWorld;
let server: ScriptedServer;
let asker: Asker;
/** Of the question that came last. */
let lastTag = 0;

beforeEach(() => {
  world = new ClientWorld();
  server = new ScriptedServer(world.network);
  const party = { host: "server", port: 8889, serverKey: serverKeys.publicKey, keys: clientKeys };
  const parts = { ...world.parts, newIdentity };
  asker = new Asker({ party, client: "test", retryForMs: 60_000, retryFirst: false }, parts);
});

afterEach(async () => {
  asker.close();
  await world.settle();
  server.forgetRest();
  expect(world.network.messagesHeld).toBe(0);
});

const ask = (it = question) => asker.ask(it, world.stop.signal);
const answer = (code: number, text: string, info: ErrorInfo = {}, tag = lastTag) =>
  server.send({ type: "error", code, text, info: { ...info, ask: true, tag } });

/** The next question, after the one that finds out whether there can be any. */
async function heard(): Promise<PostFile> {
  const post = await server.expect("post-file");
  expect(post.info.ask).toBe(true);
  lastTag = post.info.tag ?? -1;
  if (!post.name.endsWith(".ask")) return post;
  answer(404, "Nothing");
  return await heard();
}

describe("an answer", () => {
  const stored = { size: 4, sha256, upload: "u1" };
  const none = { files: null, otherName: null };
  const rows: readonly (readonly [number, ErrorInfo, unknown])[] = [
    [404, {}, { type: "missing" }],
    [404, { rule: "ms" }, { type: "missing", rule: "ms" }],
    [409, {}, { type: "taken", text: "Why" }],
    [409, { size: 4 }, { type: "taken", text: "Why" }],
    [
      409,
      { ...stored, metadata: "same" },
      { type: "stored", stored: { ...stored, ...none, hasSameMetadata: true } },
    ],
    [
      409,
      { ...stored, metadata: "different", files: sha256, name: "other.raw" },
      {
        type: "stored",
        stored: { ...stored, files: sha256, otherName: "other.raw", hasSameMetadata: false },
      },
    ],
  ];
  test.each(rows)("%p with %j", async (code, info, expected) => {
    const asked = ask({ ...question, sha256 });
    const { name, metadataText, info: about } = await heard();
    expect({ name, metadataText, about }).toEqual({
      ...question,
      about: { client: "test", ask: true, tag: 2, sha256 },
    } as never);
    answer(code, "Why", info);
    expect<unknown>(await asked).toEqual(expected);
  });

  test.each([
    [403, "forbidden"],
    [422, "metadata-rejected"],
    [413, "too-large"],
  ])("%p says that it would not be taken", async (code, name) => {
    const asked = ask();
    await heard();
    answer(code, "Why");
    expect(await asked).toMatchObject({ type: "refused", error: { code: name, message: "Why" } });
  });

  const text = (path: string, types?: readonly string[]) => ({ path, text: "Why", ...(types && { types }) });
  test.each<[readonly Fault[], string | undefined]>([
    [[text("run", ["integer"])], "-k run:=7"],
    [[text("run", ["number", "null"]), text("blank", ["boolean"])], "-k run:=7 -k blank:=true"],
    [[text("none", ["null"]), text("gone", ["integer"])], "-k none:=null"],
    // What is no number is not mended so, nor what may be a text, nor what others decide.
    [
      [text("half", ["integer"]), text("run", ["integer", "string"]), text("run"), text("", ["integer"])],
      undefined,
    ],
    [[text("a.b", ["integer"]), text("__proto__", ["integer"]), text("n", ["string"])], undefined],
  ])("lists %j, with how the types are given: %p", async (faults, fields) => {
    const metadataText = '{"run":"7","blank":"true","none":"null","half":"1.5","a":{"b":"1"},"n":1}';
    const asked = ask({ ...question, metadataText });
    await heard();
    answer(422, "Why", { faults });
    const hint = fields && `behind ":" is a text; for a number, true or false write ":=": ${fields}`;
    expect(await asked).toMatchObject({ type: "refused", error: { faults, hint } });
  });
});

describe("rules", () => {
  test("by which it was answered are those of the last answer", async () => {
    expect(asker.rulesDigest).toBe(null);
    for (const rules of [sha256, "cd".repeat(32), undefined]) {
      const asked = ask();
      await heard();
      answer(404, "Nothing", rules === undefined ? {} : { rules });
      await asked;
      expect(asker.rulesDigest).toBe(rules ?? null);
    }
  });

  test("are asked for part by part, about a name that nothing has", async () => {
    const asked = asker.rulesFrom(2400, world.stop.signal);
    const post = await server.expect("post-file");
    expect(post.name).toMatch(/^dync-[0-9a-f]{16}\.ask$/);
    expect(post.info).toEqual({ client: "test", ask: true, tag: 1, rulesFrom: 2400 });
    const info = { user: "alice", rules: sha256, rulesSize: 2403, rulesPart: "YWJj" };
    answer(404, "A part", info, post.info.tag);
    expect(await asked).toEqual({
      code: "unknown-upload",
      text: "A part",
      info: { ...info, ask: true, tag: 1 },
    });
  });

  test("are asked for once: what does not answer now gives none", async () => {
    const failed = failureOf(asker.rulesFrom(0, world.stop.signal));
    const { info } = await server.expect("post-file");
    answer(503, "Not now", {}, info.tag);
    expect(await failed).toMatchObject({ code: "not-ready", message: "Not now" });
  });
});

describe("a stored upload that the server reads again", () => {
  const about = { name: "run.raw", metadataText: "{}", sha256 };
  const read = (it: Question = about) => asker.readAgain("u1", it, world.stop.signal);
  const done: ErrorInfo = { readsAgain: true, readAgain: "u1", upload: "u1", sha256 };

  /** The next question of that kind, after the one that finds out whether there can be any. */
  async function heardReading(announced: ErrorInfo = { readsAgain: true }): Promise<PostFile> {
    const post = await server.expect("post-file");
    lastTag = post.info.tag ?? -1;
    if (!post.name.endsWith(".ask")) return post;
    answer(404, "Nothing", announced);
    return await heardReading(announced);
  }

  test("is proved by all that was asked about", async () => {
    const asked = read();
    expect((await heardReading()).info).toMatchObject({ ask: true, readAgain: "u1", sha256 });
    answer(409, "Read", done);
    expect(await asked).toEqual({ type: "proved" });
  });

  const other = "cd".repeat(32);
  test.each<[string, number, ErrorInfo, string]>([
    ["of another upload", 409, { ...done, readAgain: "u2" }, "damaged"],
    ["that came by another upload", 409, { ...done, upload: "u2" }, "damaged"],
    ["with another checksum", 409, { ...done, sha256: other }, "damaged"],
    ["that is only known, and was not read", 409, { readsAgain: true, upload: "u1", sha256 }, "damaged"],
    ["that differs", 460, { readsAgain: true }, "damaged"],
    ["that is gone", 404, { readsAgain: true }, "missing"],
    ["that is refused", 403, { readsAgain: true }, "refused"],
  ])("is not proved by something %s", async (_, code, info, type) => {
    const asked = read();
    await heardReading();
    answer(code, "Why", info);
    expect((await asked).type).toBe(type as "damaged");
  });

  test("of a dataset is proved by the list of its files, and by nothing else", async () => {
    const dataset = { name: "run.tar", metadataText: "{}", unpack: "tar", files: sha256 } as const;
    for (const [files, type] of [
      [sha256, "proved"],
      [other, "damaged"],
    ] as const) {
      const asked = read(dataset);
      await heardReading();
      answer(409, "Read", { readsAgain: true, readAgain: "u1", upload: "u1", sha256: other, files });
      expect((await asked).type).toBe(type);
    }
  });

  test("is waited for as long as the server shows that it is there, and no longer", async () => {
    const asked = read();
    await heardReading();
    for (let minutes = 0; minutes < 5; minutes++) {
      server.send({ type: "transfer-credit", amount: 0 });
      await world.pass(20_000, 1000);
    }
    answer(409, "Read", done);
    expect(await asked).toEqual({ type: "proved" });
    const again = read();
    await heardReading();
    await world.pass(32_000, 1000);
    // It is asked anew, over another connection.
    await heardReading();
    answer(409, "Read", done);
    expect(await again).toEqual({ type: "proved" });
  });

  test("is asked of no server that does not say that it does so", async () => {
    const failed = failureOf(read());
    const post = await server.expect("post-file");
    answer(404, "Nothing", {}, post.info.tag);
    expect(await failed).toMatchObject({ code: "cannot-know" });
    expect((await failed).message).toContain("cannot prove what it has");
    expect((await failureOf(read())).code).toBe("cannot-know");
    await world.settle();
    expect(world.attempts).toBe(1);
  });

  test("is not proved by the answer to another question, from a server that was replaced by an older one", async () => {
    const failed = failureOf(read());
    await heardReading();
    answer(409, "There is a file", { size: 4, sha256, upload: "u1", metadata: "same" });
    expect((await failed).code).toBe("cannot-know");
  });

  test("is not proved by the original server, which takes a question for an upload", async () => {
    const failed = failureOf(read());
    await server.expect("post-file");
    server.approve();
    expect(await server.expect("error")).toMatchObject({ code: 499 });
    expect((await failed).message).toContain("cannot prove what it has");
  });
});

describe("a connection", () => {
  test("is used for one question after another, and is one more for each at once", async () => {
    const first = ask();
    await heard();
    answer(404, "Nothing");
    await first;
    const second = ask({ ...question, name: "second.raw" });
    expect((await heard()).name).toBe("second.raw");
    const tag = lastTag;
    const third = ask({ ...question, name: "third.raw" });
    await world.settle();
    expect(world.network.connections.length).toBe(2);
    answer(409, "Taken", {}, tag);
    expect(await second).toEqual({ type: "taken", text: "Taken" });
    expect((await heard()).name).toBe("third.raw");
    answer(404, "Nothing");
    expect(await third).toEqual({ type: "missing" });
  });

  test("on which an answer comes twice answers nothing else by the second", async () => {
    const first = ask();
    await heard();
    const tag = lastTag;
    answer(404, "Nothing");
    await first;
    const second = ask({ ...question, name: "second.raw" });
    await heard();
    answer(404, "Nothing", {}, tag);
    answer(409, "Taken");
    expect(await second).toEqual({ type: "taken", text: "Taken" });
  });

  test("that broke is replaced, and the question is asked again", async () => {
    const asked = ask();
    await heard();
    server.cut();
    await world.pass(2000);
    expect((await heard()).name).toBe("run.raw");
    answer(404, "Nothing");
    expect(await asked).toEqual({ type: "missing" });
  });

  test("that broke while nobody asked is not asked again", async () => {
    const asked = ask();
    await heard();
    answer(404, "Nothing");
    await asked;
    server.cut();
    await world.settle();
    const again = ask();
    await heard();
    answer(404, "Nothing");
    expect(await again).toEqual({ type: "missing" });
  });

  test("on which no answer comes is given up, and what comes late answers nothing", async () => {
    const asked = ask();
    await heard();
    await world.pass(32_000, 1000);
    await heard();
    answer(409, "Taken");
    expect(await asked).toEqual({ type: "taken", text: "Taken" });
  });
});

describe("a server", () => {
  test("that cannot tell just now is asked again, until the patience ends", async () => {
    const failed = failureOf(ask());
    await heard();
    for (let tries = 0; tries < 6; tries++) {
      answer(503, "Being published");
      await world.pass(20_000, 500);
      await Promise.race([heard(), failed]);
    }
    expect(await failed).toMatchObject({ code: "not-ready", message: "Being published" });
  });

  test("that stops answers nothing by that", async () => {
    const asked = ask();
    await heard();
    server.sendError(503, "Going down");
    await world.pass(1000);
    await heard();
    answer(404, "Nothing");
    expect(await asked).toEqual({ type: "missing" });
  });

  test("that takes a question for an upload is told that it is none, and no name of ours is risked", async () => {
    const failed = failureOf(ask());
    expect((await server.expect("post-file")).name).toMatch(/^dync-[0-9a-f]{16}\.ask$/);
    server.approve();
    expect(await server.expect("error")).toMatchObject({ code: 499 });
    expect((await failed).message).toBe(
      "The server at server:8889 cannot be asked what it has or would take",
    );
    // Nor is it asked once more.
    expect((await failureOf(ask())).message).toContain("cannot be asked");
    expect(world.attempts).toBe(1);
  });

  test("that answered one takes another for an upload only when that was damaged: it is asked again", async () => {
    const asked = ask();
    await heard();
    server.approve();
    expect(await server.expect("error")).toMatchObject({ code: 499 });
    await world.pass(1000);
    await heard();
    answer(404, "Nothing");
    expect(await asked).toEqual({ type: "missing" });
  });

  test("that has no use for our key says so", async () => {
    const failed = failureOf(ask());
    await server.expect("post-file");
    server.sendError(403, "This key is not authorised on the server");
    expect(await failed).toMatchObject({ code: "forbidden" });
  });

  test("that was never reached is not waited for", async () => {
    server.close();
    expect((await failureOf(ask())).code).toBe("unreachable");
  });
});

test("a question ends with the signal", async () => {
  const asked = ask();
  await heard();
  world.stop.abort(new Error("enough"));
  await expect(asked).rejects.toThrow("enough");
});
