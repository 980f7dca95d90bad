// The whole of it under load, with one thing after the other going wrong: two servers behind haproxy, PostgreSQL and Ceph. Nothing that was
// confirmed is lost or wrong, nothing is published twice, and no client fails.

import { describe, expect, test } from "bun:test";
import { sleep, systemClock } from "../../src/base/clock.ts";
import { messageOf } from "../../src/base/error.ts";
import { randomFrom } from "../support/instrument/random.ts";
import type { Program } from "../support/programs.ts";
import { type Balancer, pairMissing, ServerPair } from "../support/server-pair.ts";
import { note } from "./note.ts";
import { expectAllThere, type Run, Sent, sendFile, sendFolder } from "./sent-to-store.ts";

const MiB = 1024 * 1024;
const events = Number(process.env.DYNC_EVENTS ?? 300);
const seed = Number(process.env.DYNC_SEED ?? 1);
const clients = 4;
const partBytesMin = 5 * MiB;
const minuteMs = 60_000;
const missing = pairMissing ?? (Bun.which("haproxy") === null ? "no haproxy here" : null);

interface World extends Run {
  readonly random: () => number;
  balancer: Balancer;
  /** What servers said last that could not be started. */
  readonly failedStarts: string[];
  /** What clients sent through balancers that are gone. */
  bytesBefore: number;
}

type Event = (world: World) => Promise<void>;

/** One of the servers, by chance. */
function some({ random }: World): number {
  return random() < 0.5 ? 0 : 1;
}

/** Starts it again as a service manager does: one that comes while the store or the database is away says so, and ends. What it said is told in the end. */
async function startedAgain({ pair, failedStarts }: World, at: number): Promise<void> {
  const deadline = systemClock.now() + 5 * minuteMs;
  for (;;) {
    try {
      return await pair.again(at);
    } catch (error) {
      if (systemClock.now() > deadline) throw error;
      failedStarts.push(messageOf(error).slice(-200));
    }
  }
}

async function frozen(program: Program, ms: number): Promise<void> {
  program.signal("SIGSTOP");
  await sleep(systemClock, ms);
  program.signal("SIGCONT");
}

const kinds: Readonly<Record<string, Event>> = {
  "server killed": async (world) => {
    const at = some(world);
    await world.pair.program(at).kill();
    await startedAgain(world, at);
  },
  "server away for longer than its lease": async (world) => {
    const at = some(world);
    await world.pair.program(at).kill();
    await sleep(systemClock, 16_000);
    await startedAgain(world, at);
  },
  "server frozen for a moment": (world) => frozen(world.pair.program(some(world)), 2_000),
  "server frozen for longer than its lease": (world) => frozen(world.pair.program(some(world)), 18_000),
  "server drained": async (world) => {
    const at = some(world);
    expect(await world.pair.dyncServer(at, ["drain"])).toMatchObject({ code: 0 });
    expect(await world.pair.program(at).stop()).toMatchObject({ code: 0 });
    await startedAgain(world, at);
  },
  "database killed": async ({ pair }) => {
    await pair.postgres.stop("kill");
    await pair.postgres.start();
  },
  "database restarted": async ({ pair }) => {
    await pair.postgres.stop();
    await pair.postgres.start();
  },
  "connections of the database used up": async ({ pair }) => {
    await pair.rows(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'dync-server%'",
    );
    await pair.withoutConnections(2_000);
  },
  "gateway killed": async ({ pair }) => {
    await pair.ceph.gateway.kill();
    await pair.ceph.startGateway();
  },
  "gateway frozen": ({ pair }) => frozen(pair.ceph.gateway, 3_000),
  "disk of the store killed": async ({ pair }) => {
    await pair.ceph.disk.kill();
    pair.ceph.startDisk();
  },
  "disk of the store frozen": ({ pair }) => frozen(pair.ceph.disk, 3_000),
  "disk of the store full": async ({ pair }) => {
    await pair.ceph.setFull(true);
    await sleep(systemClock, 5_000);
    await pair.ceph.setFull(false);
  },
  "lines cut": async (world) => {
    world.bytesBefore += await world.balancer.bytesIn();
    await world.balancer.program.kill();
    world.balancer = await world.pair.startBalancer(world.balancer.port);
  },
};

/** Sends a file or a folder, and the next one, until it is told to stop. */
async function sends(world: World, number: number, isOver: () => boolean): Promise<void> {
  const { random } = world;
  for (let at = 0; !isOver(); at++) {
    const kind = random();
    if (kind < 0.45) await sendFile(world, `small-${number}-${at}.raw`, Math.floor(random() * 100_000));
    else if (kind < 0.8) await sendFile(world, `file-${number}-${at}.raw`, Math.floor(random() * 40 * MiB));
    else {
      // One file of a folder has several parts now and then; the others are whole requests.
      const sizes = Array.from({ length: 1 + Math.floor(random() * 12) }, () =>
        Math.floor(random() * 200_000),
      );
      if (random() < 0.5) sizes.push(Math.floor(random() * 30 * MiB));
      await sendFolder(world, `run-${number}-${at}`, sizes);
    }
  }
}

describe.skipIf(missing !== null)(`several servers (${missing ?? "compiled"})`, () => {
  test(
    `${events} times something goes wrong under load, and nothing is lost, wrong or twice there (seed ${seed})`,
    async () => {
      await using pair = await ServerPair.start("", 2, { lasting: true });
      const random = randomFrom(seed);
      const balancer = await pair.startBalancer();
      const options = ["--retry-for", "30m", "--limit", "10MB/s"];
      const world: World = {
        ...{ pair, random, balancer, bytesBefore: 0, failedStarts: [], sent: new Sent() },
        send: (args) => {
          return pair.send(`127.0.0.1:${world.balancer.port}`, [...options, ...args], 30 * minuteMs);
        },
      };
      let isOver = false;
      const all = Promise.all(
        Array.from({ length: clients }, (_, number) => sends(world, number, () => isOver)),
      );
      const failed = all.then(() => {});
      const counts: Record<string, number> = {};
      const names = Object.keys(kinds);
      for (let number = 0; number < events; number++) {
        const kind = names[Math.floor(random() * names.length)] as string;
        counts[kind] = (counts[kind] ?? 0) + 1;
        await Promise.race([kinds[kind]?.(world), failed]);
        await Promise.race([sleep(systemClock, Math.floor(random() * 3_000)), failed]);
      }
      isOver = true;
      await all;
      const { uploads, bytes } = world.sent;
      const sent = world.bytesBefore + (await world.balancer.bytesIn());
      const [MB, sentMB] = [bytes, sent].map((it) => Math.round(it / 1e6)) as [number, number];
      const starts = { "failed starts": world.failedStarts.join(" | ") || "none" };
      note("several servers", { events, uploads: uploads.size, MB, sentMB, ...counts, ...starts });
      // Less than one of the smallest parts for each event, whatever was under way; and what encryption and questions take.
      expect(sent - bytes).toBeLessThan(events * partBytesMin + bytes / 100);
      await expectAllThere(pair, world.sent);
    },
    (10 + events) * minuteMs,
  );
});
