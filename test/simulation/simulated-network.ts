// The memory transport under faults: loss, repetition, delay, cuts, connections that are open but dead, and messages
// of a cut connection that are read beside those of the next. Counts what each process holds of message memory.

import { nearBytes } from "../../src/base/memory/far-bytes.ts";
import { decodeClientMessage, decodeServerMessage } from "../../src/protocol/wire/decode.ts";
import { readNumber } from "../../src/protocol/wire/frames.ts";
import type {
  Block,
  ClientTransport,
  ReceivedFromPeer,
  ServerLinkEvents,
  ServerTransport,
} from "../../src/transport/transport.ts";
import { MemoryReceived } from "../support/memory/message.ts";
import { MemoryNetwork } from "../support/memory/network.ts";
import { DamagedLine } from "./damaged-line.ts";
import type { FaultPlan } from "./fault-plan.ts";
import { describe } from "./model-client.ts";
import type { Random } from "./random.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import type { Trace } from "./simulation-failure.ts";
import type { VirtualClock } from "./virtual-clock.ts";

export interface SimulatedNetworkOptions {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly faults: FaultPlan;
  readonly trace: Trace;
  readonly latency: () => number;
  readonly queueMessagesMax: number;
  /** A fault struck the connections of this identity. */
  readonly onDisturbed: (peer: string) => void;
  /** A client handed over a chunk with so many bytes. */
  readonly onChunkSent: (peer: string, origin: string, offset: number, bytes: number) => void;
  /** Name of an identity in the trace. */
  readonly nameOf: (peer: string) => string;
}

/** Message memory that a process holds. */
export interface Held {
  blocks: number;
  messages: number;
  /** Data of chunks. */
  bytes: number;
}

export function nothingHeld(): Held {
  return { blocks: 0, messages: 0, bytes: 0 };
}

/** Frame of a chunk that has its data. */
const chunkDataFrame = 3;

type Frames = readonly Uint8Array[];

interface UnderWay {
  readonly origin: string;
  readonly frames: Frames;
}

interface ListeningServer {
  readonly process: SimulatedProcess;
  readonly events: ServerLinkEvents;
  readonly held: Held;
}

export class SimulatedNetwork {
  readonly #options: SimulatedNetworkOptions;
  readonly #memory: MemoryNetwork;
  /** Messages that were sent to the server and have not arrived, by identity: what may still come after a cut. */
  readonly #underWay = new Map<string, UnderWay[]>();
  /** Directions of newest connections, and which of them were damaged once. */
  readonly #lines = new Map<string, DamagedLine>();
  readonly #damaged = new Set<string>();
  #server: ListeningServer | null = null;

