// The fairness level of the simulation: no faults, but users who want different things of one server. First twenty users
// with one to fifty uploads each on a budget that is too small for all: each gets the same. Then one user with many
// uploads that send nothing, or no more, and another one, who is as fast as alone.

import { jainIndex } from "./jain-index.ts";
import { MachineWorld, type Scenario } from "./machine-world.ts";
import type { Job } from "./model-client.ts";
import type { ModelServerOptions } from "./model-server.ts";
import { Random } from "./random.ts";
import { check, type Trace } from "./simulation-failure.ts";
import type { SimulationRun } from "./simulation-run.ts";
import type { VirtualClock } from "./virtual-clock.ts";

const usersMany = 20;
const uploadsMax = 50;
const chunkBytes = 1000;
const maxQueue = 8;
/** Chunks for each user, on average: enough that chance does not count. */
const chunksMeasured = 150;
/** Round trips until all uploads have begun and have what they are given. */
const warmUpRoundTrips = 20;
const jainMin = 0.95;
const shareMin = 0.8;
/** Chunks of the honest upload: some hundred round trips. */
const honestChunks = 400;
const honest = "honest";
const endless = 2 ** 40;
const hourMs = 3_600_000;

type Delays = Pick<Scenario, "latencyMs" | "diskMs" | "readMs">;

export class FairnessWorld {
  readonly #random: Random;
  readonly #seed: number;
  readonly #trace: Trace;
  #world: MachineWorld;
  #events = 0;
  #uploads = 0;
  #latencyMs = 0;

  constructor(seed: number, trace: Trace) {
    this.#seed = seed;
    this.#random = new Random(seed);
    this.#trace = trace;
    this.#world = this.#worldOf(this.#manyUsers());
  }

  get clock(): VirtualClock {
    return this.#world.clock;
  }

  /** Throws `SimulationFailure`, or the `AssertionError` of the code under test. */
  run(): SimulationRun {
    this.#runMany();
    const scenario = this.#oneBesideMany();
    const alone = { ...scenario, jobs: scenario.jobs.filter(({ user }) => user === honest) };
    const aloneMs = this.#msOfHonest(alone);
    const besideMs = this.#msOfHonest(scenario);
    const { length } = scenario.jobs;
    this.#trace(() => `beside ${length - 1} uploads ${besideMs} ms, alone ${aloneMs} ms`);
    check(
      aloneMs >= shareMin * besideMs,
      () => `An upload beside ${length - 1} of another user takes ${besideMs} ms, alone ${aloneMs} ms`,
    );
    return { uploads: this.#uploads, finished: 2, events: this.#events, durationMs: this.clock.now() };
  }

  #worldOf(scenario: Scenario): MachineWorld {
    this.#uploads += scenario.jobs.length;
    this.#latencyMs = scenario.latencyMs;
    return new MachineWorld(this.#seed, this.#trace, scenario);
  }

  #start(): void {
    const { server, clients, clock } = this.#world;
    this.#trace(() => `${clients.length} uploads, ${JSON.stringify(server.options)}`);
    server.start(server.options);
    for (const client of clients) clock.after(client.job.startMs, () => client.start());
  }

  /** `lookEvery`: so many events pass between two calls of `isDone`, which may have to look at all uploads. */
  #runUntil(isDone: () => boolean, lookEvery = 1): void {
    const { clock, server } = this.#world;
    while (this.#events % lookEvery !== 0 || !isDone()) {
      check(clock.now() < hourMs, "it does not take an hour");
      check(clock.step(), "something is always planned");
      server.check();
      this.#events++;
    }
  }

  // Disk and source are fast enough for a whole window in a round trip: otherwise an upload by itself is slower than what
  // its user could have.
  #delays(): Delays {
    const latencyMs = this.#random.magnitude(0.5, 50);
    const slowest = latencyMs / maxQueue;
    return {
      latencyMs,
      diskMs: this.#random.magnitude(slowest / 20, slowest),
      readMs: this.#random.magnitude(slowest / 20, slowest),
    };
  }

  #manyUsers(): Scenario {
    const random = this.#random;
    const delays = this.#delays();
    const jobs: Job[] = [];
    for (let user = 0; user < usersMany; user++) {
      const count = random.between(1, uploadsMax);
      for (let n = 0; n < count; n++)
        jobs.push(job(`user-${user}`, n, endless, random.int(Math.ceil(10 * delays.latencyMs))));
    }
    const server = {
      ...optionsOf(random.between(usersMany, 200)),
      longQueue: random.pick([1, 8]) * maxQueue,
    };
    return { server, jobs, ...delays };
  }

  #runMany(): void {
    this.#start();
    const { clock } = this.#world;
    this.#runUntil(() => clock.now() > 2 * warmUpRoundTrips * this.#latencyMs);
    const before = this.#writtenByUser();
    const enough =
      [...before.values()].reduce((sum, bytes) => sum + bytes, 0) + usersMany * chunksMeasured * chunkBytes;
    this.#runUntil(() => this.#stored() >= enough, 50);
    const after = this.#writtenByUser();
    const gained = [...after].map(([user, bytes]) => bytes - (before.get(user) ?? 0));
    const index = jainIndex(gained);
    this.#trace(() => `Jain's index ${index}: ${gained.join(", ")}`);
    check(index >= jainMin, () => `Jain's index of bytes by user is ${index}: ${gained.join(", ")}`);
    for (const { job, position } of this.#world.clients)
      check(
        position > 0 || this.#hasWaitedBriefly(),
        () => `${job.identity} sent nothing in ${clock.now()} ms`,
      );
  }

  // One that waits its turn behind the others of its user may wait long where the budget is a chunk or two for each.
  #hasWaitedBriefly(): boolean {
    return this.#stored() < this.#world.clients.length * usersMany * chunkBytes;
  }

  #stored(): number {
    let sum = 0;
    for (const { stored } of this.#world.server.records.values()) sum += stored;
    return sum;
  }

  #writtenByUser(): ReadonlyMap<string, number> {
    const sums = new Map<string, number>();
    for (const { identity, stored } of this.#world.server.records.values()) {
      const user = this.#world.userOf(identity);
      sums.set(user, (sums.get(user) ?? 0) + stored);
    }
    return sums;
  }

  #oneBesideMany(): Scenario {
    const random = this.#random;
    const count = random.pick([1, 4, 12, 60]);
    const silentAfter = random.pick([0, 30, null]);
    // Some have sent so much that they had their whole window before they fell silent; the other one begins after that.
    const jobs = Array.from({ length: count }, (_, n) => ({
      ...job("many", n, endless, random.int(2000)),
      isFile: false,
      silentAfter: (silentAfter ?? random.pick([0, 0, 1, 30])) * chunkBytes,
    }));
    const own = job(honest, 0, honestChunks * chunkBytes, 40_000 + random.int(20_000));
    return {
      server: optionsOf(random.between(4 * maxQueue, 8 * maxQueue)),
      jobs: [...jobs, own],
      ...this.#delays(),
    };
  }

  #msOfHonest(scenario: Scenario): number {
    this.#world = this.#worldOf(scenario);
    this.#start();
    const client = this.#world.clients.at(-1)!;
    this.#runUntil(() => client.result !== null);
    return this.clock.now() - client.job.startMs;
  }
}

function optionsOf(capacity: number): ModelServerOptions {
  return { chunkBytes, maxQueue, capacity, idleMs: 60_000 };
}

function job(user: string, n: number, size: number, startMs: number): Job {
  return { identity: `${user}/${n}`, user, size, isFile: true, startMs, wantsReceipt: false };
}
