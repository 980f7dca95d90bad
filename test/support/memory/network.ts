// The transport contract inside one process, without sockets: keys, authorization, handover, bounded queues and
// failures as over the network. For tests and the simulator, which decide when things arrive and what is lost.

import { assert } from "../../../src/base/assert.ts";
import { DyncError } from "../../../src/base/error.ts";
import type {
  Block,
  ClientLink,
  ClientLinkEvents,
  ClientLinkOptions,
  ClientTransport,
  LinkFailure,
  OutgoingFrame,
  SendResult,
  ServerLink,
  ServerLinkEvents,
  ServerLinkOptions,
  ServerTransport,
} from "../../../src/transport/transport.ts";
import { MemoryConnection, type MemoryEnd } from "./connection.ts";
import { type HeldCount, MemoryBlock, MemoryReceived, takeFrames } from "./message.ts";

/** What a scheduled step is about: towards which end, on the connection of which identity. */
export interface MemoryHop {
  readonly to: "client" | "server";
  readonly peer: string;
}

/** A message at the moment it is sent. */
export interface MemoryMessage extends MemoryHop {
  readonly frames: readonly Uint8Array[];
}

export type MessageFate = "deliver" | "drop" | "repeat" | "cut";

export interface MemoryNetworkOptions {
  /**
   * Runs `task` later, never at once; a microtask unless given. Messages of a connection stay in order whatever
   * the delays are.
   */
  readonly schedule?: (task: () => void, hop: MemoryHop) => void;
  /** Decides about each message; "deliver" unless given. */
  readonly onMessage?: (message: MemoryMessage) => MessageFate;
  /** Whether a host can be reached now; a failure ends the attempt to connect. Reachable unless given. */
  readonly onConnect?: (host: string, port: number) => LinkFailure | null;
  /** Messages under way in one direction of a connection before `send` says "full". */
  readonly queueMessagesMax?: number;
}

/** A network of its own: servers that listen on its ports, clients that connect to them. */
export class MemoryNetwork {
  readonly #options: Required<MemoryNetworkOptions>;
  readonly #servers = new Map<number, MemoryServerLink>();
  readonly #count: HeldCount = { held: 0 };
  #nextPort = 49_152;

