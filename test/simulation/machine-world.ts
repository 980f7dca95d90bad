// The machine-level simulation: the real machines and the real credit office, with clients, server, network and disk as small
// models around them, on one virtual clock. First faults, then none: every upload has to end.

import { assert } from "../../src/base/assert.ts";
import type { CancelTimer } from "../../src/base/clock.ts";
import { type FaultKind, FaultPlan } from "./fault-plan.ts";
import { MachineChecks } from "./machine-checks.ts";
import { type Job, ModelClient } from "./model-client.ts";
import type { ModelNetwork } from "./model-connection.ts";
import { type ModelRecord, ModelServer, type ModelServerOptions } from "./model-server.ts";
import { Random } from "./random.ts";
import { check, SimulationFailure, type Trace } from "./simulation-failure.ts";
import type { SimulationRun } from "./simulation-run.ts";
import { VirtualClock } from "./virtual-clock.ts";

const kinds: readonly FaultKind[] = [
  "loss",
  "repeat",
  "cut-at-message",
  "damaged-header",
  "write-error",
  "sync-error",
  "cut",
  "half-open",
  "server-stop",
  "server-crash",
  "power-loss",
  "client-crash",
  "freeze",
  "cancel",
  "stale",
  "jitter",
  "slow-client",
  "slow-disk",
  "scarce-memory",
  "reconfigure",
];

const usersMax = 4;
const faultsMs = 60_000;
/** Every upload ends within this time after the last fault. */
const livenessMs = 60 * 60_000;
const eventsMax = 2_000_000;

/** A run that is not drawn from the seed: without faults, for what has to be measured. */
export interface Scenario {
  readonly server: ModelServerOptions;
  readonly jobs: readonly Job[];
  readonly latencyMs: number;
  readonly diskMs: number;
  readonly readMs: number;
  /** All writes go to one disk, one after the other; each upload has one of its own unless this is given. */
  readonly isDiskShared?: boolean;
}

export class MachineWorld {
  readonly clock = new VirtualClock();
  readonly random: Random;
  readonly faults: FaultPlan;
  readonly checks: MachineChecks;
  readonly server: ModelServer;
  readonly clients: readonly ModelClient[];
  readonly network: ModelNetwork;
  readonly trace: Trace;
  windowBytesMax = 0;
  readonly #latencyMs: number;
  readonly #diskMs: number;
  readonly #readMs: number;
  readonly #isDiskShared: boolean;
  #diskFreeAt = 0;
  /** Of the first server. */
  readonly #chunkBytes: number;

  constructor(seed: number, trace: Trace, scenario: Scenario | null = null) {
    this.random = new Random(seed);
    this.trace = trace;
    this.faults = new FaultPlan(this.random.fork("faults"), this.clock, scenario === null ? kinds : []);
    this.checks = new MachineChecks(this);
    this.#latencyMs = scenario?.latencyMs ?? this.random.magnitude(0.1, 200);
    this.#diskMs =
      scenario?.diskMs ?? this.random.magnitude(0.05, this.faults.includes("slow-disk") ? 500 : 5);
    this.#readMs =
      scenario?.readMs ?? this.random.magnitude(0.05, this.faults.includes("slow-client") ? 2000 : 5);
    this.#isDiskShared = scenario?.isDiskShared === true;
    const latency = (): number => this.latency();
    const queueMax = scenario === null ? this.random.pick([1, 2, 4, 16, 100]) : 100;
    this.network = { clock: this.clock, random: this.random, faults: this.faults, latency, queueMax };
    this.server = new ModelServer(this, scenario?.server ?? this.#serverOptions());
    this.#chunkBytes = this.server.options.chunkBytes;
    this.clients = (scenario?.jobs ?? this.#jobs()).map((job) => new ModelClient(job, this));
  }

  latency(): number {
    return this.#around(this.#latencyMs);
  }

  diskMs(): number {
    return this.#around(this.#diskMs);
  }

  /** Until what is written from now on is written. */
  writeMs(): number {
    if (!this.#isDiskShared) return this.diskMs();
    const now = this.clock.now();
    this.#diskFreeAt = Math.max(now, this.#diskFreeAt) + this.diskMs();
    return this.#diskFreeAt - now;
  }

  readMs(): number {
    return this.#around(this.#readMs);
  }

  pauseMs(): number {
    return this.random.between(50, 2000);
  }

  #around(meanMs: number): number {
    return this.faults.holds("jitter")
      ? this.random.interval(meanMs)
      : meanMs * (0.9 + 0.2 * this.random.next());
  }

  clientOf(record: ModelRecord): ModelClient {
    const client = this.clients.find(({ job }) => job.identity === record.identity);
    assert(client !== undefined, "a record belongs to a client");
    return client;
  }

  userOf(identity: string): string {
    return this.clients.find(({ job }) => job.identity === identity)?.job.user ?? "";
  }

  sizeOf(record: ModelRecord): number {
    return this.clientOf(record).job.size;
  }

  #serverOptions(): ModelServerOptions {
    const chunkBytes = this.random.pick([1, 10, 64, 1000]);
    const maxQueue = this.random.pick([1, 2, 3, 8, 64]);
    const capacity = this.faults.includes("scarce-memory")
      ? this.random.between(1, 8)
      : this.random.between(8, 200);
    const idleMs = this.random.pick([10_000, 60_000, 3_600_000]);
    const longQueue = maxQueue * this.random.pick([1, 1, 4, 20]);
    this.windowBytesMax = Math.max(this.windowBytesMax, chunkBytes * longQueue);
    return { chunkBytes, maxQueue, longQueue, capacity, idleMs };
  }

  // Chunks not so small that a file takes hours.
  #reconfigured(): ModelServerOptions {
    const options = this.#serverOptions();
    const chunkBytes = Math.ceil(this.#chunkBytes / this.random.pick([1, 1, 2, 10]));
    this.windowBytesMax = Math.max(this.windowBytesMax, chunkBytes * (options.longQueue ?? options.maxQueue));
    return { ...options, chunkBytes };
  }

  #jobs(): Job[] {
    const { chunkBytes, maxQueue } = this.server.options;
    const count = this.random.pick([1, 1, 2, 3, 5, 10, 20]);
    return Array.from({ length: count }, (_, index) => {
      const chunks = this.random.pick([0, 0, 1, 2, maxQueue, this.random.between(0, 60)]);
      const size = Math.max(0, chunks * chunkBytes + this.random.pick([0, 0, 1, -1]));
      return {
        identity: `client-${index}`,
        user: `user-${this.random.int(usersMax)}`,
        size,
        isFile: this.random.chance(0.7),
        startMs: this.random.int(faultsMs),
        wantsReceipt: index % 4 !== 0,
      };
    });
  }

