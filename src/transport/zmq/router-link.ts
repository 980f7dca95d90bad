// ServerLink over a ROUTER socket with CURVE: binds, asks the ZAP handler about every connection, and carries
// messages of authenticated users only. Made by zmq-transport.ts.

import { isIP } from "node:net";
import { assert } from "../../base/assert.ts";
import { DyncError } from "../../base/error.ts";
import { nearBytes } from "../../base/memory/far-bytes.ts";
import { timed } from "../../base/stages.ts";
import type {
  OutgoingFrame,
  SendResult,
  ServerLink,
  ServerLinkEvents,
  ServerLinkOptions,
} from "../transport.ts";
import { socketType } from "./constants.ts";
import { ZmqError } from "./error.ts";
import type { ReceivedMessage } from "./message.ts";
import { setServerOptions } from "./options.ts";
import type { Pollable } from "./poller.ts";
import { ZmqSocket } from "./socket.ts";
import { ZapHandler } from "./zap.ts";
import type { ZmqParts } from "./zmq-parts.ts";

/** Bounds of one turn: timers, files and other sockets wait no longer than this takes. */
const messagesPerTurnMax = 64;
const bytesPerTurnMax = 8 * 1024 * 1024;

export class RouterLink implements ServerLink, Pollable {
  readonly port: number;
  readonly descriptor: bigint;
  readonly #parts: ZmqParts;
  readonly #events: ServerLinkEvents;
  readonly #onClosed: (link: RouterLink) => void;
  readonly #zap: ZapHandler;
  readonly #socket: ZmqSocket;
  #isClosed = false;

  constructor(
    parts: ZmqParts,
    options: ServerLinkOptions,
    events: ServerLinkEvents,
    onClosed: (link: RouterLink) => void,
  ) {
    this.#parts = parts;
    this.#events = events;
    this.#onClosed = onClosed;
    const { context, poller } = parts;
    // Before the socket is bound: no connection may come in while nobody answers for it.
    this.#zap = new ZapHandler(context, options.authorize);
    this.#socket = new ZmqSocket(context, socketType.router);
    try {
      const strangers = context.library.isPatched ? parts.strangers : null;
      setServerOptions(this.#socket, options, parts.times, parts.serverQueues, strangers);
      this.#socket.bind(endpointOf(options.address, options.port));
    } catch (error) {
      this.#socket.close();
      this.#zap.close();
      throw bindError(error, options);
    }
    this.port = Number(/:(\d+)$/.exec(this.#socket.lastEndpoint())?.[1]);
    this.descriptor = this.#socket.descriptor;
    poller.add(this.#zap);
    poller.add(this);
  }

  send(peer: string, frames: readonly OutgoingFrame[]): SendResult {
    if (this.#isClosed) return "unreachable";
    const result = timed("send", () => this.#socket.send([Buffer.from(peer, "hex"), ...frames]));
    // A send may have consumed the signal that something arrived.
    if (this.#parts.poller.isWaiting && this.#socket.readable) this.#parts.poller.letWork(this);
    return result;
  }

  close(flushMs = 0): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const { poller } = this.#parts;
    poller.remove(this, () => this.#socket.close(flushMs));
    // After the socket: as long as connections can come in, somebody answers for them.
    poller.remove(this.#zap, () => {
      this.#zap.close();
      this.#onClosed(this);
    });
  }

  watch(onUse: () => void): void {
    this.#socket.watch(onUse);
  }

  work(): number {
    let bytes = 0;
    for (let count = 0; count < messagesPerTurnMax && bytes < bytesPerTurnMax && !this.#isClosed; count++) {
      const received = this.#receive();
      if (received === null) break;
      for (const frame of received.message.frames) bytes += frame.length;
      this.#deliver(received.message, received.userId);
    }
    return bytes;
  }

  isReady(): boolean {
    return !this.#isClosed && this.#socket.readable;
  }

  #receive(): ReturnType<ZmqSocket["receive"]> {
    try {
      return timed("receive", () => this.#socket.receive());
    } catch (error) {
      if (!(error instanceof ZmqError)) throw error;
      this.#events.onFailure(error);
      return null;
    }
  }

  #deliver(message: ReceivedMessage, userId: string | null): void {
    const [identity, ...frames] = message.frames;
    assert(identity !== undefined, "a ROUTER puts the identity in front");
    // Second line behind the ZAP domain: what nobody vouched for is not delivered.
    if (userId === null || userId === "") return message.release();
    this.#events.onMessage({
      peer: Buffer.from(nearBytes(identity)).toString("hex"),
      origin: userId,
      frames,
      release: () => timed("release", () => message.release()),
    });
  }
}

function endpointOf(address: string, port: number): string {
  const host = address.includes(":") && !address.startsWith("[") ? `[${address}]` : address;
  return `tcp://${host}:${port === 0 ? "*" : port}`;
}

function bindError(error: unknown, { address, port }: ServerLinkOptions): unknown {
  if (!(error instanceof ZmqError) || !error.operation.startsWith("zmq_bind")) return error;
  const [message, hint] = bindReason(error.symbol, address, port);
  // An address that is one may come up later, as may a port be given back; a name that is none is a mistake.
  const isAddress = address === "*" || isIP(address.replace(/^\[(.*)\]$/, "$1")) !== 0;
  const isMistake = isAddress ? mistakes.has(error.symbol) : error.symbol !== "EADDRINUSE";
  return new DyncError(isMistake ? "configuration" : "unavailable", message, { hint, cause: error });
}

const mistakes: ReadonlySet<string> = new Set(["EACCES", "EPERM", "EINVAL", "EPROTONOSUPPORT"]);

function bindReason(symbol: string, address: string, port: number): [message: string, hint: string] {
  switch (symbol) {
    case "EADDRINUSE":
      return [
        `Port ${port} on ${address} is in use by another program`,
        "stop that program, or choose another port with --port",
      ];
    case "EADDRNOTAVAIL":
    case "ENODEV":
      return [
        `${address} is not an address of this machine`,
        "give one of its addresses with --bind, or * for all of them",
      ];
    case "EACCES":
    case "EPERM":
      return [
        `No permission to bind port ${port} on ${address}`,
        "choose a port above 1023 with --port; lower ones are reserved for the system",
      ];
    default:
      return [
        `Cannot bind port ${port} on ${address}: ${symbol}`,
        "give an address of this machine with --bind and a port from 0 to 65535 with --port",
      ];
  }
}
