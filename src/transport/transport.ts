// The contract that the rest of the program sees of the network: links that carry messages, each a list of
// frames. `zmq/` implements it over libzmq. See README.md beside this file.

import type { Bytes } from "../base/memory/far-bytes.ts";
import type { Place, Places } from "../base/server-place.ts";
import type { KeyPair, PublicKey } from "../keys/key.ts";

/**
 * A message that arrived. The frames are views into memory that the transport owns: they are valid until
 * `release()`, which the receiver calls exactly once, when nothing reads them any more (for a chunk: when it
 * is written). Reading a frame after `release()` is a use after free.
 */
export interface Received {
  readonly frames: readonly Uint8Array[];
  release(): void;
}

/**
 * A message that arrived at the server, with where it came from. Large frames are not looked at yet: who does, by `nearBytes`, gets a view that is
 * valid as long as the message.
 */
export interface ReceivedFromPeer extends Omit<Received, "frames"> {
  readonly frames: readonly Bytes[];
  /** Routing identity that the client chose, as lower-case hex. Not a proof of anything. */
  readonly peer: string;
  /** What `authorize` returned for the key behind this connection: proven by CURVE, for every message. */
  readonly origin: string;
}

/**
 * Message memory for one outgoing frame, filled in place so that nothing is copied. It has one owner: whoever
 * allocated it, until a `send` that took it returned `"sent"`; then the transport. An owner that does not send
 * it calls `release()`.
 */
export interface Block {
  readonly length: number;
  readonly bytes: Uint8Array;
  /** Where it lies, for who needs no view of it: one counts as memory of its length, and brings on collections. Not there: only a view tells. */
  readonly address?: number;
  release(): void;
}

export type OutgoingFrame = Uint8Array | Block;

/** `full`: nothing was taken, wait for `onWritable`. `unreachable`: no such connection (server) or not up (client). */
export type SendResult = "sent" | "full" | "unreachable";

/** Why a link went down. Each kind is one sentence to the user; see reliability notes in README.md. */
export type LinkFailure =
  /** TCP connection refused: nothing listens there. */
  | "refused"
  /** The host's name has no address, or no SRV records. */
  | "unknown-host"
  /** Its SRV record says that the service is not there. */
  | "not-offered"
  /** No route, or no answer to the TCP connect within the time. */
  | "unreachable"
  /** The peer accepted TCP but did not finish the handshake in time. */
  | "handshake-timeout"
  /** The server does not accept this client's key (ZAP status 400). */
  | "key-refused"
  /** The server could not check keys just now (ZAP status 300 or 500). */
  | "server-error"
  /** The handshake failed the way it does when the server's key is not the expected one. */
  | "server-key-mismatch"
  /** Whatever listens there does not speak ZMTP with CURVE. */
  | "not-dync"
  /** The connection was up, and broke. */
  | "lost";

/** Of which address a failure tells. */
export interface FailedAt extends Place {
  /** At so many others the server was not found either. */
  readonly others: number;
}

export interface ClientLinkEvents {
  /** The handshake is done: messages flow. At most once for a link. */
  onUp(): void;
  /** The receiver owns `message` and releases it. */
  onMessage(message: Received): void;
  /** After a `send` returned `"full"`: there is room again. */
  onWritable(): void;
  /** The link is dead, for good: close it and open another one. At most once, never after `close()`. Of several failures it is the most telling. */
  onDown(failure: LinkFailure, at?: FailedAt): void;
  /** Who answers at one of several addresses does not hold the server's key: it is not used, and another address is tried. */
  onStranger?(at: Place): void;
}

/** `alsoAt`: tried in turn where the server is not found at the first address. */
export interface ClientLinkOptions extends Places {
  readonly serverKey: PublicKey;
  readonly keys: KeyPair;
  /** 16 bytes, not starting with a zero byte (libzmq keeps those for itself). */
  readonly identity: Uint8Array;
  /** Largest frame that we accept from the server, in bytes. */
  readonly frameBytesMax: number;
}

/** One connection of a client: it comes up once, goes down once, and never reconnects by itself. */
export interface ClientLink {
  send(frames: readonly OutgoingFrame[]): SendResult;
  /** Takes everything that was accepted by `send` with it; `flushMs` > 0 first gives it that long to leave. */
  close(flushMs?: number): void;
}

export interface ClientTransport {
  /** Opens a connection. Returns at once; what becomes of it is told through `events`, never synchronously. */
  connect(options: ClientLinkOptions, events: ClientLinkEvents): ClientLink;
  /** Memory for a frame of at most `length` bytes; `bytes.length` is exactly `length`. */
  allocate(length: number): Block;
  /** Ends all links and threads. */
  close(): Promise<void>;
}

export interface ServerLinkEvents {
  /** The receiver owns `message` and releases it. */
  onMessage(message: ReceivedFromPeer): void;
  /** The link failed for good (a bug or a system limit): the server cannot go on. */
  onFailure(error: Error): void;
}

export interface ServerLinkOptions {
  /** Address to bind, e.g. `0.0.0.0`, `::1`, `*`. */
  readonly address: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly keys: KeyPair;
  /** Largest frame that we accept, in bytes. Bigger ones end the connection before they take memory. */
  readonly frameBytesMax: number;
  /** Messages of one connection that may wait for us: as many as an honest client can have under way, or some tens. */
  readonly messagesMax?: number;
  /**
   * Decides each handshake: returns the origin of this key's messages, or `null` to refuse it. Where it throws, the
   * connection is refused for now (ZAP status 500): the client may try again. Fails closed.
   */
  readonly authorize: (key: PublicKey, address: string) => string | null;
}

export interface ServerLink {
  /** The port that is bound. */
  readonly port: number;
  /** Never waits. `full` means that this peer does not read: the message is dropped. */
  send(peer: string, frames: readonly OutgoingFrame[]): SendResult;
  /** Stops receiving; what `send` accepted gets `flushMs` to leave. */
  close(flushMs?: number): void;
}

export interface ServerTransport {
  /**
   * Binds. Throws `DyncError` when the address cannot be bound, with the reason: "unavailable" where it may be later,
   * "configuration" where it never will.
   */
  listen(options: ServerLinkOptions, events: ServerLinkEvents): ServerLink;
  close(): Promise<void>;
}
