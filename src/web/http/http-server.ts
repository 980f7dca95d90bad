// Listens for HTTP, with TLS or without, and hands what is well-formed and asked of a path that there is to its handler. Bounds
// what anybody can make it hold: connections, headers, time. Everything else about HTTP is the runtime's.

import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { createSecureContext } from "node:tls";
import type { Clock } from "../../base/clock.ts";
import { DyncError, messageOf, systemCode } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import { type HttpAddress, writeHttpAddress } from "../../config/http-address.ts";
import { readNamedFile } from "../named-file.ts";
import { eventSink } from "./event-stream.ts";
import {
  type FileBody,
  type HttpAnswer,
  type HttpHandler,
  type HttpRoute,
  type HttpRoutes,
  plainAnswer,
} from "./http-message.ts";
import { BodyFault, readBody } from "./request-body.ts";
import { fileAnswer, sendFile } from "./send-file.ts";

export interface HttpServerParts {
  readonly address: HttpAddress;
  /** Paths of PEM files; `null`: without TLS. */
  readonly tls: { readonly certificate: string; readonly key: string } | null;
  readonly routes: HttpRoutes;
  readonly clock: Clock;
  readonly logger: Logger;
}

// Some browsers with several pages each, and whoever scrapes. One more is closed at once.
const connectionsMax = 512;
// A browser sends less than 2 KiB.
const headerBytesMax = 16 * 1024;
const targetCharsMax = 4096;
// Who asks has all of it at hand.
const headersMs = 10_000;
const requestMs = 30_000;
const idleMs = 30_000;
// A proxy looks for what is late this often.
const checkMs = 1_000;
// What is being answered when the server stops.
const stopMs = 1_000;

const faultOfOurs = "Something went wrong here: the log of the server says what";

// A page of ours says more; all else may load nothing, be shown in no frame, and is what its type says.
const safeHeaders = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
} as const;

export class HttpServer implements AsyncDisposable {
  readonly #parts: HttpServerParts;
  readonly #server: Server;

  private constructor(parts: HttpServerParts) {
    this.#parts = parts;
    this.#server = makeServer(parts, (request, response) => void this.#serve(request, response));
    this.#server.maxConnections = connectionsMax;
    this.#server.on("clientError", (_: Error, socket: Socket) => refuse(socket));
    for (const event of ["checkContinue", "checkExpectation", "upgrade", "connect"] as const)
      this.#server.on(event, (_: IncomingMessage, to: ServerResponse | Socket) => {
        if (!("writeHead" in to)) return refuse(to);
        to.writeHead(417, { ...safeHeaders, connection: "close" }).end();
      });
  }

  /** Listens. Throws `DyncError` ("configuration"; "unavailable" where another program has the port). */
  static async open(parts: HttpServerParts): Promise<HttpServer> {
    const http = new HttpServer(parts);
    const { host, port } = parts.address;
    try {
      await new Promise<void>((resolve, reject) => {
        http.#server.once("error", reject);
        http.#server.listen({ port, ...(host === "*" ? {} : { host }) }, resolve);
      });
    } catch (error) {
      throw listenError(error, parts.address);
    }
    http.#server.on("error", (error) =>
      parts.logger.log("error", "HTTP failed", { reason: messageOf(error) }),
    );
    return http;
  }

  /** Where it listens: the port is that which the system chose. */
  get address(): HttpAddress {
    return { host: this.#parts.address.host, port: (this.#server.address() as AddressInfo).port };
  }

  /** Answers what was asked already, for a moment, and ends. */
  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeIdleConnections();
    const cancel = this.#parts.clock.after(stopMs, () => this.#server.closeAllConnections());
    await closed;
    cancel();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // What becomes of a connection shows when it is written to.
    request.on("error", () => {});
    response.on("error", () => {});
    await this.#send(await this.#answer(request), request, response);
  }

  async #send(answer: HttpAnswer, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, headers, body, events, file } = answer;
    const isEmpty = request.headers["content-length"] === undefined && !request.headers["transfer-encoding"];
    const all = {
      ...safeHeaders,
      ...headers,
      // What nobody read of it would be taken for the next request.
      ...(isEmpty || request.complete ? {} : { connection: "close" }),
    };
    if (file !== undefined) return await this.#sendFile(file, all, request, response);
    if (events !== undefined && request.method !== "HEAD") {
      response.writeHead(status, { ...all, "content-type": "text/event-stream" });
      response.flushHeaders();
      return events(eventSink(response, this.#parts.clock));
    }
    const text = Buffer.from(body?.text ?? "");
    response.writeHead(status, {
      ...all,
      ...(body === undefined ? {} : { "content-type": body.type }),
      "content-length": text.length,
    });
    response.end(request.method === "HEAD" ? undefined : text);
  }

  async #sendFile(
    file: FileBody,
    headers: Readonly<Record<string, string>>,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const { clock, logger } = this.#parts;
    const answer = fileAnswer(request, file);
    try {
      const opened = answer.range === null ? null : await file.open();
      if (opened !== null && "status" in opened) return await this.#send(opened, request, response);
      response.writeHead(answer.status, { ...headers, ...answer.headers });
      if (opened === null || answer.range === null) return void response.end();
      await sendFile(response, opened, answer.range, clock);
    } catch (error) {
      logger.log("error", "A file was not given over HTTP", { reason: messageOf(error) });
      if (response.headersSent) return void response.destroy();
      await this.#send(plainAnswer(500, faultOfOurs), request, response);
    }
  }

  async #answer(request: IncomingMessage): Promise<HttpAnswer> {
    const target = targetOf(request.url ?? "");
    if (target === null) return plainAnswer(400, "This is no path of this server");
    const route = this.#parts.routes.get(target.pathname);
    if (route === undefined) return plainAnswer(404, "There is nothing here");
    const method = methodIn(request.method);
    const handler = method === "POST" ? route.act : method === null ? undefined : route.read;
    if (method === null || handler === undefined)
      return plainAnswer(405, "This cannot be done here", { allow: allowedAt(route) });
    try {
      return await handler({
        ...{ method, path: target.pathname, query: target.searchParams },
        header: (name) => request.headers[name]?.toString(),
        from: plainAddress(request.socket.remoteAddress ?? ""),
        isSecure: this.#parts.tls !== null,
        body: () => readBody(request),
      });
    } catch (error) {
      if (error instanceof BodyFault) return plainAnswer(error.status, error.message);
      this.#parts.logger.log("error", "A request over HTTP was not answered", {
        ...{ path: target.pathname, reason: messageOf(error) },
      });
      return plainAnswer(500, faultOfOurs);
    }
  }
}