  constructor(options: MemoryNetworkOptions = {}) {
    this.#options = {
      schedule: options.schedule ?? ((task) => queueMicrotask(task)),
      onMessage: options.onMessage ?? (() => "deliver"),
      onConnect: options.onConnect ?? (() => null),
      queueMessagesMax: options.queueMessagesMax ?? 16,
    };
  }

  /** Messages and blocks that nobody has released yet. */
  get messagesHeld(): number {
    return this.#count.held;
  }

  /** Connections that are open now. */
  get connections(): readonly MemoryConnection[] {
    return [...this.#servers.values()].flatMap((server) => server.connections);
  }

  client(): ClientTransport {
    const links = new Set<MemoryClientLink>();
    return {
      connect: (options, events) => {
        const link = new MemoryClientLink(this.#options, this.#servers, this.#count, options, events);
        links.add(link);
        return link;
      },
      allocate: (length): Block => new MemoryBlock(this.#count, length),
      close: async () => {
        for (const link of links) link.close();
      },
    };
  }

  server(): ServerTransport {
    const links = new Set<MemoryServerLink>();
    return {
      listen: (options, events) => {
        const port = options.port === 0 ? this.#nextPort++ : options.port;
        if (this.#servers.has(port)) {
          const message = `Port ${port} on ${options.address} is in use by another program`;
          throw new DyncError("unavailable", message, { hint: "choose another port with --port" });
        }
        const link = new MemoryServerLink(port, options, events, this.#count, () =>
          this.#servers.delete(port),
        );
        this.#servers.set(port, link);
        links.add(link);
        return link;
      },
      close: async () => {
        for (const link of links) link.close();
      },
    };
  }
}

class MemoryClientLink implements ClientLink, MemoryEnd {
  readonly #network: Required<MemoryNetworkOptions>;
  readonly #count: HeldCount;
  readonly #options: ClientLinkOptions;
  readonly #events: ClientLinkEvents;
  readonly #peer: string;
  #connection: MemoryConnection | null = null;
  #isOver = false;

  constructor(
    network: Required<MemoryNetworkOptions>,
    servers: ReadonlyMap<number, MemoryServerLink>,
    count: HeldCount,
    options: ClientLinkOptions,
    events: ClientLinkEvents,
  ) {
    const { identity } = options;
    assert(identity.length > 0 && identity[0] !== 0, "an identity does not start with a zero byte");
    this.#network = network;
    this.#count = count;
    this.#options = options;
    this.#events = events;
    this.#peer = Buffer.from(identity).toString("hex");
    network.schedule(() => this.#connect(servers), { to: "server", peer: this.#peer });
  }

  get frameBytesMax(): number {
    return this.#options.frameBytesMax;
  }

  send(frames: readonly OutgoingFrame[]): SendResult {
    if (this.#isOver || this.#connection === null || !this.#connection.isOpen) return "unreachable";
    if (!this.#connection.hasRoom("server")) return "full";
    this.#connection.push("server", takeFrames(frames));
    return "sent";
  }

  close(flushMs = 0): void {
    if (this.#isOver && this.#connection === null) return;
    this.#isOver = true;
    this.#connection?.close("client", flushMs > 0);
    this.#connection = null;
  }

  onMessage(frames: readonly Uint8Array[]): void {
    if (!this.#isOver) this.#events.onMessage(new MemoryReceived(this.#count, frames));
  }

  onRoom(): void {
    if (!this.#isOver) this.#events.onWritable();
  }

  onEnd(failure: LinkFailure): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#connection = null;
    this.#events.onDown(failure);
  }

  #connect(servers: ReadonlyMap<number, MemoryServerLink>): void {
    if (this.#isOver) return;
    const { host, port } = this.#options;
    // RFC 2606: names under .invalid never have an address.
    const failure = host.endsWith(".invalid") ? "unknown-host" : this.#network.onConnect(host, port);
    const answer =
      failure ?? servers.get(port)?.accept(this.#network, this.#peer, this.#options, this) ?? "refused";
    this.#network.schedule(
      () => {
        if (typeof answer === "string") return this.onEnd(answer);
        if (this.#isOver) return answer.close("client", false);
        if (!answer.isOpen) return this.onEnd("lost");
        this.#connection = answer;
        this.#events.onUp();
      },
      { to: "client", peer: this.#peer },
    );
  }
}

class MemoryServerLink implements ServerLink {
  readonly port: number;
  readonly #options: ServerLinkOptions;
  readonly #events: ServerLinkEvents;
  readonly #count: HeldCount;
  readonly #onClose: () => void;
  readonly #routes = new Map<string, MemoryConnection>();
  #isClosed = false;

  constructor(
    port: number,
    options: ServerLinkOptions,
    events: ServerLinkEvents,
    count: HeldCount,
    onClose: () => void,
  ) {
    this.port = port;
    this.#options = options;
    this.#events = events;
    this.#count = count;
    this.#onClose = onClose;
  }

  get connections(): readonly MemoryConnection[] {
    return [...this.#routes.values()];
  }

  send(peer: string, frames: readonly OutgoingFrame[]): SendResult {
    const connection = this.#routes.get(peer);
    if (this.#isClosed || connection === undefined || !connection.isOpen) return "unreachable";
    if (!connection.hasRoom("client")) return "full";
    connection.push("client", takeFrames(frames));
    return "sent";
  }

  close(flushMs = 0): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const connection of this.#routes.values()) connection.close("server", flushMs > 0);
    this.#routes.clear();
    this.#onClose();
  }

  /** The handshake: a connection, or why there is none. */
  accept(
    network: Required<MemoryNetworkOptions>,
    peer: string,
    client: ClientLinkOptions,
    clientEnd: MemoryEnd,
  ): MemoryConnection | LinkFailure {
    const { keys, authorize, frameBytesMax } = this.#options;
    if (client.serverKey.text !== keys.publicKey.text) return "server-key-mismatch";
    let origin: string | null;
    try {
      origin = authorize(client.keys.publicKey, "127.0.0.1");
    } catch {
      return "server-error";
    }
    if (origin === null) return "key-refused";
    if (origin === "" || origin.includes("\0")) return "server-error";
    const serverEnd: MemoryEnd = {
      frameBytesMax,
      onMessage: (frames) => this.#deliver(peer, connection.origin, frames),
      onRoom: () => {},
      onEnd: () => {
        if (this.#routes.get(peer) === connection) this.#routes.delete(peer);
      },
    };
    const connection: MemoryConnection = new MemoryConnection(network, peer, origin, {
      client: clientEnd,
      server: serverEnd,
    });
    // The newcomer takes the route over, as with ROUTER_HANDOVER.
    this.#routes.get(peer)?.cut();
    this.#routes.set(peer, connection);
    return connection;
  }

  #deliver(peer: string, origin: string, frames: readonly Uint8Array[]): void {
    if (this.#isClosed) return;
    const received = new MemoryReceived(this.#count, frames);
    this.#events.onMessage({
      peer,
      origin,
      frames: received.frames,
      release: () => received.release(),
    });
  }
}
