// Who may do what over HTTP: the routes themselves, without sockets.

import { describe, expect, test } from "bun:test";
import { DyncError } from "../../src/base/error.ts";
import { History } from "../../src/server/history.ts";
import { apiRoutes, type WebCommand } from "../../src/web/api.ts";
import type { EventSink, HttpAnswer, HttpRequest } from "../../src/web/http/http-message.ts";
import { LiveView } from "../../src/web/live-view.ts";
import { type Role, Sessions } from "../../src/web/sessions.ts";
import { Throughput } from "../../src/web/throughput.ts";
import { ManualClock } from "../support/manual-clock.ts";

type Headers = Readonly<Record<string, string>>;

function requestWith(headers: Headers, sent: unknown = {}): HttpRequest {
  return {
    ...{ method: "POST", path: "/", query: new URLSearchParams(), from: "127.0.0.1", isSecure: false },
    header: (name) => headers[name],
    body: async () => (typeof sent === "string" ? sent : JSON.stringify(sent)),
  };
}

function begun() {
  const clock = new ManualClock();
  let count = 0;
  const sessions = new Sessions({ clock, newSecret: () => `secret${++count}` });
  const server = {
    ...{ openUploads: 0, pendingKeys: [], running: () => [] },
    credit: { budgetBytes: 1, heldBytes: 0 },
  };
  const view = new LiveView({ clock, server, throughput: new Throughput(clock), freeBytes: async () => 7 });
  const asked: { name: string; by: string; arguments: object }[] = [];
  const command =
    (name: string): WebCommand =>
    async ({ by, arguments: given, tell }) => {
      asked.push({ name, by, arguments: given });
      await tell({ line: 1 });
      return { answer: name };
    };
  const commands = new Map<string, WebCommand>([
    ["uploads list", command("uploads list")],
    ["uploads cancel", command("uploads cancel")],
    ["clients approve", () => Promise.reject(new DyncError("name-taken", "of another", { hint: "take it" }))],
    ["broken", () => Promise.reject(new Error("inside"))],
    [
      "endless",
      async ({ signal, tell }) => {
        for (;;) {
          signal.throwIfAborted();
          await tell({});
        }
      },
    ],
  ]);
  const routes = apiRoutes({ sessions, view, commands, history: new History(clock) });
  const act = async (path: string, request: HttpRequest): Promise<HttpAnswer> =>
    (await routes[path]?.act?.(request)) ?? { status: 0 };
  const read = async (path: string, headers: Headers): Promise<HttpAnswer> =>
    (await routes[path]?.read?.(requestWith(headers))) ?? { status: 0 };
  /** Signs in; returns what a browser sends from then on, and what the page knows. */
  const signedIn = async (role: Role) => {
    const { secret } = sessions.link(role, `a ${role}`);
    const answer = await act("/api/sign-in", requestWith({}, { secret }));
    const cookie = (answer.headers?.["set-cookie"] ?? "").split(";")[0] as string;
    const { proof } = JSON.parse(answer.body?.text ?? "{}");
    return { cookie, "x-dync-proof": proof as string };
  };
  return { clock, sessions, asked, act, read, signedIn, view };
}

const calling = (command: string, given: object = {}) => ({ command, arguments: given });

describe("signing in", () => {
  test("gives a cookie that scripts do not see and other sites do not send", async () => {
    const { act, sessions } = begun();
    const { secret } = sessions.link("viewer", "x");
    const answer = await act("/api/sign-in", requestWith({}, { secret }));
    expect(answer.headers?.["set-cookie"]).toMatch(/^dync-session=\w+; Path=\/; HttpOnly; SameSite=Strict$/);
  });

  test.each<[string, Partial<HttpRequest>, Headers]>([
    ["TLS", { isSecure: true }, {}],
    ["a proxy that has TLS", {}, { "x-forwarded-proto": "https" }],
  ])("with %s the cookie goes over TLS alone", async (_, more, headers) => {
    const { act, sessions } = begun();
    const { secret } = sessions.link("viewer", "x");
    const answer = await act("/api/sign-in", { ...requestWith(headers, { secret }), ...more });
    expect(answer.headers?.["set-cookie"]).toEndWith("; Secure");
  });

  test.each<[string, unknown]>([
    ["another secret", { secret: "secret99" }],
    ["no secret", {}],
    ["a secret that is no text", { secret: 7 }],
    ["no object", "[1]"],
    ["no JSON", "{"],
    ["nothing", ""],
  ])("with %s is refused", async (_, sent) => {
    expect((await begun().act("/api/sign-in", requestWith({}, sent))).status).toBe(401);
  });

  test("ends with signing out", async () => {
    const { act, read, signedIn } = begun();
    const headers = await signedIn("viewer");
    expect((await read("/api/session", headers)).status).toBe(200);
    expect((await act("/api/sign-out", requestWith(headers))).status).toBe(200);
    expect((await read("/api/session", headers)).status).toBe(401);
  });
});

