// Two servers whose database is away for a minute, or whose object store for ten (DYNC_STORE_AWAY_MINUTES), while clients send: what was under
// way waits and goes on, what begins meanwhile is stored as well, no client fails, and no server holds more than it may.

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { sleep, systemClock } from "../../src/base/clock.ts";
import { pairMissing, ServerPair } from "../support/server-pair.ts";
import { note } from "./note.ts";
import { expectAllThere, type Sender, Sent, sendFile, sendFolder } from "./sent-to-store.ts";

const MB = 1_000_000;
const MiB = 1024 * 1024;
const minuteMs = 60_000;
const storeAwayMinutes = Number(process.env.DYNC_STORE_AWAY_MINUTES ?? 10);
// What waits for the store, and what clients were let send beyond that.
const [storeMemory, creditMemory] = [64 * MiB, 64 * MiB];
const settings = `s3-memory = ${storeMemory}\nmemory = ${creditMemory}\n`;
// Beside what it holds: the program, what is copied once more on its way in requests, and garbage.
const ownMemory = 350 * MB;
const folderOf = (files: number, bytes: number) => Array.from({ length: files }, () => bytes);

/** What is sent while something is away, each with whether it ended. */
class Sending {
  readonly names: string[] = [];
  readonly ended: string[] = [];
  readonly all: Promise<void>[] = [];

  add(name: string, sends: Promise<void>): void {
    this.names.push(name);
    this.all.push(sends.then(() => void this.ended.push(name)));
  }
}

interface Outage {
  readonly pair: ServerPair;
  readonly awayMs: number;
  readonly stop: () => Promise<unknown>;
  readonly start: () => Promise<void>;
}

async function expectSurvived(what: string, { pair, awayMs, stop, start }: Outage): Promise<void> {
  const patience = awayMs + 20 * minuteMs;
  const sent = new Sent();
  const sender = (more: readonly string[]): Sender => ({
    ...{ pair, sent },
    confirm: async ({ args, ...upload }) => {
      const all = ["--retry-for", "30m", ...more, ...args];
      const options = { ...upload, deadlineMs: patience };
      expect(await pair.send(pair.address(0, 1), all, options)).toMatchObject({ code: 0 });
    },
  });
  const [slow, fast] = [sender(["--limit", "2MB/s"]), sender([])];
  const file = (name: string, bytes: number) => ({ name, bytes, kind: "file" as const });
  const stream = (name: string, bytes: number) => ({ name, bytes, kind: "stream" as const });
  const sending = new Sending();
  const failed = () => Promise.all(sending.all).then(() => {});
  sending.add("before.raw", sendFile(slow, file("before.raw", 40 * MiB)));
  sending.add("before-stream.raw", sendFile(slow, stream("before-stream.raw", 40 * MiB)));
  sending.add("before-run", sendFolder(slow, "before-run", folderOf(40, MiB)));
  await Promise.race([underWay(pair, sending.names), failed()]);
  await stop();
  // As much as they want, more than both servers may hold.
  for (let number = 0; number < 6; number++)
    sending.add(`large-${number}.raw`, sendFile(fast, file(`large-${number}.raw`, 60 * MiB)));
  sending.add("small.raw", sendFile(fast, file("small.raw", 1000)));
  sending.add("stream.raw", sendFile(fast, stream("stream.raw", 20 * MiB)));
  sending.add("run", sendFolder(fast, "run", folderOf(30, 10_000)));
  await Promise.race([sleep(systemClock, awayMs), failed()]);
  expect(sending.ended).toEqual([]);
  const began = systemClock.now();
  await start();
  await Promise.all(sending.all);
  const peaks = [0, 1].map((at) => peakOf(pair.program(at).pid));
  note(what, {
    ...{ "away s": awayMs / 1000, "all stored s later": Math.round((systemClock.now() - began) / 1000) },
    "server peaks MB": peaks.map((it) => Math.round(it / MB)).join(" and "),
  });
  await expectAllThere(slow);
  expect(await pair.bucket.multiparts()).toEqual([]);
  expect(await pair.bucket.keys("lab/.dync/")).toEqual([]);
  for (const peak of peaks) expect(peak).toBeLessThan(storeMemory + creditMemory + ownMemory);
}

/** Resolves when something of each of these is durable. */
async function underWay(pair: ServerPair, names: readonly string[]): Promise<void> {
  const question = "SELECT name FROM dync.uploads WHERE state = 'open' AND durable > 0";
  for (;;) {
    const found = (await pair.rows(question)).map(({ name }) => name);
    if (names.every((name) => found.includes(name))) return;
    await sleep(systemClock, 100);
  }
}

function peakOf(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^VmHWM:\s*(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

const missing = pairMissing ?? (process.platform === "linux" ? null : "memory is read from /proc");

describe.skipIf(missing !== null)(`outages (${missing ?? "compiled"})`, () => {
  test(
    "a database that is away for a minute",
    async () => {
      await using pair = await ServerPair.start(settings);
      const { postgres } = pair;
      const [stop, start] = [() => postgres.stop("kill"), () => postgres.start()];
      await expectSurvived("a database away", { pair, awayMs: minuteMs, stop, start });
    },
    30 * minuteMs,
  );

  test(
    `an object store that is away for ${storeAwayMinutes} minutes`,
    async () => {
      await using pair = await ServerPair.start(settings);
      const { ceph } = pair;
      const [stop, start] = [() => ceph.gateway.kill(), () => ceph.startGateway()];
      const awayMs = storeAwayMinutes * minuteMs;
      await expectSurvived("an object store away", { pair, awayMs, stop, start });
    },
    (storeAwayMinutes + 40) * minuteMs,
  );
});
