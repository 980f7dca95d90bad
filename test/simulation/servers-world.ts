// Several servers that share a catalogue and an object store, in virtual time: real servers and real clients, of which the former are killed,
// stopped and frozen, lines are cut, the database is away, and news get lost. Every upload is confirmed in the end, is in the store as it was sent,
// and was made once; who was frozen for longer than its lease does no harm.

import { setImmediate } from "node:timers/promises";
import type { Logger } from "../../src/base/log.ts";
import { Semaphore } from "../../src/base/semaphore.ts";
import type { Catalogue } from "../../src/catalogue/catalogue.ts";
import { upload } from "../../src/client/upload.ts";
import { defaultProcessSettings } from "../../src/config/server-settings.ts";
import { Server } from "../../src/server/server.ts";
import { S3Storage } from "../../src/storage/s3/s3-storage.ts";
import { openSavedSha256 } from "../../src/storage/sha256/open-saved-sha256.ts";
import type { Storage } from "../../src/storage/storage.ts";
import type { ClientTransport, ServerTransport } from "../../src/transport/transport.ts";
import { MemoryCatalogue } from "../support/memory/catalogue.ts";
import { MemoryNetwork } from "../support/memory/network.ts";
import { ModelStore } from "./model-store.ts";
import { ModelStoreClient } from "./model-store-client.ts";
import { Random } from "./random.ts";
import { ServersChecks } from "./servers-checks.ts";
import { type Job, jobsOf, rivalsOf, rulesOfServers, sourceOf } from "./servers-jobs.ts";
import { keyOfUser, serverKeys, userOfKey } from "./simulated-keys.ts";
import { SimulatedProcess } from "./simulated-process.ts";
import { leaseMs, SharedTables, SimulatedServers } from "./simulated-servers.ts";
import { SimulationFailure, type Trace } from "./simulation-failure.ts";
import type { SimulationRun } from "./simulation-run.ts";
import { VirtualClock } from "./virtual-clock.ts";

const faultsMs = 120_000;
// Longer than any pause of a client behind the last fault.
const livenessMs = 1_800_000;
const eventsMax = 400_000;
const firstPort = 9000;
const chunkBytes = 256;
// Some chunks long, and several for each upload; not all parts of all uploads fit into memory.
const partBytes = 4 * chunkBytes;
const partsInMemory = 12;
const sha256 = await openSavedSha256();

export class ServersWorld {
  readonly clock = new VirtualClock();
  readonly random: Random;
  readonly tables = new SharedTables();
  readonly #trace: Trace;
  readonly #network: MemoryNetwork;
  readonly #catalogue: MemoryCatalogue;
  readonly #store: ModelStore;
  readonly #checks: ServersChecks;
  readonly #processes: (SimulatedProcess | null)[];
  readonly #servers: (Server | null)[];
  readonly #closeTransports: (() => void)[] = [];
  #ids = 0;
  #lives = 0;
  #failure: unknown = null;
  #areFaultsOver = false;
  /** How slow the store is: in many worlds an upload takes as long as it takes until the next fault. */
  readonly #storeMs: number;
  isDatabaseAway = false;