describe("acting", () => {
  test("a steward does, in his name", async () => {
    const { act, asked, signedIn } = begun();
    const headers = await signedIn("steward");
    const answer = await act("/api/call", requestWith(headers, calling("uploads cancel", { ids: ["a"] })));
    expect(answer).toMatchObject({ status: 200 });
    expect(JSON.parse(answer.body?.text ?? "")).toEqual({
      lines: [{ line: 1 }],
      answer: { answer: "uploads cancel" },
    });
    expect(asked).toEqual([{ name: "uploads cancel", by: "a steward", arguments: { ids: ["a"] } }]);
  });

  test("a viewer may look, and not act", async () => {
    const { act, asked, signedIn } = begun();
    const headers = await signedIn("viewer");
    expect((await act("/api/call", requestWith(headers, calling("uploads list")))).status).toBe(200);
    expect((await act("/api/call", requestWith(headers, calling("uploads cancel")))).status).toBe(403);
    expect(asked.map(({ name }) => name)).toEqual(["uploads list"]);
  });

  test.each<[string, (own: { cookie: string; "x-dync-proof": string }) => Headers, number]>([
    ["nobody", () => ({}), 401],
    ["another cookie", (own) => ({ ...own, cookie: "dync-session=secret1" }), 401],
    ["a form of another page, which has the cookie alone", ({ cookie }) => ({ cookie }), 403],
    ["another proof", (own) => ({ ...own, "x-dync-proof": "x" }), 403],
    ["a page of another site", (own) => ({ ...own, "sec-fetch-site": "cross-site" }), 403],
    ["a page of the same site on another host", (own) => ({ ...own, "sec-fetch-site": "same-site" }), 403],
    ["another origin", (own) => ({ ...own, origin: "https://evil.example", host: "dync.example" }), 403],
    ["an origin that is none", (own) => ({ ...own, origin: "null", host: "dync.example" }), 403],
    ["the page itself", (own) => ({ ...own, origin: "http://dync.example:1", host: "dync.example:1" }), 200],
  ])("%s", async (_, headersOf, status) => {
    const { act, signedIn } = begun();
    const headers = headersOf(await signedIn("steward"));
    expect((await act("/api/call", requestWith(headers, calling("uploads cancel")))).status).toBe(status);
  });

  test.each<[string, unknown, number]>([
    ["a command that there is not", calling("constructor"), 400],
    ["no command", {}, 400],
    ["arguments that are none", { command: "uploads list", arguments: [] }, 400],
    ["no object", "null", 400],
    ["what the command refuses", calling("clients approve"), 409],
    ["more than a page shows", calling("endless"), 413],
  ])("%s: %s", async (_, sent, status) => {
    const { act, signedIn } = begun();
    const answer = await act("/api/call", requestWith(await signedIn("steward"), sent));
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.body?.text ?? "").error.message).toBeString();
  });

  test("a fault of ours is no answer", async () => {
    const { act, signedIn } = begun();
    const call = act("/api/call", requestWith(await signedIn("steward"), calling("broken")));
    expect(call).rejects.toThrow("inside");
  });
});

describe("what happens now", () => {
  /** A reader that takes so many events. */
  function reader(takes = Number.POSITIVE_INFINITY) {
    const gone = new AbortController();
    const got: string[] = [];
    const send: EventSink["send"] = (_, data) => got.length < takes && got.push(data) > 0;
    return { got, leave: () => gone.abort(), sink: { gone: gone.signal, send } };
  }
  const turns = async () => {
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
  };

  test("is told at once, and then once a second, to who is signed in", async () => {
    const { clock, read, signedIn } = begun();
    expect((await read("/api/events", {})).status).toBe(401);
    const answer = await read("/api/events", await signedIn("viewer"));
    const { got, sink } = reader();
    answer.events?.(sink);
    await turns();
    expect(got).toHaveLength(1);
    expect(JSON.parse(got[0] as string)).toMatchObject({ open: 0, freeBytes: 7, running: [] });
    for (let second = 0; second < 3; second++) {
      clock.advance(1000);
      await turns();
    }
    expect(got).toHaveLength(4);
  });

  test("costs nothing when nobody looks any more", async () => {
    const { clock, view } = begun();
    const { got, leave, sink } = reader();
    view.follow(sink);
    await turns();
    leave();
    clock.advance(10_000);
    await turns();
    expect(got).toHaveLength(1);
  });

  test("is one text for all, however many look", async () => {
    const { clock, view } = begun();
    const readers = Array.from({ length: 50 }, () => reader());
    for (const { sink } of readers) view.follow(sink);
    await turns();
    clock.advance(1000);
    await turns();
    expect(new Set(readers.map(({ got }) => got.at(-1))).size).toBe(1);
  });
});

describe("bytes a second", () => {
  test("are those of the last seconds", () => {
    const clock = new ManualClock();
    const throughput = new Throughput(clock);
    for (let second = 0; second < 10; second++) {
      throughput.add(1000);
      clock.advance(1000);
    }
    expect(throughput.bytesPerSecond).toBe(800);
    clock.advance(10_000);
    expect(throughput.bytesPerSecond).toBe(0);
  });
});
