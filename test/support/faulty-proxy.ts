// A TCP proxy on loopback that breaks connections in chosen ways, for end-to-end tests: cut, reset, stall, delay,
// slow down, flip one bit, swallow one direction, refuse. It runs inside the test's own process; what it does next is
// set with `proxy.faults`, at any time; what is random comes from a seed. Bytes count from the start of a connection.

import { type AddressInfo, createConnection, createServer, type Server, type Socket } from "node:net";
import { systemClock } from "../../src/base/clock.ts";
import { FrameFinder } from "./frame-finder.ts";

export type Direction = "up" | "down";

/**
 * A line that all connections share, as a laboratory's way out is: so many bytes a second, one after the other, behind a
 * queue of so many bytes; when that is full nobody is read from. Beside it only what the kernel holds for each connection.
 */
export interface SharedLine {
  readonly bytesPerSecond: number;
  readonly queueBytes: number;
  /** On top of the time in the queue, in milliseconds. */
  readonly delayMs: number;
}

/** What happens to the bytes of one direction. Everything is optional; nothing set: they pass. */
export interface DirectionFaults {
  /** After so many bytes of a connection both of its ends are closed ("fin") or reset ("rst"). */
  readonly cutAfter?: { readonly bytes: number; readonly how: "fin" | "rst" };
  /** After so many bytes of a connection nothing passes any more, and after a few MiB nothing is read either. */
  readonly stallAfter?: number;
  /** After so many bytes of a connection everything is read and thrown away. */
  readonly swallowAfter?: number;
  /** Everything arrives so much later, in milliseconds, in the same order. */
  readonly delayMs?: number;
  /** Up to so much more delay, different for each piece, from the seed. */
  readonly jitterMs?: number;
  readonly bytesPerSecond?: number;
  /** Flips one bit of the byte at this place of a connection, once in the life of the proxy. */
  readonly flip?: { readonly byte: number; readonly bit: number };
  /** Flips one bit of the ZMTP frame with this number (0 is the first after the greeting), once in the life of the proxy. */
  readonly flipFrame?: { readonly frame: number; readonly byte: number; readonly bit: number };
  /** Flips one bit in every new connection, at the place that this chooses with numbers in [0, 1) from the seed. */
  readonly flipEach?: (random: () => number) => number;
}

export interface Faults {
  /** New connections are reset at once. */
  readonly refuse?: boolean;
  readonly up?: DirectionFaults;
  readonly down?: DirectionFaults;
  /** Towards the server; set at the start. */
  readonly line?: SharedLine;
}

/** What went through, over all connections. */
export interface Counters {
  connections: number;
  refused: number;
  cut: number;
  flipped: number;
  /** Passed on. */
  bytes: { up: number; down: number };
  /** Came in, whatever became of it. */
  arrived: { up: number; down: number };
  /** ZMTP frames of the connection that had most. */
  frames: { up: number; down: number };
}

export interface FaultyProxyOptions {
  readonly targetPort: number;
  readonly targetHost?: string;
  readonly faults?: Faults;
  readonly seed?: number;
}

/** Starts a proxy on a free port of loopback. */
export async function startFaultyProxy(options: FaultyProxyOptions): Promise<FaultyProxy> {
  const proxy = new FaultyProxy(options);
  await proxy.listen();
  return proxy;
}

// A piece is forwarded as a whole, so a slow line needs small ones.
const pieceBytesSlow = 1024;
const retryMs = 5;
// On its way through a delayed direction: as a long line would hold.
const waitingBytesMax = 4 * 1024 * 1024;

export class FaultyProxy implements AsyncDisposable {
  /** What goes wrong from now on, also on connections that are open. */
  faults: Faults;
  readonly counters: Counters = {
    connections: 0,
    refused: 0,
    cut: 0,
    flipped: 0,
    bytes: { up: 0, down: 0 },
    arrived: { up: 0, down: 0 },
    frames: { up: 0, down: 0 },
  };
  readonly #options: FaultyProxyOptions;
  readonly #connections = new Set<Connection>();
  readonly #server: Server;
  readonly #random: () => number;
  readonly #flipped = new Set<Direction>();
  readonly #line: Line | null;

