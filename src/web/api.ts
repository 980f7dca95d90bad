// What the status page asks for and does: signing in and out, what happens now as a stream of events, and the commands that
// people type beside the server. Which of them somebody may use, his role says.

import { DyncError, errorFields, errorMeanings } from "../base/error.ts";
import { fullInMs, type History, type Span, spans } from "../server/history.ts";
import {
  type HttpAnswer,
  type HttpHandler,
  type HttpRequest,
  type HttpRoute,
  jsonAnswer,
} from "./http/http-message.ts";
import type { LiveView } from "./live-view.ts";
import type { ProxyUsers } from "./proxy-sign-in.ts";
import type { Role, Sessions, WebSession } from "./sessions.ts";

/** What a command is given. */
export interface WebCall {
  /** As they came: the command checks them. */
  readonly arguments: { readonly [name: string]: unknown };
  /** Who asks. */
  readonly by: string;
  readonly signal: AbortSignal;
  tell(line: object): Promise<void>;
}

/** Resolves to the answer. A `DyncError` is an answer, too. */
export type WebCommand = (call: WebCall) => Promise<object>;

export interface ApiParts {
  readonly sessions: Sessions;
  readonly proxyUsers: ProxyUsers;
  /** Where browsers reach the page, where that is said: scheme, host, perhaps a path. */
  readonly publicUrl: () => string | null;
  readonly view: LiveView;
  readonly history: Pick<History, "of">;
  /** By name, as they are typed. */
  readonly commands: ReadonlyMap<string, WebCommand>;
}

/** What a viewer may ask. A steward may use all that there are. */
const viewing: ReadonlySet<string> = new Set([
  ...["uploads list", "uploads show", "users list", "users show", "instruments list"],
  ...["hooks list", "clients list", "clients pending", "refusals list"],
]);

// A page of a list, with room for the largest.
const linesMax = 1_000;
const cookieName = "dync-session";

/** The routes below `/api/`. */
export function apiRoutes(parts: ApiParts): Readonly<Record<string, HttpRoute>> {
  return {
    "/api/sign-in": { act: (request) => signIn(request, parts) },
    "/api/sign-out": { act: withSession(parts, (request) => signOut(request, parts), true) },
    "/api/session": { read: withSession(parts, (_, session) => sessionAnswer(session, parts)) },
    "/api/events": {
      read: withSession(parts, (request, session) => {
        // Signed out, over, or of another role: what happens is told no more.
        const isIn = (): boolean => sessionOf(request, parts) === session;
        return { status: 200, events: (sink) => parts.view.follow(sink, isIn) };
      }),
    },
    "/api/history": { read: withSession(parts, (request) => historyOver(request, parts)) },
    "/api/call": { act: withSession(parts, (request, session) => call(request, session, parts), true) },
  };
}

type ForSession = (request: HttpRequest, session: WebSession) => Promise<HttpAnswer> | HttpAnswer;

/** Only for who is signed in, and, where it `acts`, from the page itself: it knows the session's proof. */
function withSession(parts: ApiParts, handle: ForSession, acts = false): HttpHandler {
  return (request) => {
    const session = sessionOf(request, parts);
    if (typeof session === "string") return refused(403, session);
    if (session === null)
      return refused(401, "Nobody is signed in here", '"dync-server web link" prints a link that signs in');
    if (acts && (isFromElsewhere(request, parts) || request.header("x-dync-proof") !== session.proof))
      return refused(403, "This did not come from the page of this server");
    return handle(request, session);
  };
}

/** Whose request it is: by a proxy before by a cookie. `null`: nobody's; a text: why the one whom a proxy knows may not look. */
function sessionOf(request: HttpRequest, { sessions, proxyUsers }: ApiParts): WebSession | string | null {
  const user = proxyUsers.of(request);
  switch (user.type) {
    case "user":
      return sessions.ofProxy(user.name, user.role);
    case "refused":
      return user.text;
    case "none":
      return sessions.find(cookieOf(request));
  }
}

