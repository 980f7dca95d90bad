// The server of the machine-level simulation: real machines of uploads' lives, the real `CreditOffice` and what
// turns it, driven by a model of what `server/` does for them. It decides nothing. What is stored, and its record, outlives a crash of "its process".

import { assert } from "../../src/base/assert.ts";
import type { Priority } from "../../src/protocol/priority.ts";
import { CreditOffice } from "../../src/protocol/server/credit-office.ts";
import type { ClientMessage, PostFile, ServerMessage } from "../../src/protocol/wire/message.ts";
import { CreditTurns } from "../../src/server/credit-turns.ts";
import type { MachineWorld } from "./machine-world.ts";
import type { ModelClient } from "./model-client.ts";
import { type Heard, ModelConnection, type ModelEnds } from "./model-connection.ts";
import { ModelSession } from "./model-session.ts";
import { check } from "./simulation-failure.ts";

/** What survives of an upload. */
export interface ModelRecord {
  readonly id: string;
  readonly identity: string;
  readonly post: PostFile;
  /** Bytes that are stored, and those of them that survive a power cut. */
  stored: number;
  durable: number;
  state: "open" | "publishing" | "finished" | "failed";
  errorCode: number;
}

export interface ModelServerOptions {
  readonly chunkBytes: number;
  readonly maxQueue: number;
  readonly longQueue?: number;
  /** In full chunks. */
  readonly capacity: number;
  readonly idleMs: number;
  readonly mayHurry?: () => boolean;
}

export class ModelServer {
  readonly world: MachineWorld;
  readonly records = new Map<string, ModelRecord>();
  readonly sessions = new Map<string, ModelSession>();
  readonly #routes = new Map<string, { client: ModelClient; connection: ModelConnection }>();
  options: ModelServerOptions;
  office: CreditOffice;
  #turns: CreditTurns;
  #isUp = false;
  #life = 0;

  constructor(world: MachineWorld, options: ModelServerOptions) {
    this.world = world;
    this.options = options;
    this.office = officeOf(options);
    this.#turns = this.#newTurns();
  }

