// Who may do what over HTTP: the routes themselves, without sockets.

import { describe, expect, test } from "bun:test";
import { DyncError } from "../../src/base/error.ts";
import type { ProxySignIn } from "../../src/config/sign-in-table.ts";
import { History } from "../../src/server/history.ts";
import { apiRoutes, type WebCommand } from "../../src/web/api.ts";
import type { EventSink, HttpAnswer, HttpRequest } from "../../src/web/http/http-message.ts";
import { LiveView } from "../../src/web/live-view.ts";
import { ProxyUsers } from "../../src/web/proxy-sign-in.ts";
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
  const view = new LiveView({
    clock,
    server,
    throughput: new Throughput(clock),
    freeBytes: async () => 7,
    alarms: async () => [],
  });
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
  let signIn: ProxySignIn | null = null;
  const log: string[] = [];
  const logger = { log: (_: string, message: string) => void log.push(message) };
  const proxyUsers = new ProxyUsers({ signInOf: () => signIn, clock, logger });
  const publicUrl = () => "https://lab.example.org/dync";
  const routes = apiRoutes({ sessions, proxyUsers, publicUrl, view, commands, history: new History(clock) });
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
  const configure = (it: ProxySignIn | null): void => {
    signIn = it;
  };
  return { clock, sessions, asked, act, read, signedIn, view, routes, configure, log };
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

describe("behind a proxy that signs people in", () => {
  const from = [
    { address: "127.0.0.1", bits: null },
    { address: "10.1.0.0", bits: 16 },
    { address: "fd00::", bits: 8 },
  ];
  const signIn: ProxySignIn = {
    ...{ header: "x-remote-user", from, signOut: "/leave" },
    stewards: [(name) => name === "anna"],
    viewers: [(name) => name.startsWith("v") || name === "Jörg"],
  };
  const asked = (headers: Headers, at = "127.0.0.1") => ({ ...requestWith(headers), from: at });
  const bytes = (text: string): string => Buffer.from(text).toString("latin1");
  const session = async ({ routes }: ReturnType<typeof begun>, headers: Headers, at?: string) => {
    const { status, body } = (await routes["/api/session"]?.read?.(asked(headers, at))) ?? { status: 0 };
    return { status, ...JSON.parse(body?.text ?? "{}") };
  };

  test("each is what the configuration says, by request, and without a cookie", async () => {
    const page = begun();
    page.configure(signIn);
    expect(await session(page, { "x-remote-user": "anna" })).toMatchObject({
      name: "anna",
      role: "steward",
      by: "proxy",
      signOut: "/leave",
    });
    expect(await session(page, { "x-remote-user": "vera" })).toMatchObject({ name: "vera", role: "viewer" });
    expect(await session(page, { "x-remote-user": bytes("Jörg") })).toMatchObject({
      name: "Jörg",
      role: "viewer",
    });
    expect(await session(page, { "x-remote-user": "bert" })).toMatchObject({
      status: 403,
      error: { message: expect.stringContaining("bert is no viewer") },
    });
    expect(await session(page, {})).toMatchObject({ status: 401 });
    const cookie = await page.signedIn("viewer");
    expect(await session(page, cookie)).toMatchObject({ name: "a viewer", by: "link", signOut: null });
    expect(await session(page, { ...cookie, "x-remote-user": "anna" })).toMatchObject({ name: "anna" });
  });

  test.each(["10.1.2.3", "fd12::7"])("a proxy at %s is one of those that are named", async (at) => {
    const page = begun();
    page.configure(signIn);
    expect(await session(page, { "x-remote-user": "anna" }, at)).toMatchObject({ name: "anna" });
  });

  test.each(["10.2.0.1", "192.168.0.1", "fe80::1", "::1", ""])(
    "nobody is believed at %j, which the log says once",
    async (at) => {
      const page = begun();
      page.configure(signIn);
      for (let time = 0; time < 3; time++)
        expect(await session(page, { "x-remote-user": "anna" }, at)).toMatchObject({ status: 401 });
      expect(page.log).toHaveLength(1);
      page.configure(null);
      expect(await session(page, { "x-remote-user": "anna" })).toMatchObject({ status: 401 });
    },
  );

  test.each([
    "anna, vera",
    "anna,anna",
    "",
    " ",
    "a;b",
    "v".repeat(65),
    "v\u0000",
    bytes("v\u202emoc"),
    "v\xff",
  ])("%j is no name of one user", async (text) => {
    const page = begun();
    page.configure(signIn);
    expect(await session(page, { "x-remote-user": text })).toMatchObject({
      status: 403,
      error: { message: expect.stringContaining("is no name of one user") },
    });
  });

  test("who acts needs the proof, from the page, and the role; the audit log has the name", async () => {
    const page = begun();
    page.configure(signIn);
    const { proof } = await session(page, { "x-remote-user": "anna" });
    const call = async (headers: Headers) =>
      (
        await page.routes["/api/call"]?.act?.({
          ...requestWith({ "x-remote-user": "anna", ...headers }, calling("uploads cancel")),
        })
      )?.status;
    expect(await call({})).toBe(403);
    expect(await call({ "x-dync-proof": proof, origin: "https://elsewhere.example", host: "server" })).toBe(
      403,
    );
    expect(await call({ "x-dync-proof": proof, "sec-fetch-site": "same-site" })).toBe(403);
    expect(await call({ "x-dync-proof": proof, "x-remote-user": "vera" })).toBe(403);
    expect(page.asked).toEqual([]);
    // The proxy asks for another host than the browser did.
    expect(
      await call({ "x-dync-proof": proof, origin: "https://lab.example.org", host: "10.0.0.7:8890" }),
    ).toBe(200);
    expect(page.asked).toMatchObject([{ name: "uploads cancel", by: "anna" }]);
  });

  test("who is taken out of the configuration hears no more", async () => {
    const page = begun();
    page.configure(signIn);
    const gone = new AbortController();
    let hasEnded = false;
    const end = (): void => {
      hasEnded = true;
    };
    const answer = await page.routes["/api/events"]?.read?.(asked({ "x-remote-user": "anna" }));
    answer?.events?.({ gone: gone.signal, send: () => true, end });
    page.clock.advance(20 * 3_600_000);
    expect(hasEnded).toBe(false);
    page.configure({ ...signIn, stewards: [], viewers: [(name) => name === "anna"] });
    page.clock.advance(1000);
    expect(hasEnded).toBe(true);
  });
});

