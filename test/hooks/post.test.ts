// Web services as hooks: what they are sent, and what becomes of those that do not do as they should.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHmac } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { systemClock } from "../../src/base/clock.ts";
import type { Hook } from "../../src/hooks/hook.ts";
import { type PostCall, post } from "../../src/hooks/run/post.ts";
import { hookRunner } from "../../src/hooks/run/run-hook.ts";
import { lastingPort } from "../support/ports.ts";

interface Got {
  readonly headers: IncomingMessage["headers"];
  readonly method: string | undefined;
  readonly body: string;
}

let server: Server;
let base: string;
const got: Got[] = [];
let answer: (response: ServerResponse, request: IncomingMessage) => void = (response) => response.end();

beforeAll(async () => {
  server = createServer((request, response) => {
    const parts: Uint8Array[] = [];
    request.on("data", (part: Uint8Array) => parts.push(part));
    request.on("end", () => {
      got.push({ headers: request.headers, method: request.method, body: Buffer.concat(parts).toString() });
      answer(response, request);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

async function posted(change: Partial<PostCall> = {}) {
  const { failure, output } = await post({
    ...{ url: `${base}/hook`, headers: {}, body: "told", answerBytesMax: 1000, timeoutMs: 60_000 },
    ...{ signal: new AbortController().signal, clock: systemClock },
    ...change,
  });
  return { failure, output: Buffer.from(output).toString() };
}

describe("a post", () => {
  test("is taken with any 2xx, and answered with what is in it", async () => {
    answer = (response) => response.writeHead(201).end('{"refuse":"no"}');
    expect(await posted({ body: `é${"x".repeat(300_000)}` })).toEqual({
      ...{ failure: null, output: '{"refuse":"no"}' },
    });
    expect(got.at(-1)?.body).toBe(`é${"x".repeat(300_000)}`);
    answer = (response) => response.writeHead(204).end();
    expect(await posted()).toEqual({ failure: null, output: "" });
  });

  const failures: readonly (readonly [string, (response: ServerResponse) => void, string])[] = [
    ["503", (response) => response.writeHead(503).end("\n  try later\nmore"), "answered 503: try later"],
    ["404 without words", (response) => response.writeHead(404).end(), "answered 404"],
    [
      "a move",
      (response) => response.writeHead(302, { location: "https://other.example/x" }).end(),
      "answered 302, moved to https://other.example/x: set that as its url",
    ],
    ["more than is wanted", (response) => response.end("x".repeat(5000)), "answered more than 1000 bytes"],
    ["a broken connection", (response) => response.destroy(), "cannot be reached: the connection broke"],
  ];
  test.each(failures)("that gets %s has failed", async (_what, how, failure) => {
    answer = how;
    expect(await posted()).toEqual({ failure, output: "" });
  });

  test("of which no answer is wanted reads none, also of one without end", async () => {
    answer = (response) => {
      response.writeHead(200);
      response.write("x".repeat(100_000));
    };
    expect(await posted({ answerBytesMax: 0 })).toEqual({ failure: null, output: "" });
    answer = (response) => {
      response.writeHead(500);
      response.write(`${"x".repeat(100_000)}`);
    };
    expect((await posted()).failure).toStartWith("answered 500: xxxx");
  });

  test("that takes too long is given up, before and amid its answer", async () => {
    answer = () => {};
    expect(await posted({ timeoutMs: 50 })).toMatchObject({ failure: "took longer than 0.05 s" });
    answer = (response) => {
      response.writeHead(200);
      response.write("{");
    };
    expect(await posted({ timeoutMs: 50 })).toMatchObject({ failure: "took longer than 0.05 s" });
  });

  test("to where nobody is says so", async () => {
    const nobody = `http://127.0.0.1:${await lastingPort()}/`;
    expect(await posted({ url: nobody })).toMatchObject({
      failure: "cannot be reached: nothing listens there",
    });
    expect(await posted({ url: "http://nowhere.invalid/" })).toMatchObject({
      failure: expect.stringContaining("cannot be reached: "),
    });
  });

  test("ends when nobody needs it any more", async () => {
    const stop = new AbortController();
    answer = () => stop.abort(new Error("stopped"));
    expect(posted({ signal: stop.signal })).rejects.toThrow("stopped");
    await posted({ signal: stop.signal }).catch(() => {});
  });
});

test("a hook's post says which it is, and is signed over what it says", async () => {
  answer = (response) => response.end("{}");
  const secret = "0123456789abcdef";
  const hook: Hook = {
    ...{ name: "lims", event: "before", timeoutMs: 60_000, atOnce: 1, onFailure: "refuse" },
    target: {
      type: "url",
      url: `${base}/hook?x=1`,
      headers: { Authorization: "Bearer abc" },
      sign: (text) => createHmac("sha256", secret).update(text).digest("hex"),
    },
  };
  const run = hookRunner({ clock: systemClock, environment: {}, mailOf: () => "", agent: "dync-server/1" });
  const text = '{"metadata":{"é":1}}';
  const { signal } = new AbortController();
  const outcome = await run({ hook, upload: "ab", attempt: 3, text, answerBytesMax: 100, signal });
  expect(outcome).toMatchObject({ type: "done" });
  const signature = createHmac("sha256", secret).update(Buffer.from(text)).digest("hex");
  expect(got.at(-1)).toMatchObject({
    method: "POST",
    body: text,
    headers: {
      authorization: "Bearer abc",
      "content-type": "application/json",
      "user-agent": "dync-server/1",
      "idempotency-key": "ab:lims",
      "x-dync-event": "before",
      "x-dync-hook": "lims",
      "x-dync-attempt": "3",
      "x-hub-signature-256": `sha256=${signature}`,
    },
  });
});