  constructor(options: SimulatedNetworkOptions) {
    this.#options = options;
    const { clock, latency, queueMessagesMax } = options;
    this.#memory = new MemoryNetwork({
      schedule: (task) => void clock.after(latency(), task),
      onMessage: ({ to, peer, frames }) => this.#fate(to, peer, frames),
      onConnect: () => (this.#server?.process.isFrozen === true ? "handshake-timeout" : null),
      queueMessagesMax,
    });
  }

  #fate(to: "client" | "server", peer: string, frames: Frames): "deliver" | "drop" | "repeat" | "cut" {
    const { faults, onDisturbed } = this.#options;
    this.#traceMessage(to, peer, frames);
    const origin = this.#memory.connections.find((connection) => connection.peer === peer)?.origin ?? "";
    if (to === "server") this.#noteChunk(peer, origin, frames);
    if (faults.strikes("cut-at-message")) {
      onDisturbed(peer);
      this.#leaveStale(peer);
      return "cut";
    }
    if (faults.strikes("loss")) {
      onDisturbed(peer);
      return "drop";
    }
    if (to === "client") return "deliver";
    const copies = faults.strikes("repeat") ? 2 : 1;
    for (let left = copies; left > 0; left--) {
      this.#underWayOf(peer).push({ origin, frames: frames.map((frame) => frame.slice()) });
    }
    // Twice: a post-file that is answered twice takes the client back, and so does what it asked in between.
    if (copies === 1) return "deliver";
    onDisturbed(peer);
    onDisturbed(peer);
    return "repeat";
  }

  #noteChunk(peer: string, origin: string, frames: Frames): void {
    const offset = isChunk(frames) ? readNumber(frames[chunkDataFrame - 1]!, 8) : null;
    if (offset !== null) this.#options.onChunkSent(peer, origin, offset, frames[chunkDataFrame]!.length);
  }

  #traceMessage(to: "client" | "server", peer: string, frames: Frames): void {
    this.#options.trace(() => {
      const decoded = to === "server" ? decodeClientMessage(frames) : decodeServerMessage(frames);
      const text = decoded.ok ? describe(decoded.message) : `malformed: ${decoded.text}`;
      return `${this.#options.nameOf(peer)} ${to === "server" ? "->" : "<-"} ${text}`;
    });
  }

  #underWayOf(peer: string): UnderWay[] {
    let messages = this.#underWay.get(peer);
    if (messages === undefined) {
      messages = [];
      this.#underWay.set(peer, messages);
    }
    return messages;
  }

  // A ROUTER still reads what it had received of a connection that is gone, in turn with the next one's messages.
  #leaveStale(peer: string): void {
    const { faults, random, clock, latency, trace, nameOf } = this.#options;
    const messages = this.#underWayOf(peer).splice(0);
    const server = this.#server;
    if (!faults.holds("stale") || messages.length === 0 || server === null) return;
    let delayMs = random.magnitude(1, 3000);
    for (const { origin, frames } of messages.slice(0, random.int(messages.length + 1))) {
      delayMs += latency();
      clock.after(delayMs, () => {
        if (server !== this.#server) return;
        trace(() => `${nameOf(peer)}: a message of the connection before arrives`);
        const received = new MemoryReceived({ held: 0 }, frames);
        const release = (): void => received.release();
        this.#deliver(server, { peer, origin, frames: received.frames, release });
      });
    }
  }

  /** Cuts the connection of `peer`, or lets it go dead without a word. */
  strike(peer: string, kind: "cut" | "half-open"): void {
    const connection = this.#memory.connections.find((one) => one.peer === peer);
    if (connection === undefined || !connection.isOpen) return;
    this.#options.trace(() => `${this.#options.nameOf(peer)}: ${kind}`);
    this.#options.onDisturbed(peer);
    if (kind === "half-open") {
      this.#underWayOf(peer).length = 0;
      return connection.mute();
    }
    this.#leaveStale(peer);
    connection.cut();
  }

  // Twice without progress an upload may end by it: each direction of an identity is damaged once.
  #damage(to: "client" | "server", peer: string, frames: Frames, origin = ""): Frames | null {
    const { faults, random, trace, onDisturbed, nameOf } = this.#options;
    const key = `${to} ${peer}`;
    // Who takes an identity has a connection of their own: what they send joins nothing of its owner's.
    const lineKey = `${key} ${origin}`;
    const line = this.#lines.get(lineKey) ?? new DamagedLine();
    this.#lines.set(lineKey, line);
    if (line.isJoining || this.#damaged.has(key) || !faults.strikes("damaged-header"))
      return line.pass(frames);
    this.#damaged.add(key);
    onDisturbed(peer);
    trace(() => `${nameOf(peer)}: a frame header on the way to the ${to} is damaged`);
    return line.strike(frames, random);
  }

  /** Whether a message from or to this identity was damaged. */
  wasDamaged(peer: string): boolean {
    return this.#damaged.has(`client ${peer}`) || this.#damaged.has(`server ${peer}`);
  }

  /** A transport for a client's process. */
  client(process: SimulatedProcess, held: Held, onFrames: (frames: Frames) => void): ClientTransport {
    const memory = this.#memory.client();
    const run = (callback: () => void): void => process.run(callback);
    return {
      connect: (options, events) => {
        const peer = Buffer.from(options.identity).toString("hex");
        this.#underWayOf(peer).length = 0;
        for (const key of this.#lines.keys()) if (key.split(" ")[1] === peer) this.#lines.delete(key);
        const link = memory.connect(options, {
          onUp: () => run(() => events.onUp()),
          onWritable: () => run(() => events.onWritable()),
          onDown: (failure) => run(() => events.onDown(failure)),
          onMessage: (received) =>
            run(() => {
              const frames = this.#damage("client", peer, received.frames);
              if (frames === null) return received.release();
              onFrames(frames);
              held.messages++;
              const release = (): void => {
                held.messages--;
                received.release();
              };
              events.onMessage({ frames, release });
            }),
        });
        return {
          send: (frames) => (process.isAlive ? link.send(frames) : "unreachable"),
          close: (flushMs) => {
            if (process.isAlive) link.close(flushMs);
          },
        };
      },
      allocate: (length) => counted(memory.allocate(length), held),
      close: () => memory.close(),
    };
  }

  /** A transport for the server's process, of which there is one at a time. */
  server(process: SimulatedProcess, held: Held): ServerTransport {
    const memory = this.#memory.server();
    return {
      listen: (options, events) => {
        const server = { process, events, held };
        this.#server = server;
        const link = memory.listen(options, {
          onFailure: (error) => process.run(() => events.onFailure(error)),
          onMessage: (received) => {
            const { peer } = received;
            this.#underWayOf(peer).shift();
            const frames = this.#damage("server", peer, received.frames.map(nearBytes), received.origin);
            if (frames === null) return received.release();
            this.#deliver(server, { ...received, frames, release: () => received.release() });
          },
        });
        return {
          port: link.port,
          send: (peer, frames) => (process.isAlive ? link.send(peer, frames) : "unreachable"),
          close: (flushMs) => link.close(flushMs),
        };
      },
      close: () => memory.close(),
    };
  }

  #deliver(server: ListeningServer, received: ReceivedFromPeer): void {
    server.process.run(() => {
      const { held } = server;
      const bytes = isChunk(received.frames.map(nearBytes)) ? received.frames[chunkDataFrame]!.length : 0;
      held.messages++;
      held.bytes += bytes;
      server.events.onMessage({
        peer: received.peer,
        origin: received.origin,
        frames: received.frames,
        release: () => {
          held.messages--;
          held.bytes -= bytes;
          received.release();
        },
      });
    });
  }
}

function isChunk(frames: Frames): boolean {
  return frames.length > chunkDataFrame && Buffer.from(frames[0]!).toString() === "post-chunk";
}

// The memory transport takes its own blocks only: the count hangs on the block itself.
function counted(block: Block, held: Held): Block {
  held.blocks++;
  const release = block.release.bind(block);
  block.release = () => {
    held.blocks--;
    release();
  };
  return block;
}