function methodIn(method: string | undefined): "GET" | "HEAD" | "POST" | null {
  return method === "GET" || method === "HEAD" || method === "POST" ? method : null;
}

function allowedAt({ read, act }: HttpRoute): string {
  return [...(read === undefined ? [] : ["GET", "HEAD"]), ...(act === undefined ? [] : ["POST"])].join(", ");
}

function makeServer(
  { tls }: HttpServerParts,
  onRequest: (request: IncomingMessage, response: ServerResponse) => void,
): Server {
  const bounds = {
    ...{ maxHeaderSize: headerBytesMax, headersTimeout: headersMs, requestTimeout: requestMs },
    ...{ keepAliveTimeout: idleMs, connectionsCheckingInterval: checkMs },
  };
  if (tls === null) return createHttpServer(bounds, onRequest);
  const [cert, key] = [readNamedFile(tls.certificate), readNamedFile(tls.key)];
  try {
    createSecureContext({ cert, key });
  } catch (cause) {
    const text = `${tls.certificate} and ${tls.key} are no certificate with its key: ${messageOf(cause)}`;
    throw new DyncError("configuration", text, { cause, hint: "both are PEM, and belong together" });
  }
  return createHttpsServer({ ...bounds, cert, key, minVersion: "TLSv1.2" }, onRequest);
}

function listenError(cause: unknown, address: HttpAddress): DyncError {
  const where = writeHttpAddress(address);
  switch (systemCode(cause)) {
    case "EADDRINUSE":
      return new DyncError("unavailable", `Another program has ${where}, where HTTP was to be answered`, {
        ...{ cause, hint: "end it, or choose another port with http in server.toml" },
      });
    case "EADDRNOTAVAIL":
      return new DyncError("configuration", `${where} is no address of this machine`, { cause });
    case "EACCES":
      return new DyncError("configuration", `Only the administrator may answer HTTP at ${where}`, {
        ...{ cause, hint: "choose a port above 1023" },
      });
    default:
      return new DyncError("configuration", `HTTP cannot be answered at ${where}: ${messageOf(cause)}`, {
        cause,
      });
  }
}

/** The path and query of a request line, or `null`: it is another server's, or no path. */
function targetOf(target: string): URL | null {
  if (!target.startsWith("/") || target.length > targetCharsMax) return null;
  // With a host of its own: "//there/path" is a path here.
  return URL.parse(`http://dync.invalid${target}`);
}

/** An IPv4 address that a socket of both versions shows as one of IPv6, as it is written otherwise. */
function plainAddress(address: string): string {
  return address.replace(/^::ffff:(?=\d+\.)/, "");
}

/** Says that it was no request, where anybody still listens, and ends the connection. */
function refuse(socket: Socket): void {
  if (!socket.writable) return void socket.destroy();
  socket.end("HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
}

/** Routes by their paths; a handler alone is one that reads. */
export function routesOf(routes: Readonly<Record<string, HttpHandler | HttpRoute>>): HttpRoutes {
  return new Map(
    Object.entries(routes).map(([path, route]) => [
      path,
      typeof route === "function" ? { read: route } : route,
    ]),
  );
}
