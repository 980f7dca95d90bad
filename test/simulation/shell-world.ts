// The shell-level simulation: the real client and the real server on the memory transport, the memory storage and the
// memory catalogue, on one virtual clock. First faults, then none: every upload has to end.

import { drainMicrotasks } from "bun:jsc";
import {
  defaultProcessSettings,
  defaultUserRules,
  type ProcessSettings,
  type UserRules,
} from "../../src/config/server-settings.ts";
import { longQueueOf } from "../../src/server/budget.ts";
import { type FaultKind, FaultPlan } from "./fault-plan.ts";
import { intrude } from "./intruder.ts";
import { askAbout } from "./questioner.ts";
import { Random } from "./random.ts";
import { ShellChecks } from "./shell-checks.ts";
import { type ShellJob, SimulatedClient } from "./simulated-client.ts";
import { SimulatedDisk } from "./simulated-disk.ts";
import { userOfKey, usersMax } from "./simulated-keys.ts";
import { SimulatedNetwork } from "./simulated-network.ts";
import { SimulatedServer } from "./simulated-server.ts";
import type { SimulatedWorkersOptions } from "./simulated-workers.ts";
import { check, SimulationFailure, type Trace } from "./simulation-failure.ts";
import type { SimulationRun } from "./simulation-run.ts";
import { VirtualClock } from "./virtual-clock.ts";

const kinds: readonly FaultKind[] = [
  "loss",
  "repeat",
  "cut-at-message",
  "damaged-header",
  "write-error",
  "short-write",
  "sync-error",
  "read-error",
  "crash-at-step",
  "catalogue-trouble",
  "cut",
  "half-open",
  "server-stop",
  "server-crash",
  "power-loss",
  "client-crash",
  "freeze",
  "server-freeze",
  "disk-full",
  "key-removed",
  "intruder",
  "cancel",
  "stale",
  "jitter",
  "slow-client",
  "slow-disk",
  "scarce-memory",
  "question",
];

const usualChunkBytes = [64, 1000, 4096];
// Those of a length that goes to a worker by its address, and others.
const workedChunkBytes = [64, 4096, 5000, 6000];
const faultsMs = 120_000;
/** Every upload ends within this time after the last fault. */
const livenessMs = 2 * 3_600_000;
const eventsMax = 1_000_000;

/** A file may be what the first frame of a message is. */
const commands = ["error", "post-chunk", "post-file", "query-status"];
const pool = new Random(1).bytes(1 << 20);

export class ShellWorld {
  readonly clock = new VirtualClock();
  readonly random: Random;
  readonly trace: Trace;
  readonly faults: FaultPlan;
  readonly options: ProcessSettings & UserRules;
  readonly checks: ShellChecks;
  readonly network: SimulatedNetwork;
  readonly disk: SimulatedDisk;
  readonly server: SimulatedServer;
  readonly clients: readonly SimulatedClient[];
  readonly port = 8889;
  readonly byIdentity = new Map<string, SimulatedClient>();
  /** Clients of whose bytes the disk lost some. */
  readonly lost = new Set<SimulatedClient>();
  readonly #latencyMs: number;
  readonly #diskMs: number;
  readonly #readMs: number;
  #boots = 1;
  #failure: unknown = null;

