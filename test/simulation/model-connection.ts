// One connection of the machine-level simulation: two ordered queues of messages as values. A cut loses what is
// under way, but what the server's side had received already may still be read, beside the next connection.

import { type Decoded, decodeClientMessage, decodeServerMessage } from "../../src/protocol/wire/decode.ts";
import { encodeClientMessage, encodeServerMessage } from "../../src/protocol/wire/encode.ts";
import type { ClientMessage, ServerMessage } from "../../src/protocol/wire/message.ts";
import { DamagedLine } from "./damaged-line.ts";
import type { FaultPlan } from "./fault-plan.ts";
import type { Random } from "./random.ts";
import type { VirtualClock } from "./virtual-clock.ts";

export interface ModelNetwork {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly faults: FaultPlan;
  /** Delay of one message, in ms. */
  readonly latency: () => number;
  readonly queueMax: number;
}

/** What a side makes of the frames that it got. */
export type Heard<Message> = Message | Nonsense;

export interface Nonsense {
  readonly type: "malformed";
  readonly code: number;
  readonly text: string;
}

export interface ModelEnds {
  onServerSide(heard: Heard<ClientMessage>): void;
  onClientSide(heard: Heard<ServerMessage>): void;
  /** Whether a header may be damaged now: not twice without progress. */
  mayDamage(to: "server" | "client"): boolean;
  /** A damaged message was delivered, or will be with the next one. */
  onDamage(): void;
  /** There is room towards the server again. */
  onRoom(): void;
  /** The client learns that the connection is over. */
  onDown(): void;
  /** The server learns that the connection is over. */
  onGone(): void;
  /** A fault struck. */
  onDisturbed(): void;
}

interface UnderWay {
  cancel(): void;
  deliver(): void;
}

/**
 * The server's queue for one client holds hundreds (`sendMessages`). With one place, a grant that follows an answer at once is
 * lost every time, which no line does: several uploads that share one chunk of credit would never hear of it.
 */
const toClientMin = 2;

export class ModelConnection {
  readonly #network: ModelNetwork;
  readonly #ends: ModelEnds;
  readonly #lines = { server: new DamagedLine(), client: new DamagedLine() };
  readonly #toServer: UnderWay[] = [];
  readonly #toClient: UnderWay[] = [];
  #latestToServer = 0;
  #latestToClient = 0;
  #isOpen = true;
  #isMute = false;
  #clientCares = true;

  constructor(network: ModelNetwork, ends: ModelEnds) {
    this.#network = network;
    this.#ends = ends;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  get isFull(): boolean {
    return this.#toServer.length >= this.#network.queueMax;
  }

  toServer(message: ClientMessage): void {
    if (!this.#isOpen) return;
    for (let left = this.#copies(); left > 0; left--) {
      const item = this.#put(this.#toServer, this.#latestToServer, () => {
        const wasFull = this.isFull;
        this.#toServer.shift();
        const heard = this.#hear("server", message, encodeClientMessage, decodeClientMessage);
        if (heard !== null) this.#ends.onServerSide(heard);
        if (wasFull && this.#isOpen) this.#ends.onRoom();
      });
      this.#latestToServer = item;
    }
  }

  toClient(message: ServerMessage): "sent" | "full" | "unreachable" {
    if (!this.#isOpen) return "unreachable";
    if (this.#toClient.length >= Math.max(toClientMin, this.#network.queueMax)) {
      this.#ends.onDisturbed();
      return "full";
    }
    if (this.#copies() > 0) {
      this.#latestToClient = this.#put(this.#toClient, this.#latestToClient, () => {
        this.#toClient.shift();
        if (!this.#clientCares) return;
        const heard = this.#hear("client", message, encodeServerMessage, decodeServerMessage);
        if (heard !== null) this.#ends.onClientSide(heard);
      });
    }
    return "sent";
  }

  /** How many times it arrives. No connection repeats messages; the server has to bear it, as after a handover. */
  #copies(): number {
    const { faults } = this.#network;
    if (this.#isMute) return 0;
    if (faults.strikes("cut-at-message")) this.cut();
    if (!this.#isOpen) return 0;
    if (faults.strikes("loss")) {
      this.#ends.onDisturbed();
      return 0;
    }
    if (!faults.strikes("repeat")) return 1;
    // Twice: a post-file that is answered twice takes the client back, and so does what it asked in between.
    this.#ends.onDisturbed();
    this.#ends.onDisturbed();
    return 2;
  }

  // Messages are values here; only what is damaged goes through its frames.
  #hear<Message>(
    to: "server" | "client",
    message: Message,
    encode: (message: Message) => Uint8Array[],
    decode: (frames: readonly Uint8Array[]) => Decoded<Message>,
  ): Heard<Message> | null {
    const line = this.#lines[to];
    const { faults, random } = this.#network;
    const wasJoining = line.isJoining;
    const isStruck = !wasJoining && this.#ends.mayDamage(to) && faults.strikes("damaged-header");
    if (!wasJoining && !isStruck) return message;
    this.#ends.onDamage();
    const frames = isStruck ? line.strike(encode(message), random) : line.pass(encode(message));
    if (frames === null) return null;
    const decoded = decode(frames);
    return decoded.ok ? decoded.message : { type: "malformed", code: decoded.code, text: decoded.text };
  }

  #put(queue: UnderWay[], latest: number, deliver: () => void): number {
    const { clock } = this.#network;
    const at = Math.max(latest, clock.now() + this.#network.latency());
    const cancel = clock.after(at - clock.now(), deliver);
    queue.push({ cancel, deliver });
    return at;
  }

  /** Breaks it. Both sides learn of it, each in its time. */
  cut(): void {
    if (!this.#isOpen) return;
    this.#ends.onDisturbed();
    this.#breakOff();
    const { clock, latency } = this.#network;
    clock.after(latency(), () => {
      if (this.#clientCares) this.#ends.onDown();
    });
    clock.after(latency(), () => this.#ends.onGone());
  }

  /** The client closes it, or is gone: it hears nothing more. */
  closeByClient(): void {
    this.#clientCares = false;
    if (!this.#isOpen) return;
    this.#breakOff();
    if (!this.#isMute) this.#network.clock.after(this.#network.latency(), () => this.#ends.onGone());
  }

  /** The server's process is gone: nothing that it received will be read. */
  closeByServer(): void {
    if (!this.#isOpen) return;
    this.#ends.onDisturbed();
    this.#isOpen = false;
    for (const item of [...this.#toServer.splice(0), ...this.#toClient.splice(0)]) item.cancel();
    if (this.#isMute) return;
    this.#network.clock.after(this.#network.latency(), () => {
      if (this.#clientCares) this.#ends.onDown();
    });
  }

  /** Open but dead: nothing arrives, nobody is told. */
  mute(): void {
    if (!this.#isOpen || this.#isMute) return;
    this.#ends.onDisturbed();
    this.#isMute = true;
    for (const item of [...this.#toServer.splice(0), ...this.#toClient.splice(0)]) item.cancel();
  }

  #breakOff(): void {
    this.#isOpen = false;
    const { clock, random, faults, latency } = this.#network;
    for (const item of this.#toClient.splice(0)) item.cancel();
    const stale = this.#toServer.splice(0);
    for (const item of stale) item.cancel();
    if (!faults.holds("stale") || stale.length === 0) return;
    let at = clock.now();
    for (const item of stale.slice(0, random.int(stale.length + 1))) {
      at += latency();
      // Delivering takes an item off the queue: give it one to take.
      this.#toServer.push(item);
      clock.after(at - clock.now(), item.deliver);
    }
  }
}