describe("what happens now", () => {
  /** A reader that takes so many events. */
  function reader(takes = Number.POSITIVE_INFINITY) {
    const gone = new AbortController();
    const got: string[] = [];
    const send: EventSink["send"] = (_, data) => got.length < takes && got.push(data) > 0;
    let hasEnded = false;
    const end = (): void => {
      hasEnded = true;
    };
    return {
      got,
      leave: () => gone.abort(),
      hasEnded: () => hasEnded,
      sink: { gone: gone.signal, send, end },
    };
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

  test("is told no more, and the stream ends, when its reader signs out or the working day is over", async () => {
    const { clock, act, read, signedIn } = begun();
    const [leaves, stays] = [await signedIn("viewer"), await signedIn("viewer")];
    const readers: ReturnType<typeof reader>[] = [];
    for (const headers of [leaves, stays]) {
      const it = reader();
      (await read("/api/events", headers)).events?.(it.sink);
      readers.push(it);
    }
    const ended = () => readers.map((it) => it.hasEnded());
    await act("/api/sign-out", requestWith(leaves));
    clock.advance(1000);
    await turns();
    expect(ended()).toEqual([true, false]);
    expect(readers.map(({ got }) => got.length)).toEqual([1, 2]);
    // Who looks is there: two hours without a question are no end. Twelve are.
    clock.advance(11 * 3_600_000);
    expect(ended()).toEqual([true, false]);
    clock.advance(3_600_000);
    expect(ended()).toEqual([true, true]);
  });

  test("costs nothing when nobody looks any more", async () => {
    const { clock, view } = begun();
    const { got, leave, sink } = reader();
    view.follow(sink, () => true);
    await turns();
    leave();
    clock.advance(10_000);
    await turns();
    expect(got).toHaveLength(1);
  });

  test("is one text for all, however many look", async () => {
    const { clock, view } = begun();
    const readers = Array.from({ length: 50 }, () => reader());
    for (const { sink } of readers) view.follow(sink, () => true);
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