  constructor(options: FaultyProxyOptions) {
    this.#options = options;
    this.faults = options.faults ?? {};
    this.#line = this.faults.line === undefined ? null : new Line(this.faults.line);
    this.#random = randomFrom(options.seed ?? 1);
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#accept(socket));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#connections.size;
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(0, "127.0.0.1", resolve);
    });
  }

  /** Ends every open connection now, both sides. New ones are accepted. */
  cut(how: "fin" | "rst" = "rst"): void {
    for (const connection of [...this.#connections]) this.#cutOne(connection, how);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of [...this.#connections]) connection.end("rst");
    await closed;
  }

  #accept(client: Socket): void {
    if (this.faults.refuse) {
      this.counters.refused++;
      client.on("error", ignore);
      client.resetAndDestroy();
      return;
    }
    this.counters.connections++;
    const server = createConnection({
      host: this.#options.targetHost ?? "127.0.0.1",
      port: this.#options.targetPort,
      allowHalfOpen: true,
    });
    const connection = new Connection(client, server, () => this.#connections.delete(connection));
    this.#connections.add(connection);
    if (this.#line === null) this.#pump(connection, "up", client, server);
    else this.#carry(this.#line, connection, client, server);
    this.#pump(connection, "down", server, client);
  }

  /** Carries one direction of one connection, piece by piece; a piece waits for the one before it. */
  #pump(connection: Connection, direction: Direction, from: Socket, to: Socket): void {
    let position = 0;
    let waiting = 0;
    let queue = Promise.resolve();
    let flipAt = this.faults[direction]?.flipEach?.(this.#random);
    const finder = new FrameFinder();
    from.on("data", (data: Buffer) => {
      finder.read(data, (frame, place) => {
        const flip = this.faults[direction]?.flipFrame;
        if (frame === flip?.frame && !this.#flipped.has(direction)) flipAt = place + flip.byte;
      });
      this.counters.frames[direction] = Math.max(this.counters.frames[direction], finder.frames);
      this.counters.arrived[direction] += data.length;
      waiting += data.length;
      if (waiting >= waitingBytesMax) from.pause();
      const arrived = systemClock.now();
      queue = queue
        .then(async () => {
          for (const piece of this.#pieces(data, direction)) {
            if (flipAt !== undefined && flipAt >= position && flipAt < position + piece.length) {
              const flip = this.faults[direction]?.flipFrame;
              if (flip) this.#flipped.add(direction);
              this.#flipBit(piece, flipAt - position, flip?.bit ?? Math.floor(this.#random() * 8));
            }
            await this.#forward(connection, direction, piece, position, arrived, to);
            position += piece.length;
          }
          waiting -= data.length;
          if (waiting < waitingBytesMax) from.resume();
        })
        .catch(() => connection.end("rst"));
    });
    from.on("end", () => {
      queue = queue.then(() => void to.end());
    });
  }

  /** Carries what a client sends over the shared line. */
  #carry(line: Line, connection: Connection, from: Socket, to: Socket): void {
    from.on("data", (data: Buffer) => {
      this.counters.arrived.up += data.length;
      from.pause();
      void line.pass(data, connection, to).then(() => from.resume());
    });
    line.onPassed((bytes, by) => {
      if (by === connection) this.counters.bytes.up += bytes;
    });
    from.on("end", () => line.atEnd(connection, () => void to.end()));
  }

  async #forward(
    connection: Connection,
    direction: Direction,
    piece: Buffer,
    position: number,
    arrived: number,
    to: Socket,
  ): Promise<void> {
    const faults = () => this.faults[direction] ?? {};
    const end = position + piece.length;
    await this.#wait(faults(), piece.length, arrived);
    while (connection.open && end > (faults().stallAfter ?? Infinity)) await pause(retryMs);
    if (!connection.open) return;
    const { cutAfter, swallowAfter, flip } = faults();
    let passed = piece;
    if (flip && !this.#flipped.has(direction) && flip.byte >= position && flip.byte < end) {
      this.#flipped.add(direction);
      passed = Buffer.from(piece);
      this.#flipBit(passed, flip.byte - position, flip.bit);
    }
    const limit = Math.min(cutAfter?.bytes ?? Infinity, swallowAfter ?? Infinity);
    if (end > limit) passed = passed.subarray(0, Math.max(0, limit - position));
    this.counters.bytes[direction] += passed.length;
    if (passed.length > 0) await written(connection, to, passed);
    if (cutAfter && end >= cutAfter.bytes) this.#cutOne(connection, cutAfter.how);
  }

  #flipBit(piece: Buffer, index: number, bit: number): void {
    this.counters.flipped++;
    piece[index] = (piece[index] ?? 0) ^ (1 << bit);
  }

  async #wait(faults: DirectionFaults, bytes: number, arrived: number): Promise<void> {
    const { delayMs = 0, jitterMs = 0, bytesPerSecond } = faults;
    const due = arrived + delayMs + jitterMs * this.#random();
    if (due > systemClock.now()) await pause(due - systemClock.now());
    if (bytesPerSecond !== undefined) await pause((bytes * 1000) / bytesPerSecond);
  }

  #pieces(data: Buffer, direction: Direction): Buffer[] {
    if (this.faults[direction]?.bytesPerSecond === undefined) return [data];
    const pieces: Buffer[] = [];
    for (let at = 0; at < data.length; at += pieceBytesSlow)
      pieces.push(data.subarray(at, at + pieceBytesSlow));
    return pieces;
  }

  #cutOne(connection: Connection, how: "fin" | "rst"): void {
    if (!connection.open) return;
    this.counters.cut++;
    connection.end(how);
  }
}

