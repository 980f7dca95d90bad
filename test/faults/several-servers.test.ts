// The whole of it under load, with one thing after the other going wrong: two servers behind haproxy, PostgreSQL and Ceph. Nothing that was
// confirmed is lost or wrong, nothing is published twice, no name is taken by two, each hook is told, and no client fails.

import { describe, expect, test } from "bun:test";
import { sleep, systemClock } from "../../src/base/clock.ts";
import { messageOf } from "../../src/base/error.ts";
import { makeUser } from "../support/executables.ts";
import { randomFrom } from "../support/instrument/random.ts";
import type { Program } from "../support/programs.ts";
import { pairMissing, ServerPair } from "../support/server-pair.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { Lanes } from "./lanes.ts";
import { MadeOnce } from "./made-once.ts";
import { note } from "./note.ts";
import { type Contest, contend, expectWinnersThere, rulesOfShared } from "./rivals.ts";
import { type Run, senderBy } from "./run.ts";
import { Course } from "./sent-again.ts";
import { expectAllThere, ownFolder, Sent, sendFile, sendFolder } from "./sent-to-store.ts";
import { ToldHook } from "./told-hooks.ts";

const MiB = 1024 * 1024;
const events = Number(process.env.DYNC_EVENTS ?? 300);
const seed = Number(process.env.DYNC_SEED ?? 1);
const clients = 4;
const partBytesMin = 5 * MiB;
const minuteMs = 60_000;
const missing = pairMissing ?? (Bun.which("haproxy") === null ? "no haproxy here" : null);

interface World extends Run {
  readonly lanes: Lanes;
  /** What servers said last that could not be started. */
  readonly failedStarts: string[];
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
  "lines cut": ({ lanes }) => lanes.cut(),
};

/** Sends a file, a stream or a folder, and the next one, until it is told to stop. */
async function sends(world: World, lane: number, isOver: () => boolean): Promise<void> {
  const { random } = world;
  const sender = senderBy(world, lane);
  for (let at = 0; !isOver(); at++) {
    const kind = random();
    const name = `${lane}-${at}.raw`;
    const bytes = Math.floor(random() * (kind < 0.4 ? 100_000 : 40 * MiB));
    if (kind < 0.6) await sendFile(sender, { name: `file-${name}`, kind: "file", bytes });
    else if (kind < 0.8) await sendFile(sender, { name: `stream-${name}`, kind: "stream", bytes });
    else {
      // One file of a folder has several parts now and then; the others are whole requests.
      const sizes = Array.from({ length: 1 + Math.floor(random() * 12) }, () =>
        Math.floor(random() * 200_000),
      );
      if (random() < 0.5) sizes.push(Math.floor(random() * 30 * MiB));
      await sendFolder(sender, `run-${lane}-${at}`, sizes);
    }
  }
}

/** Has several want one name, and the next one, by `homes` of users. */
async function contends(
  world: World,
  contest: Contest,
  homes: ReadonlyMap<string, string>,
  isOver: () => boolean,
): Promise<void> {
  for (let at = 0; !isOver(); at++) await contend(world, contest, `wanted-${at}`, homes);
}

/** What is sent by the lanes of a pair that `told` is told of. */
async function openWorld(pair: ServerPair): Promise<World> {
  const lanes = await Lanes.open(pair, clients + 1);
  const options = ["--retry-for", "30m", "--limit", "10MB/s"];
  return {
    ...{ pair, lanes, random: randomFrom(seed), failedStarts: [], rivalLane: clients },
    ...{ sent: new Sent(), course: new Course(), made: new MadeOnce() },
    bytesIn: (lane) => lanes.bytesIn(lane),
    send: ({ lane, args, ...more }) =>
      pair.send(lanes.address(lane), [...options, ...args], { deadlineMs: 30 * minuteMs, ...more }),
  };
}

/** Has so many things go wrong, one after the other, as long as nothing `failed`. */
async function disturb(world: World, failed: Promise<void>): Promise<Readonly<Record<string, number>>> {
  const { random, course } = world;
  const counts: Record<string, number> = {};
  const names = Object.keys(kinds);
  for (let number = 0; number < events; number++) {
    const kind = names[Math.floor(random() * names.length)] as string;
    counts[kind] = (counts[kind] ?? 0) + 1;
    const from = systemClock.now();
    await Promise.race([kinds[kind]?.(world), failed]);
    course.faults.push({ kind, from, to: systemClock.now() });
    await Promise.race([sleep(systemClock, Math.floor(random() * 3_000)), failed]);
  }
  return counts;
}