  /** With `hasWorkers`, threads of the server store uploads. */
  constructor(seed: number, trace: Trace, { hasWorkers = false } = {}) {
    this.random = new Random(seed);
    const { random, clock } = this;
    this.trace = trace;
    const known = hasWorkers ? [...kinds, "worker-fault" as const] : kinds;
    this.faults = new FaultPlan(random.fork("faults"), clock, known);
    const { faults } = this;
    this.#latencyMs = random.magnitude(0.1, 200);
    this.#diskMs = random.magnitude(0.05, faults.includes("slow-disk") ? 500 : 5);
    this.#readMs = random.magnitude(0.05, faults.includes("slow-client") ? 2000 : 5);
    this.options = this.#serverOptions(hasWorkers ? workedChunkBytes : usualChunkBytes);
    this.checks = new ShellChecks(this);
    this.network = new SimulatedNetwork({
      clock,
      random,
      faults,
      trace,
      latency: () => this.#around(this.#latencyMs),
      // Two at least: what a restarted server tells again and the report behind it would otherwise never come both.
      queueMessagesMax: random.pick([2, 3, 4, 16, 100]),
      onDisturbed: (peer) => {
        const client = this.byIdentity.get(peer);
        if (client !== undefined) client.disturbances++;
      },
      onChunkSent: (peer, origin, offset, bytes) => {
        const client = this.byIdentity.get(peer);
        if (client?.job.user !== userOfKey(origin)) return;
        client.bytesSent += bytes;
        client.position = offset + bytes;
      },
      nameOf: (peer) => this.byIdentity.get(peer)?.job.label ?? peer,
    });
    this.disk = new SimulatedDisk({
      random,
      faults,
      trace,
      delayMs: () => this.#around(this.#diskMs),
      onLost: (id) => this.#onLost(id),
      crash: () => this.server.crash(faults.includes("power-loss") && random.chance(0.5)),
      workers: hasWorkers ? this.#workers(random.fork("workers")) : null,
    });
    this.server = new SimulatedServer(this);
    this.clients = this.#jobs().map((job) => new SimulatedClient(job, this));
  }

  get windowBytes(): number {
    return longQueueOf(this) * this.options.chunkBytes;
  }

  get bootId(): string {
    return `boot ${this.#boots}`;
  }

  newBoot(): void {
    this.#boots++;
  }

  newId(): string {
    return Buffer.from(this.random.bytes(16)).toString("hex");
  }

  newIdentity(): string {
    return `80${this.newId().slice(2)}`;
  }

  readMs(): number {
    return this.#around(this.#readMs);
  }