  /** Throws `SimulationFailure`, or the `AssertionError` of the code under test. */
  run(): SimulationRun {
    this.trace(
      () => `faults: ${this.faults.kinds.join(", ") || "none"}; ${JSON.stringify(this.server.options)}`,
    );
    this.server.start(this.server.options);
    for (const client of this.clients) {
      this.trace(() => JSON.stringify(client.job));
      this.clock.after(client.job.startMs, () => client.start());
    }
    this.#planFaults();
    this.clock.after(faultsMs, () => this.faults.heal());
    const events = this.#runUntilAllEnded();
    for (const client of this.clients) this.checks.onEnd(client);
    const finished = this.clients.filter(
      ({ result }) => result !== null && typeof result !== "string" && result.type === "finished",
    );
    return { uploads: this.clients.length, finished: finished.length, events, durationMs: this.clock.now() };
  }

  #runUntilAllEnded(): number {
    for (let events = 0; events < eventsMax; events++) {
      if (this.clients.every((client) => client.result !== null || client.isSilent)) return events;
      check(this.clock.now() < faultsMs + livenessMs, () => `Not ended: ${this.#unended()}`);
      check(this.clock.step(), "something is always planned");
      this.server.check();
    }
    throw new SimulationFailure(`Not ended after ${eventsMax} events: ${this.#unended()}`);
  }

  #unended(): string {
    const left = this.clients.filter((client) => client.result === null && !client.isSilent);
    return left.map((client) => client.job.identity).join(", ");
  }

  #planFaults(): void {
    const { faults, server } = this;
    const one = (): ModelClient => this.random.pick(this.clients);
    const many = faultsMs / 20;
    faults.repeat("cut", many, () => one().cut());
    faults.repeat("half-open", many, () => one().mute());
    faults.repeat("client-crash", many, () => one().crash());
    faults.repeat("freeze", many, () =>
      one().freeze(this.random.chance(0.1) ? null : this.random.magnitude(10, 100_000)),
    );
    faults.repeat("cancel", faultsMs / 2, () => one().cancel());
    faults.repeat("server-stop", faultsMs / 5, () => this.#restartAfter(() => server.stop()));
    faults.repeat("server-crash", faultsMs / 5, () => this.#restartAfter(() => server.crash(false)));
    faults.repeat("power-loss", faultsMs / 5, () => this.#restartAfter(() => server.crash(true)));
  }

  #restart: CancelTimer = () => {};

  #restartAfter(end: () => void): void {
    end();
    this.#restart();
    this.#restart = this.clock.after(this.random.magnitude(10, 10_000), () => {
      const { options } = this.server;
      this.server.start(this.faults.includes("reconfigure") ? this.#reconfigured() : options);
    });
  }
}
