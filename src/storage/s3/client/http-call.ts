// One HTTP request and its answer, by the runtime's own client: connections are kept, there is a limit to all waiting, and an answer
// that is cut short is none.

import {
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
  type RequestOptions,
} from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Clock } from "../../../base/clock.ts";
import { NoAnswer, noAnswerOf } from "./s3-error.ts";

export interface HttpCall {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** In pieces, which are sent one behind the other; `null`: without one. */
  readonly body: readonly Uint8Array[] | null;
  /** Until there is a whole answer (of what is read as it comes: until each piece of it). */
  readonly limitMs: number;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

export interface WholeReply extends HttpReply {
  readonly body: Buffer;
}

export interface OpenReply extends HttpReply {
  /** Rejects with `NoAnswer` when it is cut short. Whoever does not read all of it returns the iterator. */
  readonly body: AsyncIterable<Buffer>;
}

// What is not read as it comes is XML, or a text of ours.
const bodyBytesMax = 64 * 1024 * 1024;
const connectionsMax = 64;

export class HttpCaller {
  readonly #clock: Clock;
  readonly #agent: HttpAgent | HttpsAgent;
  readonly #begin: (options: RequestOptions) => ReturnType<typeof httpRequest>;

  /** `ca` holds the certificates (PEM) that a server's has to follow from, `null`: those that the runtime knows. */
  constructor(isTls: boolean, ca: string | null, clock: Clock) {
    this.#clock = clock;
    const options = { keepAlive: true, maxSockets: connectionsMax };
    const tls = ca === null ? {} : { ca };
    this.#agent = isTls ? new HttpsAgent({ ...options, ...tls }) : new HttpAgent(options);
    this.#begin = isTls ? (it) => httpsRequest({ ...it, ...tls }) : (it) => httpRequest(it);
  }

  /** Rejects with `NoAnswer`, or with the reason of the signal. */
  async whole(call: HttpCall): Promise<WholeReply> {
    return await wholeOf(await this.open(call));
  }

  /** The same, as soon as its answer begins. */
  async open(call: HttpCall): Promise<OpenReply> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const { method, url, headers, body, limitMs, signal } = call;
    signal?.throwIfAborted();
    const { hostname, port, pathname, search } = url;
    const request = this.#begin({
      ...{ method, port, path: pathname + search, agent: this.#agent },
      hostname: hostname.replace(/^\[|\]$/g, ""),
      headers: { ...headers, ...(body === null ? {} : { "content-length": String(lengthOf(body)) }) },
    });
    const timer = new Limit(this.#clock, limitMs, () => request.destroy(silent(limitMs)));
    const onAbort = (): void => void request.destroy(signal?.reason as Error);
    signal?.addEventListener("abort", onAbort, { once: true });
    const over = (): void => {
      timer.stop();
      signal?.removeEventListener("abort", onAbort);
    };
    request.once("response", resolve);
    request.on("error", reject);
    // Neither follows where a runtime only says that the connection is gone.
    request.once("close", () => reject(new NoAnswer("the connection was closed")));
    for (const piece of body ?? []) request.write(piece);
    request.end();
    try {
      const message = await promise;
      timer.again();
      return {
        status: message.statusCode ?? 0,
        headers: textsOf(message),
        body: piecesOf(message, call, timer, over),
      };
    } catch (error) {
      over();
      throw signal?.aborted ? signal.reason : asNoAnswer(error, timer, limitMs);
    }
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** All of an answer. Rejects with `NoAnswer` where it is cut short, or far too long. */
export async function wholeOf({ status, headers, body }: OpenReply): Promise<WholeReply> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of body) {
    bytes += piece.length;
    if (bytes > bodyBytesMax) throw new NoAnswer("its answer is far too long");
    pieces.push(piece);
  }
  return { status, headers, body: Buffer.concat(pieces) };
}

export function lengthOf(body: readonly Uint8Array[]): number {
  return body.reduce((sum, { length }) => sum + length, 0);
}

/** Ends what waits for too long. */
class Limit {
  readonly #clock: Clock;
  readonly #ms: number;
  readonly #end: () => void;
  #cancel: () => void = () => {};
  isOver = false;

  constructor(clock: Clock, ms: number, end: () => void) {
    this.#clock = clock;
    this.#ms = ms;
    this.#end = end;
    this.again();
  }

  again(): void {
    this.#cancel();
    this.#cancel = this.#clock.after(this.#ms, () => {
      this.isOver = true;
      this.#end();
    });
  }

  stop(): void {
    this.#cancel();
  }
}

async function* piecesOf(message: IncomingMessage, call: HttpCall, timer: Limit, over: () => void) {
  const announced = call.method === "HEAD" ? undefined : message.headers["content-length"];
  let bytes = 0;
  let isWhole = false;
  try {
    for await (const piece of message as AsyncIterable<Buffer>) {
      timer.again();
      bytes += piece.length;
      yield piece;
    }
    // A runtime may take the end of the connection for the end of the answer.
    if (announced !== undefined && bytes !== Number(announced))
      throw new NoAnswer("its answer was cut short");
    isWhole = true;
  } catch (error) {
    if (call.signal?.aborted) throw call.signal.reason;
    throw asNoAnswer(error, timer, call.limitMs);
  } finally {
    over();
    if (!isWhole) message.destroy();
  }
}

function asNoAnswer(error: unknown, timer: Limit, limitMs: number): Error {
  if (error instanceof NoAnswer) return error;
  return timer.isOver ? silent(limitMs) : noAnswerOf(error);
}

function silent(limitMs: number): NoAnswer {
  return new NoAnswer(`no answer for ${Math.round(limitMs / 1000)} seconds`);
}

function textsOf({ headers }: IncomingMessage): Readonly<Record<string, string>> {
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) texts[name] = String(value);
  return texts;
}