  constructor(seed: number, trace: Trace) {
    this.#trace = trace;
    this.random = new Random(seed);
    const { random, clock } = this;
    this.#network = new MemoryNetwork({
      schedule: (task) => void clock.after(random.magnitude(0.2, 40), task),
      onMessage: () => (random.chance(0.002) ? "cut" : "deliver"),
      onConnect: (_host, port) => this.#answerOf(port),
    });
    this.#catalogue = new MemoryCatalogue(clock, (owner) => this.tables.aliveUntil.get(owner ?? ""));
    this.#store = new ModelStore({
      partBytesLeast: partBytes,
      heedsConditions: random.chance(0.7),
      ...{ now: () => clock.date(), trace },
      onMade: (key, object) => this.#checks.onMade(key, object),
      onRemoved: (key) => this.#checks.onRemoved(key),
    });
    this.#checks = new ServersChecks(() => this.#store);
    this.#storeMs = random.magnitude(20, 5_000);
    const count = random.between(2, 3);
    this.#processes = Array.from({ length: count }, () => null);
    this.#servers = Array.from({ length: count }, () => null);
  }

  /** A server that is frozen takes connections, and says nothing. */
  #answerOf(port: number) {
    return this.#processes[port - firstPort]?.isFrozen === true ? ("handshake-timeout" as const) : null;
  }

  async run(): Promise<SimulationRun> {
    const { random, clock } = this;
    for (const at of this.#servers.keys()) this.#start(at);
    const jobs = jobsOf(random);
    for (const job of jobs) clock.after(random.int(faultsMs * 0.8), () => this.#send(job));
    // What others draw stays as it is without them.
    const own = random.fork("rivals");
    const rivals = rivalsOf(own);
    const from = own.int(faultsMs * 0.6);
    for (const job of rivals)
      clock.after(from + own.interval(own.magnitude(10, 10_000)), () => this.#send(job));
    const count = jobs.length + rivals.length;
    clock.after(random.interval(4_000), () => this.#fault());
    clock.after(faultsMs, () => {
      this.#areFaultsOver = true;
    });
    const events = await this.#runUntil(() => this.#areFaultsOver && this.#checks.ended === count);
    this.#checks.onEnd();
    const finished = this.#checks.confirmed;
    return { uploads: count, finished, events, durationMs: clock.now() };
  }

  async #runUntil(isDone: () => boolean): Promise<number> {
    for (let events = 0; events < eventsMax; events++) {
      if (this.#failure !== null) throw this.#failure;
      if (isDone()) return events;
      const isLate = this.clock.now() > faultsMs + livenessMs;
      if (isLate || !this.clock.step())
        throw new SimulationFailure(`Only ${this.#checks.ended} uploads have ended`);
      // A turn of the event loop, which some of the code takes as well.
      await setImmediate();
    }
    throw new SimulationFailure(`${eventsMax} events, and ${this.#checks.ended} uploads have ended`);
  }

  #start(at: number): void {
    const process = new SimulatedProcess(this.clock);
    this.#processes[at] = process;
    const id = `server-${at}-${++this.#lives}`;
    this.#trace(() => `${id} starts`);
    const server = new Server({
      transport: this.#serverTransport(process, at),
      keys: serverKeys,
      clients: {
        userOf: (key) => nameOf(key),
        expiryOf: () => null,
        endOf: () => null,
        isLeaving: () => false,
        mayGoOn: (key, user) => nameOf(key) === user,
      },
      storage: this.#storageFor(process, id),
      catalogue: this.#catalogueFor(process),
      owner: { id, leaseMs },
      servers: new SimulatedServers(this, process, id),
      clock: process.clock,
      logger: this.#loggerFor(id),
      options: { ...defaultProcessSettings, port: firstPort + at, chunkBytes, memoryBytes: 64 * chunkBytes },
      rulesOf: () => rulesOfServers,
      program: "simulation",
      newId: () => (++this.#ids).toString(16).padStart(32, "0"),
    });
    server.start().then(
      () =>
        process.run(() => {
          this.#servers[at] = server;
        }),
      (error) => this.#fail(error),
    );
  }

  /** What comes over the network comes to a process that runs. */
  #serverTransport(process: SimulatedProcess, at: number): ServerTransport {
    const transport = this.#network.server();
    this.#closeTransports[at] = () => void transport.close();
    return {
      listen: (options, events) =>
        transport.listen(options, {
          onMessage: (received) => process.run(() => events.onMessage(received)),
          onFailure: (error) => process.run(() => events.onFailure(error)),
        }),
      close: () => transport.close(),
    };
  }

  /** The real one, over a model of a store. */
  #storageFor(process: SimulatedProcess, id: string): Storage {
    const { random, clock } = this;
    const client = new ModelStoreClient(this.#store, {
      process,
      delayMs: () => random.magnitude(0.5, this.#storeMs),
      after: (delayMs, callback) => void clock.after(delayMs, callback),
      isSlow: () => random.chance(0.3),
      isLost: () => random.chance(0.005),
    });
    const rules = { prefix: "", memoryBytes: partsInMemory * partBytes, partBytesLeast: partBytes };
    return new S3Storage(
      { ...rules, membersMax: 10, clock: process.clock, log: this.#loggerFor(id) },
      { client, beside: null, sha256 },
    );
  }

  #loggerFor(id: string): Logger {
    return {
      log: (level, message, fields = {}) =>
        this.#trace(() => `${id}: ${level} ${message} ${JSON.stringify(fields)}`),
    };
  }

  /** The catalogue over a line: calls take effect in their order, wait for a database that is away, and are answered to whom still runs. */
  #catalogueFor(process: SimulatedProcess): Catalogue {
    const { random } = this;
    const turn = new Semaphore();
    const call = async (act: () => unknown): Promise<unknown> => {
      await turn.take(1);
      try {
        do await process.wait(random.magnitude(0.2, 20));
        while (this.isDatabaseAway);
        return await act();
      } finally {
        turn.release();
      }
    };
    return new Proxy(this.#catalogue, {
      get(catalogue, name) {
        const member = Reflect.get(catalogue, name, catalogue) as unknown;
        if (typeof member !== "function") return member;
        return async (...what: readonly unknown[]) => {
          const result = await call(() => member.apply(catalogue, what));
          await process.wait(random.magnitude(0.2, 20));
          return result;
        };
      },
    }) as unknown as Catalogue;
  }

  #fault(): void {
    if (this.#areFaultsOver) return;
    const { random, clock } = this;
    const at = random.int(this.#servers.length);
    const kind = random.int(7);
    if (kind === 0)
      this.#kill(at, random.chance(0.5) ? random.magnitude(10, 2_000) : random.between(2_000, 30_000));
    else if (kind === 1) this.#freeze(at, random.magnitude(500, 45_000));
    else if (kind === 2) this.#stop(at);
    else if (kind === 3) this.#cutAll();
    else if (kind === 4) this.#databaseAway(random.magnitude(200, 20_000));
    else if (kind === 5) this.#storeAway(random.magnitude(200, 30_000));
    else this.#freeze(at, random.between(leaseMs, 2 * leaseMs));
    clock.after(random.interval(6_000), () => this.#fault());
  }

  #kill(at: number, forMs: number): void {
    const process = this.#processes[at];
    if (process?.isAlive !== true) return;
    this.#trace(() => `server ${at} is killed`);
    process.kill();
    this.#servers[at] = null;
    // The system closes what it had open.
    this.#closeTransports[at]?.();
    this.clock.after(forMs, () => this.#start(at));
  }

  #freeze(at: number, forMs: number): void {
    this.#trace(() => `server ${at} is frozen for ${Math.round(forMs)} ms`);
    this.#processes[at]?.freeze(forMs);
  }

  #stop(at: number): void {
    const [process, server] = [this.#processes[at], this.#servers[at]];
    if (process?.isAlive !== true || process.isFrozen || server == null) return;
    this.#trace(() => `server ${at} is drained`);
    this.#servers[at] = null;
    server.drain().then(
      () =>
        process.run(() => {
          process.kill();
          this.clock.after(this.random.magnitude(10, 5_000), () => this.#start(at));
        }),
      (error) => this.#fail(error),
    );
  }

  #cutAll(): void {
    this.#trace(() => "all lines are cut");
    for (const connection of this.#network.connections) connection.cut();
  }

  #databaseAway(forMs: number): void {
    if (this.isDatabaseAway) return;
    this.#trace(() => `the database is away for ${Math.round(forMs)} ms`);
    this.isDatabaseAway = true;
    this.clock.after(forMs, () => {
      this.isDatabaseAway = false;
    });
  }

  #storeAway(forMs: number): void {
    if (this.#store.isAway) return;
    this.#trace(() => `the store is away for ${Math.round(forMs)} ms`);
    this.#store.isAway = true;
    this.clock.after(forMs, () => {
      this.#store.isAway = false;
    });
  }

  #send(job: Job): void {
    const { random, clock } = this;
    const process = new SimulatedProcess(clock);
    const network = this.#network.client();
    const transport: ClientTransport = {
      connect: (options, events) =>
        network.connect({ ...options, port: firstPort + random.int(this.#servers.length) }, events),
      allocate: (length) => network.allocate(length),
      close: () => network.close(),
    };
    const identity = random.bytes(16).with(0, 0x80 + random.int(0x80));
    const task = {
      name: job.name,
      metadataText: job.metadataText,
      size: job.isSized ? job.content.length : null,
      canSeek: true,
      ...(job.members === null ? {} : { unpack: "tar" as const }),
    } as const;
    const party = {
      host: "server",
      port: firstPort,
      serverKey: serverKeys.publicKey,
      keys: keyOfUser(job.user),
    };
    const silent = { onProgress: () => {}, onNote: () => {} };
    upload(
      {
        ...{ ...party, identity, retryForMs: livenessMs, retryFirst: true, isResumable: true },
        ...{ task: { ...task, client: "simulation", resume: false }, source: sourceOf(job) },
      },
      { transport, clock: process.clock, random: () => random.next(), ...silent },
      new AbortController().signal,
    )
      .then(
        (receipt) => {
          this.#trace(() => `${job.name} of user ${job.user} is confirmed as ${receipt.uploadId}`);
          this.#checks.onReceipt(job, receipt);
        },
        (error) => {
          this.#trace(() => `${job.name} of user ${job.user} fails: ${error}`);
          this.#checks.onFailure(job, error);
        },
      )
      .catch((error) => this.#fail(error));
  }

  #fail(error: unknown): void {
    this.#failure ??= error;
  }
}

function nameOf(key: string): string | null {
  const user = userOfKey(key);
  return user === null ? null : `user-${user}`;
}
