// One connection of the memory transport: two ordered queues of messages between a client's link and a server's.
// Every step goes through the network's scheduler; every message past its fault hook. Made by network.ts.

import type { LinkFailure } from "../../../src/transport/transport.ts";
import type { MemoryHop, MemoryNetworkOptions } from "./network.ts";

/** What a connection tells one of its ends. */
export interface MemoryEnd {
  onMessage(frames: readonly Uint8Array[]): void;
  /** After the other end refused a message because this direction was full: there is room again. */
  onRoom(): void;
  /** The connection is over. */
  onEnd(failure: LinkFailure): void;
  readonly frameBytesMax: number;
}

interface Direction {
  readonly to: "client" | "server";
  readonly queue: (readonly Uint8Array[])[];
  wasFull: boolean;
}

export class MemoryConnection {
  /** Identity of the client, as lower-case hex. */
  readonly peer: string;
  /** What `authorize` returned for its key. */
  readonly origin: string;
  readonly #network: Required<MemoryNetworkOptions>;
  readonly #ends: { readonly client: MemoryEnd; readonly server: MemoryEnd };
  readonly #toServer: Direction = { to: "server", queue: [], wasFull: false };
  readonly #toClient: Direction = { to: "client", queue: [], wasFull: false };
  #isOpen = true;
  #isMute = false;

  constructor(
    network: Required<MemoryNetworkOptions>,
    peer: string,
    origin: string,
    ends: { readonly client: MemoryEnd; readonly server: MemoryEnd },
  ) {
    this.#network = network;
    this.peer = peer;
    this.origin = origin;
    this.#ends = ends;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Whether a message towards that end would find room. */
  hasRoom(to: "client" | "server"): boolean {
    const direction = to === "client" ? this.#toClient : this.#toServer;
    const hasRoom = direction.queue.length < this.#network.queueMessagesMax;
    if (!hasRoom) direction.wasFull = true;
    return hasRoom;
  }

  /** Puts a message on its way. The connection must be open and have room. */
  push(to: "client" | "server", frames: readonly Uint8Array[]): void {
    if (this.#isMute) return;
    const direction = to === "client" ? this.#toClient : this.#toServer;
    const fate = this.#network.onMessage({ to, peer: this.peer, frames });
    if (fate === "cut") return this.cut();
    if (fate === "drop") return;
    for (const copy of fate === "repeat" ? [frames, frames] : [frames]) {
      direction.queue.push(copy);
      this.#schedule(to, () => this.#deliver(direction));
    }
  }

  /** Breaks the connection: what is under way is lost, and both ends learn of it. */
  cut(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#toClient.queue.length = 0;
    this.#toServer.queue.length = 0;
    this.#schedule("client", () => this.#ends.client.onEnd("lost"));
    this.#schedule("server", () => this.#ends.server.onEnd("lost"));
  }

  /** Open, but dead: nothing arrives any more, and nobody is told. */
  mute(): void {
    this.#isMute = true;
    this.#toClient.queue.length = 0;
    this.#toServer.queue.length = 0;
  }

  /** One end closed its link; with `flush`, what it sent still arrives. The closing end is told nothing more. */
  close(by: "client" | "server", flush: boolean): void {
    if (!this.#isOpen) return;
    const mine = by === "client" ? this.#toServer : this.#toClient;
    const theirs = by === "client" ? this.#toClient : this.#toServer;
    theirs.queue.length = 0;
    if (!flush) mine.queue.length = 0;
    const end = (): void => {
      if (mine.queue.length > 0) return this.#schedule(mine.to, end);
      this.#isOpen = false;
      this.#ends[mine.to].onEnd("lost");
    };
    this.#schedule(mine.to, end);
  }

  /** Delivers the oldest message of a direction, so that the order holds whatever the scheduler does. */
  #deliver(direction: Direction): void {
    const frames = direction.queue.shift();
    if (frames === undefined) return;
    const end = this.#ends[direction.to];
    if (frames.some((frame) => frame.length > end.frameBytesMax)) return this.cut();
    end.onMessage(frames);
    if (!direction.wasFull || !this.#isOpen) return;
    direction.wasFull = false;
    this.#ends[direction.to === "client" ? "server" : "client"].onRoom();
  }

  #schedule(to: MemoryHop["to"], task: () => void): void {
    this.#network.schedule(task, { to, peer: this.peer });
  }
}
