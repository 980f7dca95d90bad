// An urgent upload beside large ones of other users, on the server's real credit office, in virtual time: how long it takes, and
// what the others have of it. Chunks are 1000 bytes long and stand for 2 MiB: 48 of them for 100 MB.

import type { Priority } from "../../src/protocol/priority.ts";
import { MachineWorld, type Scenario } from "./machine-world.ts";
import type { Job } from "./model-client.ts";
import type { ModelServerOptions } from "./model-server.ts";

export interface UrgentCase {
  readonly seed: number;
  readonly others: number;
  readonly othersPriority: Priority;
  readonly priority: Priority;
  /** Between client and server, one way. */
  readonly latencyMs: number;
  /** What the disk that all share takes for a chunk, and a client's own line or disk. */
  readonly diskMs: number;
  readonly readMs: number;
  readonly server?: Partial<ModelServerOptions>;
}

export interface UrgentRun {
  readonly aloneMs: number;
  readonly besideMs: number;
  /** Chunks of the others that were stored meanwhile, of each. */
  readonly chunksOfOthers: readonly number[];
}

const chunkBytes = 1000;
const chunks = 48;
const chunksLarge = 4800;
// All that is large has its whole window by then.
const beginsMs = 3000;
const hourMs = 3_600_000;

export function runUrgent(about: UrgentCase): UrgentRun {
  const large = Array.from({ length: about.others }, (_, index) =>
    job(`other-${index}`, chunksLarge, about.othersPriority, 10 * index),
  );
  const urgent = job("urgent", chunks, about.priority, beginsMs);
  const alone = run(about, [urgent]);
  const beside = run(about, [...large, urgent]);
  return { aloneMs: alone.ms, besideMs: beside.ms, chunksOfOthers: beside.chunksOfOthers };
}

function run(about: UrgentCase, jobs: readonly Job[]): { ms: number; chunksOfOthers: readonly number[] } {
  const { latencyMs, diskMs, readMs } = about;
  const server = {
    chunkBytes,
    maxQueue: 8,
    capacity: 128,
    idleMs: 60_000,
    mayHurry: () => true,
    ...about.server,
  };
  const scenario: Scenario = { server, jobs, latencyMs, diskMs, readMs, isDiskShared: true };
  const world = new MachineWorld(about.seed, () => {}, scenario);
  world.server.start(server);
  for (const client of world.clients) world.clock.after(client.job.startMs, () => client.start());
  const client = world.clients.at(-1)!;
  const stored = (): readonly number[] =>
    world.clients
      .slice(0, -1)
      .map(({ job: { identity } }) => world.server.records.get(identity)?.stored ?? 0);
  let before = stored();
  while (client.result === null) {
    if (world.clock.now() < beginsMs) before = stored();
    if (world.clock.now() > hourMs || !world.clock.step()) throw new Error("The urgent upload does not end");
    world.server.check();
  }
  const gained = stored().map((bytes, index) => (bytes - (before[index] ?? 0)) / chunkBytes);
  return { ms: world.clock.now() - beginsMs, chunksOfOthers: gained };
}

function job(user: string, count: number, priority: Priority, startMs: number): Job {
  return {
    identity: `${user}/0`,
    user,
    size: count * chunkBytes,
    isFile: true,
    startMs,
    priority,
    wantsReceipt: false,
  };
}
