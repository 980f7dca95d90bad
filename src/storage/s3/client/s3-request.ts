// A request to the object store: addressed, signed, sent, and sent again with pauses while what keeps it from being done may pass.

import { AwsV4Signer } from "aws4fetch";
import { type Clock, sleep } from "../../../base/clock.ts";
import { messageOf } from "../../../base/error.ts";
import type { Logger } from "../../../base/log.ts";
import { doubled, jittered } from "../../../base/pauses.ts";
import { Semaphore } from "../../../base/semaphore.ts";
import {
  type BodiesBeside,
  type Body,
  type BodyWork,
  bodiesHere,
  type DigestName,
  ThreadGone,
} from "./body-work.ts";
import type { S3Credentials } from "./credentials.ts";
import {
  type HttpCall,
  HttpCaller,
  type HttpReply,
  lengthOf,
  type OpenReply,
  type WholeReply,
  wholeOf,
} from "./http-call.ts";
import { isPassing, NoAnswer, S3Error, Untrusted, WrongAnswer } from "./s3-error.ts";
import { rootOf, textOf } from "./xml.ts";

/** Where the store is, and who asks. */
export interface S3Place {
  /** Scheme, host and port. */
  readonly endpoint: URL;
  readonly region: string;
  readonly bucket: string;
  /** The bucket is the first part of paths, and not of the host's name. */
  readonly pathStyle: boolean;
  readonly credentials: S3Credentials;
  /** Certificates (PEM) that the store's has to follow from; `null`: those that the runtime knows. */
  readonly ca: string | null;
}

export interface S3RequestParts {
  readonly clock: Clock;
  readonly log: Logger;
  /** In [0, 1). */
  readonly random: () => number;
  /** Who does what bodies cost, where they are long; not there: this thread does it. */
  readonly beside?: BodiesBeside | undefined;
}

export interface S3Request {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  /** `null`: the bucket itself. */
  readonly key: string | null;
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: readonly Uint8Array[] | null;
  /** Besides what a slow line needs for the body. */
  readonly limitMs?: number;
}

/** How long something is tried again. */
export interface Patience {
  readonly forMs: number;
  readonly signal?: AbortSignal | undefined;
  /** A certificate that is not trusted now is not waited for. */
  readonly wantsTrust?: boolean;
}

const limitMsDefault = 30_000;
// A line that is slower than that is none to send data over.
const bytesPerMsMin = 64;
// A look-up waits behind the parts that are under way; more of these than that would only share a line.
const inFlightMax = 32;
const pauses = { minMs: 200, maxMs: 10_000 };
// What is damaged each time is not damaged by chance.
const wrongAnswersMax = 5;

export class S3Requests {
  readonly #place: S3Place;
  readonly #parts: S3RequestParts;
  readonly #http: HttpCaller;
  readonly #here: BodyWork;
  readonly #inFlight = new Semaphore();
  // Keys of signatures, which are good for a day.
  readonly #cache = new Map<string, ArrayBuffer>();
  /** Since when it does not do as it is asked (monotonic ms), or `null`. */
  #troubleSince: number | null = null;

  constructor(place: S3Place, parts: S3RequestParts) {
    this.#place = place;
    this.#parts = parts;
    this.#http = new HttpCaller(isTls(place), place.ca, parts.clock);
    this.#here = bodiesHere(this.#http);
  }