interface Packet {
  readonly piece: Buffer;
  readonly connection: Connection;
  readonly to: Socket;
}

// One rate and one queue for all connections: packets of this size leave in the order in which they came.
const packetBytes = 4096;

class Line {
  readonly #shape: SharedLine;
  readonly #queue: Packet[] = [];
  readonly #room: (() => void)[] = [];
  readonly #listeners: ((bytes: number, connection: Connection) => void)[] = [];
  readonly #ends: { readonly connection: Connection; readonly end: () => void }[] = [];
  #bytes = 0;
  #isMoving = false;
  /** When the line is free again. */
  #freeAt = 0;

  constructor(shape: SharedLine) {
    this.#shape = shape;
  }

  onPassed(listener: (bytes: number, connection: Connection) => void): void {
    this.#listeners.push(listener);
  }

  /** Resolves when all of `data` is in the queue. */
  async pass(data: Buffer, connection: Connection, to: Socket): Promise<void> {
    for (let at = 0; at < data.length; at += packetBytes) {
      const piece = data.subarray(at, at + packetBytes);
      while (this.#bytes + piece.length > this.#shape.queueBytes)
        await new Promise<void>((resolve) => void this.#room.push(resolve));
      this.#bytes += piece.length;
      this.#queue.push({ piece, connection, to });
      if (!this.#isMoving) void this.#move();
    }
  }

  /** Calls `end` when everything of this connection has passed. */
  atEnd(connection: Connection, end: () => void): void {
    this.#ends.push({ connection, end });
    this.#settleEnds();
  }

  async #move(): Promise<void> {
    this.#isMoving = true;
    for (let packet = this.#queue[0]; packet !== undefined; packet = this.#queue[0]) {
      const now = systemClock.now();
      this.#freeAt = Math.max(now, this.#freeAt) + (packet.piece.length * 1000) / this.#shape.bytesPerSecond;
      // Timers are coarse: what is due within one goes at once, and the next one waits for both.
      if (this.#freeAt - now > 2) await pause(this.#freeAt - now);
      this.#queue.shift();
      this.#bytes -= packet.piece.length;
      for (const resume of this.#room.splice(0)) resume();
      this.#deliver(packet);
    }
    this.#isMoving = false;
    this.#settleEnds();
  }

  #deliver({ piece, connection, to }: Packet): void {
    void pause(this.#shape.delayMs).then(() => {
      if (!connection.open) return;
      for (const listener of this.#listeners) listener(piece.length, connection);
      to.write(piece);
    });
  }

  #settleEnds(): void {
    if (this.#queue.length > 0) return;
    for (const { end } of this.#ends.splice(0)) void pause(this.#shape.delayMs).then(end);
  }
}

// Two sockets that live and die together.
class Connection {
  open = true;
  /** What to call for each write that is under way, when the connection ends under it. */
  readonly writing = new Set<() => void>();
  readonly #sockets: readonly Socket[];
  readonly #closed: () => void;

  constructor(client: Socket, server: Socket, closed: () => void) {
    this.#sockets = [client, server];
    this.#closed = closed;
    let halves = 2;
    for (const socket of this.#sockets) {
      socket.setNoDelay(true);
      // A reset on one side is a reset on the other: the peers have to see what happened.
      socket.on("error", () => this.end("rst"));
      socket.on("close", () => {
        halves--;
        if (halves === 0 || !socket.readableEnded) this.end("rst");
      });
    }
  }

  end(how: "fin" | "rst"): void {
    if (!this.open) return;
    this.open = false;
    for (const socket of this.#sockets) {
      if (how === "rst") socket.resetAndDestroy();
      else socket.end(() => socket.destroy());
    }
    for (const done of [...this.writing]) done();
    this.#closed();
  }
}

/** Waits until the receiver took the bytes, so that its slowness reaches the sender. */
function written(connection: Connection, socket: Socket, data: Buffer): Promise<void> {
  return new Promise((resolve) => {
    if (!connection.open) return resolve();
    const done = (): void => {
      connection.writing.delete(done);
      resolve();
    };
    connection.writing.add(done);
    // Not "drain": it does not come when the system took everything before anybody listened.
    socket.write(data, done);
  });
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => void systemClock.after(delayMs, resolve));
}

/** Mulberry32: small, and the same numbers for the same seed everywhere. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function ignore(): void {}