/** How many times each upload began anew, by its name: what a server stored late that was frozen is no part of it, and the store has it. */
async function beginningsAnew({ pair }: World): Promise<ReadonlyMap<string, number>> {
  const rows = await pair.rows("SELECT id, name FROM dync.uploads");
  const names = new Map(rows.map(({ id, name }) => [id as string, name as string]));
  const counts = new Map<string, number>();
  for (const line of pair.log.split("\n")) {
    const [, id = ""] = /begins anew".*"upload":"([0-9a-f]{32})"/.exec(line) ?? [];
    const name = names.get(id);
    if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return counts;
}

describe.skipIf(missing !== null)(`several servers (${missing ?? "compiled"})`, () => {
  test(
    `${events} times something goes wrong under load, and nothing is lost, wrong or twice there (seed ${seed})`,
    async () => {
      await using folder = await tempFolder();
      const hook = await ToldHook.make(folder);
      await using pair = await ServerPair.start(`${rulesOfShared}\n${hook.settings}`, 2, { lasting: true });
      const world = await openWorld(pair);
      const homes = { client: pair.homes.client, server: pair.place(0).home };
      const bert = await makeUser(pair.programs, folder.path, homes, "bert");
      for (const at of [0, 1]) await pair.program(at).line(/"Key authorised","user":"bert"/);
      const users = new Map([
        ["alice", pair.homes.client],
        ["bert", bert],
      ]);
      const contest: Contest = { winners: new Map(), refused: 0, same: 0, replaced: 0 };
      let isOver = false;
      const all = Promise.all([
        ...Array.from({ length: clients }, (_, lane) => sends(world, lane, () => isOver)),
        contends(world, contest, users, () => isOver),
      ]);
      const counts = await disturb(
        world,
        all.then(() => {}),
      );
      isOver = true;
      await all;
      const anew = await beginningsAnew(world);
      const { uploads, bytes } = world.sent;
      const sent = world.course.uploads.reduce((sum, { wireBytes }) => sum + wireBytes, 0);
      const [MB, sentMB] = [bytes, sent].map((it) => Math.round(it / 1e6)) as [number, number];
      const { winners, ...contested } = contest;
      const begunAnew = [...anew.values()].reduce((sum, count) => sum + count, 0);
      const partsAgainMax = world.course.partsPerFaultMax.toFixed(2);
      const measured = { events, uploads: uploads.size, MB, sentMB, begunAnew, partsAgainMax };
      const starts = { "failed starts": world.failedStarts.join(" | ") || "none" };
      note("several servers", { ...measured, wanted: winners.size, ...contested, ...counts, ...starts });
      // Less than one of the smallest parts for each event, whatever was under way; and what encryption and questions take.
      expect(sent - bytes).toBeLessThan(events * partBytesMin + bytes / 100);
      expect(begunAnew).toBeLessThanOrEqual(world.course.faultsIn(always, /^server frozen/));
      world.course.expectLittleSentAgain((name) => anew.get(name) ?? 0);
      await expectAllThere(world, winners);
      await expectWinnersThere(world, contest);
      const files = world.course.uploads.filter(({ kind }) => kind !== "dataset");
      await world.made.expectSo(
        pair,
        files.map(({ name }) => `${ownFolder}/${name}`),
      );
      await expectTold(world, hook);
    },
    (10 + events) * minuteMs,
  );
});

const always = { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY };

/** Each upload that is stored was told to the hook, when nothing is left to be told. */
async function expectTold({ pair, course }: World, hook: ToldHook): Promise<void> {
  await pair.until(async () => (await pair.rows("SELECT FROM dync.outbox")).length === 0, pair.program(0));
  const rows = await pair.rows("SELECT id, sha256 FROM dync.uploads WHERE state = 'finished'");
  const uploads = new Map(rows.map(({ id, sha256 }) => [id as string, sha256 as string]));
  const again = await hook.expectTold(uploads, pair.pids, course);
  note("hooks of several servers", { told: uploads.size, again });
}