  /** What `read` makes of the answer. Rejects with `S3Error`, `NoAnswer`, `WrongAnswer`, or the reason of the signal. */
  async send<T>(request: S3Request, patience: Patience, read: (reply: WholeReply) => T): Promise<T> {
    return await this.#again(patience, async () => {
      const reply = await this.#whole(await this.#signed(request, patience.signal));
      throwIfRefused(reply);
      return read(reply);
    });
  }

  /** The same for an answer that is read as it comes; what fails then is not tried again. */
  async open(request: S3Request, patience: Patience): Promise<OpenReply> {
    return await this.#again(patience, async () => {
      const reply = await this.#http.open(await this.#signed(request, patience.signal));
      if (reply.status < 300) return reply;
      throwIfRefused(await wholeOf(reply));
      return reply;
    });
  }

  close(): void {
    this.#http.close();
  }

  async #whole(call: HttpCall): Promise<WholeReply> {
    const { beside } = this.#parts;
    if (beside?.takes(lengthOf(call.body ?? [])) !== true) return await this.#here.whole(call);
    try {
      return await beside.whole(call);
    } catch (error) {
      // It may have been sent, or not: as where no answer comes.
      throw error instanceof ThreadGone ? new NoAnswer(error.message, { cause: error }) : error;
    }
  }

  /** The checksum of all that is in `body`. */
  async digest(name: DigestName, body: Body): Promise<Buffer> {
    const { beside } = this.#parts;
    if (beside?.takes(lengthOf(body)) !== true) return await this.#here.digest(name, body);
    try {
      return await beside.digest(name, body);
    } catch (error) {
      if (error instanceof ThreadGone) return await this.#here.digest(name, body);
      throw error;
    }
  }

  async #again<T>({ forMs, signal, wantsTrust = false }: Patience, attempt: () => Promise<T>): Promise<T> {
    const { clock, random } = this.#parts;
    const began = clock.now();
    let wrong = 0;
    for (let times = 0; ; times++) {
      try {
        const result = await this.#inTurn(attempt, signal);
        this.#answered();
        return result;
      } catch (error) {
        signal?.throwIfAborted();
        if (!isPassing(error) || (wantsTrust && error instanceof Untrusted)) throw error;
        this.#failed(error);
        if (error instanceof WrongAnswer && ++wrong >= wrongAnswersMax) throw error;
        const pause = jittered(doubled(pauses, times), random());
        if (clock.now() - began + pause > forMs) throw error;
        await sleep(clock, pause, signal);
      }
    }
  }

  async #inTurn<T>(attempt: () => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    await this.#inFlight.take(inFlightMax, signal);
    try {
      return await attempt();
    } finally {
      this.#inFlight.release();
    }
  }

  #failed(error: unknown): void {
    if (this.#troubleSince !== null) return;
    this.#troubleSince = this.#parts.clock.now();
    const message = "The object store does not do as it is asked; that is tried again";
    this.#parts.log.log("warn", message, { reason: messageOf(error) });
  }

  #answered(): void {
    if (this.#troubleSince === null) return;
    const seconds = Math.round((this.#parts.clock.now() - this.#troubleSince) / 1000);
    this.#troubleSince = null;
    this.#parts.log.log("info", "The object store answers again", { seconds });
  }

  async #signed(request: S3Request, signal: AbortSignal | undefined) {
    const { method, key, query = {}, headers = {}, body = null, limitMs = limitMsDefault } = request;
    const { credentials, region } = this.#place;
    const signer = new AwsV4Signer({
      ...{ method, url: this.#urlOf(key, query).href, region, service: "s3", cache: this.#cache },
      headers: { ...headers, "x-amz-content-sha256": await this.#contentHash(body) },
      accessKeyId: credentials.accessKeyId,
      secretAccessKey: credentials.secretAccessKey,
      ...(credentials.sessionToken === null ? {} : { sessionToken: credentials.sessionToken }),
      datetime: this.#parts.clock
        .date()
        .toISOString()
        .replace(/[:-]|\.\d{3}/g, ""),
    });
    const signed = await signer.sign();
    const all = Object.fromEntries(signed.headers as unknown as Iterable<[string, string]>);
    const limit = limitMs + lengthOf(body ?? []) / bytesPerMsMin;
    return {
      method,
      url: signed.url,
      headers: all,
      body: method === "PUT" ? (body ?? []) : body,
      limitMs: limit,
      signal,
    };
  }

  // TLS keeps what is on its way from being changed; without that the signature has to.
  async #contentHash(body: readonly Uint8Array[] | null): Promise<string> {
    if (body !== null && isTls(this.#place)) return "UNSIGNED-PAYLOAD";
    return (await this.digest("sha256", body ?? [])).toString("hex");
  }

  /** How a header names the object `key`. */
  sourceOf(key: string): string {
    return `/${this.#place.bucket}/${pathOf(key)}`;
  }

  #urlOf(key: string | null, query: Readonly<Record<string, string>>): URL {
    const { endpoint, bucket, pathStyle } = this.#place;
    const path = key === null ? "" : pathOf(key);
    const base = pathStyle
      ? `${endpoint.origin}/${bucket}`
      : `${endpoint.protocol}//${bucket}.${endpoint.host}`;
    const search = Object.entries(query).map(([name, value]) => `${encode(name)}=${encode(value)}`);
    const rest = search.length === 0 ? "" : `?${search.join("&")}`;
    return new URL(`${base}${path === "" && pathStyle ? "" : "/"}${path}${rest}`);
  }
}

/** Whether the store is reached by TLS. */
export function isTls({ endpoint }: Pick<S3Place, "endpoint">): boolean {
  return endpoint.protocol === "https:";
}

function pathOf(key: string): string {
  return key.split("/").map(encode).join("/");
}

/** As RFC 3986 has it, which is what a signature is made of. */
function encode(text: string): string {
  const escaped = (it: string): string => `%${it.charCodeAt(0).toString(16).toUpperCase()}`;
  return encodeURIComponent(text).replace(/[!'()*]/g, escaped);
}

/** Throws unless it was done as asked; a store may find out that it was not after it said 200. */
export function throwIfRefused(reply: WholeReply): void {
  const { status, headers } = reply;
  if (status >= 200 && status < 300 && !startsWithError(reply)) return;
  const xml = reply.body.toString("utf8");
  const code = textOf(xml, "Code") ?? wordOf(reply);
  throw new S3Error(status, code, textOf(xml, "Message") ?? "", headers);
}

function startsWithError({ body }: WholeReply): boolean {
  const head = body.subarray(0, 1000).toString("utf8");
  return head.includes("<Error>") && rootOf(body.toString("utf8")) === "Error";
}

// The answer to HEAD has no body.
function wordOf({ status }: HttpReply): string {
  if (status === 403) return "AccessDenied";
  return status === 412 ? "PreconditionFailed" : `HTTP ${status}`;
}
