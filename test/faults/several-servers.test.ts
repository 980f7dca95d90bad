// The whole of it under load, with one thing after the other going wrong: two servers behind haproxy, PostgreSQL and Ceph. Nothing that was
// confirmed is lost or wrong, nothing is published twice, and no client fails.

import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { sleep, systemClock } from "../../src/base/clock.ts";
import { randomFrom } from "../support/instrument/random.ts";
import type { Program } from "../support/programs.ts";
import { pairMissing, ServerPair } from "../support/server-pair.ts";
import { note } from "./note.ts";

const MiB = 1024 * 1024;
const events = Number(process.env.DYNC_EVENTS ?? 300);
const seed = Number(process.env.DYNC_SEED ?? 1);
const clients = 4;
const minuteMs = 60_000;
const missing = pairMissing ?? (Bun.which("haproxy") === null ? "no haproxy here" : null);

interface World {
  readonly pair: ServerPair;
  readonly random: () => number;
  balancer: Awaited<ReturnType<ServerPair["startBalancer"]>>;
}

type Event = (world: World) => Promise<void>;

/** One of the servers, by chance. */
function some({ random }: World): number {
  return random() < 0.5 ? 0 : 1;
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
    await world.pair.again(at);
  },
  "server away for longer than its lease": async (world) => {
    const at = some(world);
    await world.pair.program(at).kill();
    await sleep(systemClock, 16_000);
    await world.pair.again(at);
  },
  "server frozen for a moment": (world) => frozen(world.pair.program(some(world)), 2_000),
  "server frozen for longer than its lease": (world) => frozen(world.pair.program(some(world)), 18_000),
  "server drained": async (world) => {
    const at = some(world);
    expect(await world.pair.dyncServer(at, ["drain"])).toMatchObject({ code: 0 });
    expect(await world.pair.program(at).stop()).toMatchObject({ code: 0 });
    await world.pair.again(at);
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
  "disk of the store frozen": ({ pair }) => frozen(pair.ceph.disk, 3_000),
  "lines cut": async (world) => {
    await world.balancer.program.kill();
    world.balancer = await world.pair.startBalancer(world.balancer.port);
  },
};

/** What one client sent: names, and the SHA-256 of each. */
type Sent = Map<string, string>;

/** Sends one file after the other until it is told to stop. */
async function sends(world: World, number: number, sent: Sent, isOver: () => boolean): Promise<void> {
  const { pair, random } = world;
  for (let file = 0; !isOver(); file++) {
    const name = `client-${number}-${file}.raw`;
    const bytes = random() < 0.5 ? Math.floor(random() * 100_000) : Math.floor(random() * 40 * MiB);
    const path = await pair.file(name, bytes);
    const args = ["--retry-for", "30m", "--limit", "10MB/s", path];
    const end = await pair.send(`127.0.0.1:${world.balancer.port}`, args, 30 * minuteMs);
    expect(end).toMatchObject({ code: 0 });
    sent.set(
      name,
      createHash("sha256")
        .update(await readFile(path))
        .digest("hex"),
    );
    await pair.forget(path);
  }
}

describe.skipIf(missing !== null)(`several servers (${missing ?? "compiled"})`, () => {
  test(
    `${events} times something goes wrong under load, and nothing is lost, wrong or twice there (seed ${seed})`,
    async () => {
      await using pair = await ServerPair.start();
      const random = randomFrom(seed);
      const world: World = { pair, random, balancer: await pair.startBalancer() };
      const sent: Sent = new Map();
      let isOver = false;
      const all = Promise.all(
        Array.from({ length: clients }, (_, number) => sends(world, number, sent, () => isOver)),
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
      note("several servers", { events, uploads: sent.size, ...counts });
      await expectAllThere(pair, sent);
    },
    (10 + events) * minuteMs,
  );
});

/** All of `sent` is in the store as it was sent, with what describes it, and nothing else; and so says the catalogue. */
async function expectAllThere(pair: ServerPair, sent: Sent): Promise<void> {
  for (const [name, sha256] of sent) {
    const bytes = await pair.bucket.bytes(`lab/alice/${name}`);
    expect([
      name,
      createHash("sha256")
        .update(bytes ?? "")
        .digest("hex"),
    ]).toEqual([name, sha256]);
    expect(await pair.bucket.text(`lab/alice/${name}.sha256`)).toBe(`${sha256}  ${name}\n`);
  }
  const keys = await pair.bucket.keys("lab/alice/");
  expect(keys).toHaveLength(3 * sent.size);
  const rows = await pair.rows("SELECT name, state, sha256 FROM dync.uploads WHERE state <> 'failed'");
  expect(rows.every(({ state }) => state === "finished")).toBe(true);
  expect(new Map(rows.map((row) => [row.name, row.sha256] as never))).toEqual(sent);
  expect(rows).toHaveLength(sent.size);
}
