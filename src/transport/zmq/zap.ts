// The ZAP handler (rfc.zeromq.org/spec/27): libzmq asks it about every CURVE handshake. It answers "no" unless
// everything about the request is as it must be and `authorize` gives an origin. Owned by router-link.ts.

import { nearBytes } from "../../base/memory/far-bytes.ts";
import { PublicKey } from "../../keys/key.ts";
import { socketType, zapStatus } from "./constants.ts";
import type { ZmqContext } from "./context.ts";
import type { Pollable } from "./poller.ts";
import { ZmqSocket } from "./socket.ts";

/** Connections outside this domain are none of ours. */
export const zapDomain = "dync";

export type Authorize = (key: PublicKey, address: string) => string | null;

const version = "1.0";
const requestsPerTurnMax = 64;
/** libzmq hands the user back as a C string; nothing of ours is longer. */
const originBytesMax = 255;

interface Verdict {
  readonly status: number;
  readonly text: string;
  readonly userId: string;
}

const refused: Verdict = { status: zapStatus.refused, text: "Key is not authorized", userId: "" };
const malformed: Verdict = { status: zapStatus.refused, text: "Malformed request", userId: "" };
const failed: Verdict = { status: zapStatus.failed, text: "Cannot check keys", userId: "" };

export class ZapHandler implements Pollable {
  readonly descriptor: bigint;
  // A ROUTER, not a REP: an exception between request and reply would leave a REP stuck.
  readonly #socket: ZmqSocket;
  readonly #authorize: Authorize;

  /** Binds the one handler of the context: before the server's socket is bound, so that no handshake misses it. */
  constructor(context: ZmqContext, authorize: Authorize) {
    this.#authorize = authorize;
    this.#socket = new ZmqSocket(context, socketType.router);
    this.#socket.bind("inproc://zeromq.zap.01");
    this.descriptor = this.#socket.descriptor;
  }

  watch(onUse: () => void): void {
    this.#socket.watch(onUse);
  }

  work(): number {
    for (let count = 0; count < requestsPerTurnMax; count++) {
      const received = this.#socket.receive();
      if (received === null) break;
      const frames = received.message.frames.map((frame) => nearBytes(frame).slice());
      received.message.release();
      this.#answer(frames);
    }
    return 0;
  }

  isReady(): boolean {
    return this.#socket.readable;
  }

  close(): void {
    this.#socket.close();
  }

  #answer(frames: readonly Uint8Array[]): void {
    const [peer, delimiter, , requestId, ...rest] = frames;
    // Without an envelope there is nobody to answer; libzmq never sends such a request.
    if (peer === undefined || delimiter?.length !== 0 || requestId === undefined) return;
    const { status, text, userId } = isVersion(frames[2]) ? this.#verdict(rest) : malformed;
    const replies = [version, requestId, String(status), text, userId, ""];
    this.#socket.send([peer, delimiter, ...replies.map((reply) => bytesOf(reply))]);
  }

  #verdict(frames: readonly Uint8Array[]): Verdict {
    const [domain, address, , mechanism, key] = frames.map((frame) => Buffer.from(frame));
    if (frames.length !== 5 || domain === undefined || address === undefined || key === undefined)
      return malformed;
    if (domain.toString() !== zapDomain || mechanism?.toString() !== "CURVE" || key.length !== 32)
      return refused;
    try {
      const origin = this.#authorize(new PublicKey(key), address.toString());
      if (origin === null) return refused;
      return isUserId(origin) ? { status: zapStatus.ok, text: "OK", userId: origin } : failed;
    } catch {
      return failed;
    }
  }
}

function isVersion(frame: Uint8Array | undefined): boolean {
  return frame !== undefined && Buffer.from(frame).toString() === version;
}

function isUserId(origin: unknown): boolean {
  if (typeof origin !== "string" || origin.includes("\0")) return false;
  const { length } = Buffer.from(origin);
  return length > 0 && length <= originBytesMax;
}

function bytesOf(reply: string | Uint8Array): Uint8Array {
  return typeof reply === "string" ? Buffer.from(reply) : reply;
}