  #around(meanMs: number): number {
    return this.faults.holds("jitter")
      ? this.random.interval(meanMs)
      : meanMs * (0.9 + 0.2 * this.random.next());
  }

  #onLost(id: string): void {
    const record = this.disk.catalogue.peek(id);
    const client = record === null ? undefined : this.byIdentity.get(record.identity);
    if (client !== undefined) this.lost.add(client);
  }

  #workers(random: Random): SimulatedWorkersOptions {
    const { faults, trace } = this;
    const delayMs = random.magnitude(0.01, 20);
    return {
      threads: random.between(1, 3),
      smallBytes: random.pick([0, 0, 3 * this.options.chunkBytes]),
      trace,
      delayMs: () => random.interval(delayMs),
      isAtFault: () => {
        if (!faults.strikes("worker-fault")) return false;
        for (const client of this.clients) client.disturbances++;
        return true;
      },
    };
  }

  #serverOptions(chunkLengths: readonly number[]): ProcessSettings & UserRules {
    const { random, faults } = this;
    const chunkBytes = random.pick(chunkLengths);
    const chunks = faults.includes("scarce-memory") ? random.between(1, 8) : random.between(8, 200);
    return {
      ...defaultProcessSettings,
      ...defaultUserRules,
      port: this.port,
      chunkBytes,
      memoryBytes: chunks * chunkBytes,
      windowChunks: random.pick([1, 2, 3, 8, 64]),
      windowBytesMax: chunkBytes * random.pick([1, 1, 16, 200]),
      syncEveryBytes: chunkBytes * random.pick([1, 3, 10, 1000]),
      uploadsMax: random.pick([2, 5, 1000, 1000]),
      uploadsPerUser: random.pick([1, 3, 250, 250]),
      idleMs: random.pick([10_000, 60_000, 3_600_000]),
    };
  }

  #jobs(): ShellJob[] {
    const { random, faults } = this;
    const { chunkBytes, windowChunks } = this.options;
    const count = random.pick([1, 1, 2, 3, 5, 10, 20]);
    const names = Array.from({ length: count }, (_, index) =>
      random.chance(0.1) ? "shared" : `file-${index}`,
    );
    return names.map((name, index) => {
      const chunks = random.pick([0, 0, 1, 2, windowChunks, random.between(0, 40)]);
      const size = Math.max(0, chunks * chunkBytes + random.pick([0, 0, 1, -1]));
      const from = random.int(pool.length - size);
      const isName = faults.includes("damaged-header") && random.chance(0.1);
      const content = isName ? Buffer.from(random.pick(commands)) : pool.subarray(from, from + size);
      return {
        label: `client-${index}`,
        user: name === "shared" ? 0 : random.int(usersMax),
        name,
        content,
        isFile: random.chance(0.75),
        startMs: random.int(faultsMs / 2),
        retryForMs: random.pick([20_000, 86_400_000]),
        hasRival: name === "shared",
      };
    });
  }

  /** Something is wrong: the run ends with the first of these. */
  fail(error: unknown): void {
    this.#failure ??= error;
  }

  /** Throws `SimulationFailure`, or the error of the code under test. */
  run(): SimulationRun {
    const { memoryBytes, chunkBytes, windowChunks, syncEveryBytes, idleMs } = this.options;
    const options = { memoryBytes, chunkBytes, windowChunks, syncEveryBytes, idleMs };
    this.trace(() => `faults: ${this.faults.kinds.join(", ") || "none"}; ${JSON.stringify(options)}`);
    this.server.start();
    for (const client of this.clients) {
      const { content, ...job } = client.job;
      this.trace(() => JSON.stringify({ ...job, size: content.length }));
      this.clock.after(client.job.startMs, () => client.start());
    }
    this.#planFaults();
    this.clock.after(faultsMs, () => {
      this.trace(() => "no more faults");
      this.faults.heal();
      this.disk.isFull = false;
    });
    let events = this.#runUntil(() => this.clients.every(({ isOver }) => isOver), "uploads");
    this.faults.heal();
    this.disk.isFull = false;
    events += this.#runUntil(() => {
      this.server.stopForGood();
      return this.server.isStopped;
    }, "server");
    // What was being read when its upload ended comes to its end too.
    const end = this.clock.now() + 600_000;
    events += this.#runUntil(() => this.clock.now() > end, "rest", true);
    this.checks.onEnd(this.clients);
    const finished = this.clients.filter(({ receipt }) => receipt !== null).length;
    return { uploads: this.clients.length, finished, events, durationMs: this.clock.now() };
  }

  #runUntil(isDone: () => boolean, what: string, mayRunDry = false): number {
    for (let events = 0; events < eventsMax; events++) {
      if (this.#failure !== null) throw this.#failure;
      if (isDone()) return events;
      const late = this.clock.now() > faultsMs + livenessMs;
      if (late) throw new SimulationFailure(`The ${what} did not end: ${this.#unended()}`);
      if (!this.clock.step()) {
        check(mayRunDry, () => `Nothing happens any more, and the ${what} did not end: ${this.#unended()}`);
        return events;
      }
      drainMicrotasks();
      this.checks.onStep();
    }
    throw new SimulationFailure(`The ${what} did not end after ${eventsMax} events: ${this.#unended()}`);
  }

  #unended(): string {
    return (
      this.clients
        .filter(({ isOver }) => !isOver)
        .map(({ job }) => job.label)
        .join(", ") || "all uploads did"
    );
  }

  #planFaults(): void {
    const { faults, server, random, network } = this;
    const one = (): SimulatedClient => random.pick(this.clients);
    const many = faultsMs / 40;
    faults.repeat("cut", many, () => network.strike(one().identity, "cut"));
    faults.repeat("half-open", many, () => network.strike(one().identity, "half-open"));
    faults.repeat("client-crash", many, () => one().crash());
    faults.repeat("freeze", many, () => one().freeze(random.magnitude(10, 100_000)));
    faults.repeat("cancel", faultsMs / 2, () => one().cancel());
    faults.repeat("intruder", many, () => intrude(this, one()));
    // Where a frame is dropped, a question may become an upload, which takes the name from the one that has it.
    if (!faults.includes("damaged-header")) faults.repeat("question", many, () => askAbout(this, one()));
    faults.repeat("server-freeze", faultsMs / 5, () => server.freeze(random.magnitude(10, 100_000)));
    faults.repeat("server-stop", faultsMs / 5, () => server.stop());
    faults.repeat("server-crash", faultsMs / 5, () => server.crash(false));
    faults.repeat("power-loss", faultsMs / 5, () => server.crash(true));
    faults.repeat("key-removed", faultsMs / 5, () =>
      server.removeKey(random.int(usersMax), random.magnitude(10, 20_000)),
    );
    faults.repeat("disk-full", faultsMs / 5, () => {
      this.disk.isFull = true;
      this.clock.after(random.magnitude(10, 20_000), () => {
        this.disk.isFull = false;
      });
    });
  }
}