function sessionAnswer(session: WebSession, { proxyUsers }: ApiParts): HttpAnswer {
  const { role, name, proof, by } = session;
  return jsonAnswer(200, { role, name, proof, by, signOut: by === "proxy" ? proxyUsers.signOut : null });
}

/** Browsers say where a request comes from; what says nothing has to know the proof all the same. */
function isFromElsewhere({ header }: HttpRequest, { publicUrl }: Pick<ApiParts, "publicUrl">): boolean {
  const site = header("sec-fetch-site");
  if (site !== undefined && site !== "same-origin") return true;
  const origin = header("origin");
  if (origin === undefined) return false;
  // A proxy may ask for another host than the browser did.
  const own = [header("host"), URL.parse(publicUrl() ?? "")?.host];
  return !own.includes(URL.parse(origin)?.host);
}

function cookieOf({ header }: HttpRequest): string {
  const pairs = (header("cookie") ?? "").split(/; */).map((pair) => pair.split("="));
  return pairs.find(([name]) => name === cookieName)?.[1] ?? "";
}

async function signIn(request: HttpRequest, parts: ApiParts): Promise<HttpAnswer> {
  const { sessions } = parts;
  if (isFromElsewhere(request, parts)) return refused(403, "This did not come from the page of this server");
  const { secret } = objectIn(await request.body());
  const begun = typeof secret === "string" ? sessions.signIn(secret) : null;
  if (begun === null)
    return refused(
      401,
      "This link is not good any more: each one signs in once, within 15 minutes",
      '"dync-server web link" prints another one',
    );
  // Behind a proxy the connection itself has no TLS: it says so.
  const isSecure = request.isSecure || request.header("x-forwarded-proto") === "https";
  const attributes = ["Path=/", "HttpOnly", "SameSite=Strict", ...(isSecure ? ["Secure"] : [])];
  const cookie = [`${cookieName}=${begun.cookie}`, ...attributes].join("; ");
  const answer = sessionAnswer(begun.session, parts);
  return { ...answer, headers: { "set-cookie": cookie } };
}

function historyOver({ query }: HttpRequest, { history }: ApiParts): HttpAnswer {
  const over = query.get("over") ?? "hour";
  if (!Object.hasOwn(spans, over)) return refused(400, `One of ${Object.keys(spans).join(", ")} is wanted`);
  const full = fullInMs(history.of("day").samples, spans.day.stepMs);
  return jsonAnswer(200, { ...spans[over as Span], ...history.of(over as Span), fullInMs: full });
}

function signOut(request: HttpRequest, { sessions }: ApiParts): HttpAnswer {
  sessions.signOut(cookieOf(request));
  const gone = `${cookieName}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0`;
  return jsonAnswer(200, {}, { "set-cookie": gone });
}

async function call(request: HttpRequest, session: WebSession, parts: ApiParts): Promise<HttpAnswer> {
  const { command, arguments: given = {} } = objectIn(await request.body());
  const found = typeof command === "string" ? parts.commands.get(command) : undefined;
  if (found === undefined || !isObject(given)) return refused(400, "There is no such command");
  if (!mayUse(session.role, command as string))
    return refused(403, "You may look, and not act: that is for stewards");
  const lines: object[] = [];
  const stop = new AbortController();
  const tell = async (line: object): Promise<void> => {
    if (lines.push(line) >= linesMax)
      stop.abort(new DyncError("too-large", "That is more than a page shows"));
  };
  try {
    const answer = await found({ arguments: given, by: session.name, signal: stop.signal, tell });
    return jsonAnswer(200, { lines, answer });
  } catch (error) {
    if (!(error instanceof DyncError)) throw error;
    return jsonAnswer(errorMeanings[error.code].wire ?? 400, { error: errorFields(error) });
  }
}

function mayUse(role: Role, command: string): boolean {
  return role === "steward" || viewing.has(command);
}

function refused(status: number, message: string, hint?: string): HttpAnswer {
  return jsonAnswer(status, { error: { message, ...(hint === undefined ? {} : { hint }) } });
}

function objectIn(text: string): { readonly [name: string]: unknown } {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

function isObject(value: unknown): value is { readonly [name: string]: unknown } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