  #newTurns(): CreditTurns {
    return new CreditTurns({
      office: this.office,
      clock: this.world.clock,
      byId: (id) => this.sessions.get(id),
      soon: (turn) => this.later(0, turn),
    });
  }

  start(options: ModelServerOptions): void {
    this.options = options;
    this.#isUp = true;
    this.#life++;
    this.office = officeOf(options);
    this.#turns = this.#newTurns();
    for (const record of this.records.values()) {
      if (record.state !== "publishing") continue;
      this.later(this.world.diskMs(), () => {
        record.state = "finished";
      });
    }
  }

  /** Ends the process, and with `power` the system below it. Only clients of a clean stop are told. */
  crash(power: boolean): void {
    if (!this.#isUp) return;
    this.world.trace(() => (power ? "power loss" : "server crash"));
    this.#isUp = false;
    this.#life++;
    this.#turns.stop();
    for (const session of this.sessions.values()) session.kill();
    this.sessions.clear();
    for (const { client, connection } of this.#routes.values()) {
      client.disturbances++;
      connection.closeByServer();
    }
    this.#routes.clear();
    if (power) for (const record of this.records.values()) this.#losePower(record);
  }

  #losePower(record: ModelRecord): void {
    if (record.state === "finished") return;
    const kept = this.world.random.between(record.durable, record.stored);
    // Our model of trust: after a power cut only what was synced counts.
    this.world.checks.onBytesLost(record, record.stored - record.durable);
    record.stored = Math.min(kept, record.durable);
    // Not published, and no longer complete: its client sends again.
    if (record.state === "publishing" && record.stored < this.world.sizeOf(record)) record.state = "open";
  }

  stop(): void {
    if (!this.#isUp) return;
    this.world.trace(() => "server stop");
    for (const session of [...this.sessions.values()]) {
      session.feed({ type: "stop", code: 503, text: "The server is going down", keep: true });
    }
    this.crash(false);
  }

  /** The handshake of `client`; `null` when nothing listens. */
  accept(
    client: ModelClient,
    ends: Pick<ModelEnds, "onClientSide" | "onRoom" | "onDown">,
  ): ModelConnection | null {
    if (!this.#isUp) return null;
    const { identity } = client.job;
    const life = this.#life;
    const connection: ModelConnection = new ModelConnection(this.world.network, {
      ...ends,
      onServerSide: (heard) => {
        if (life === this.#life) this.#receive(client, heard);
      },
      mayDamage: (to) => this.#mayDamage(client, to),
      onDamage: () => {
        client.disturbances++;
        client.damagedAt = this.#acceptedOf(identity);
      },
      onGone: () => {
        if (this.#routes.get(identity)?.connection === connection) this.#routes.delete(identity);
      },
      onDisturbed: () => {
        client.disturbances++;
      },
    });
    this.#routes.get(identity)?.connection.cut();
    this.#routes.set(identity, { client, connection });
    return connection;
  }

  // What is damaged twice without progress may end an upload. The client notices progress later than the server.
  #mayDamage(client: ModelClient, to: "server" | "client"): boolean {
    if (client.damagedAt === null) return true;
    const leastBytes = to === "server" ? 0 : this.world.windowBytesMax;
    return this.#acceptedOf(client.job.identity) > client.damagedAt + leastBytes;
  }

  #acceptedOf(identity: string): number {
    return (this.records.get(identity)?.stored ?? 0) + (this.sessions.get(identity)?.unstoredBytes ?? 0);
  }

  #receive(client: ModelClient, message: Heard<ClientMessage>): void {
    const { identity } = client.job;
    const session = this.sessions.get(identity);
    if (session !== undefined) return session.receive(message);
    if (message.type === "malformed") {
      return void this.send(identity, { type: "error", code: message.code, text: message.text });
    }
    const begun = new ModelSession(identity, this);
    this.sessions.set(identity, begun);
    begun.receive(message);
  }

  forget({ identity }: ModelSession): void {
    this.sessions.delete(identity);
  }

  /** What the client of this upload has under way may not be taken. */
  disturb(identity: string): void {
    const client = this.world.clients.find(({ job }) => job.identity === identity);
    if (client !== undefined) client.disturbances++;
  }

  userOf(identity: string): string {
    return this.world.userOf(identity);
  }

  priorityOf(identity: string): Priority {
    return this.world.clients.find(({ job }) => job.identity === identity)?.job.priority ?? "normal";
  }

  send(identity: string, message: ServerMessage): "sent" | "full" | "unreachable" {
    return this.#routes.get(identity)?.connection.toClient(message) ?? "unreachable";
  }

  /** Runs `callback` later, unless the process ended meanwhile. */
  later(delayMs: number, callback: () => void): void {
    const life = this.#life;
    this.world.clock.after(delayMs, () => {
      if (life === this.#life) callback();
    });
  }

  creditChanged(): void {
    this.#turns.changed();
  }

  /** The bounds that hold after every event. */
  check(): void {
    const { capacity } = this.office;
    check(
      this.office.held >= 0 && this.office.held <= capacity,
      () => `${this.office.held} bytes held of ${capacity}`,
    );
    let unstored = 0;
    for (const session of this.sessions.values()) {
      if (session.unstoredChunks === 0) continue;
      unstored += session.unstoredBytes;
      assert(session.unstoredChunks <= this.office.heldBy(session.identity), "unstored chunks are held");
    }
    check(unstored <= capacity, () => `${unstored} bytes in memory, ${capacity} fit`);
  }
}

function officeOf({ capacity, chunkBytes, mayHurry }: ModelServerOptions): CreditOffice {
  return new CreditOffice({ capacity: capacity * chunkBytes, chunkCost: chunkBytes, mayHurry });
}
