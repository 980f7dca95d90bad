// Uploads over a network that breaks in chosen ways: flipped bits, connections cut in the handshake, outages. Each
// function runs one scenario with the compiled programs, checks everything at the end, and returns what it measured.

import { expect } from "bun:test";
import { sleep, systemClock } from "../../src/base/clock.ts";
import { Random } from "../simulation/random.ts";
import { expectAftermath } from "./aftermath.ts";
import { type Direction, type FaultyProxy, startFaultyProxy } from "./faulty-proxy.ts";
import { type Lab, openLab, poisoned } from "./lab.ts";
import type { Program } from "./programs.ts";

export interface Network extends AsyncDisposable {
  readonly lab: Lab;
  readonly proxy: FaultyProxy;
  /** Starts an upload through the proxy. */
  send(name: string, path: string, args?: readonly string[]): Program;
}

const KiB = 1024;
export const chunkBytes = 64 * KiB;
export const windowBytes = 16 * chunkBytes;
// Above every handshake and first messages, below any data worth counting.
export const connectionBytes = 8 * KiB;
const handshakeBytes = 600;

/** A laboratory with a proxy before its server. */
export async function openNetwork(seed = 1): Promise<Network> {
  const lab = await openLab({
    inMemory: true,
    server: ["--chunk", String(chunkBytes), "--window", "16", "--threads", "2"],
    start: poisoned,
  });
  const proxy = await startFaultyProxy({ targetPort: lab.port, seed });
  return {
    lab,
    proxy,
    send: (name, path, args = ["--retry-for", "10m"]) =>
      lab.startDync(["-q", ...args, "-k", "sample:S-17", "-n", name, `127.0.0.1:${proxy.port}`, path]),
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await lab[Symbol.asyncDispose]();
    },
  };
}

/** Waits until `condition`, as long as `program` runs. */
export async function until(condition: () => boolean, program: Program): Promise<void> {
  while (!condition() && program.running) await sleep(systemClock, 1);
}

export interface FlipResult {
  readonly flips: number;
  readonly uploads: number;
  readonly connections: number;
  readonly extraBytesPerFlip: number;
  readonly seconds: number;
}

/** Sends files until `flips` bits were flipped in `direction`: one in each connection, one in twenty in its handshake. */
export async function runFlips(direction: Direction, flips: number, seed: number): Promise<FlipResult> {
  await using network = await openNetwork(seed);
  const { lab, proxy } = network;
  const fileBytes = 64 * 1024 * KiB;
  const path = await lab.file("flipped.raw", fileBytes);
  const dataBytes = direction === "up" ? 2 * windowBytes : 3000;
  const flipEach = (random: () => number): number =>
    Math.floor(random() * (random() < 0.05 ? handshakeBytes : dataBytes));
  const confirmed = new Map<string, string>();
  const startedAt = systemClock.now();
  while (proxy.counters.flipped < flips) {
    proxy.faults = { [direction]: { flipEach } };
    const name = `flipped-${confirmed.size}.raw`;
    await using client = network.send(name, path);
    await until(() => proxy.counters.flipped >= flips, client);
    proxy.faults = {};
    expect(await client.ended(120_000)).toMatchObject({ code: 0, stderr: "" });
    confirmed.set(name, path);
  }
  await expectAftermath(lab, confirmed);
  const { flipped, connections, arrived } = proxy.counters;
  const frames = 1.005 * fileBytes * confirmed.size + connections * connectionBytes;
  return {
    flips: flipped,
    uploads: confirmed.size,
    connections,
    extraBytesPerFlip: Math.max(0, Math.round((arrived.up - frames) / flipped)),
    seconds: Math.round((systemClock.now() - startedAt) / 1000),
  };
}

export interface CutResult {
  readonly cuts: number;
  /** From the cut to the client's end, upload included. */
  readonly secondsMax: number;
}

/** Cuts the first connection of an upload after each of `places` bytes of `direction`; the next one is whole. */
export async function runHandshakeCuts(
  direction: Direction,
  places: Iterable<number>,
  args?: readonly string[],
): Promise<CutResult> {
  await using network = await openNetwork();
  const { lab, proxy } = network;
  const path = await lab.file("cut.raw", 100_000);
  const confirmed = new Map<string, string>();
  let cuts = 0;
  let secondsMax = 0;
  for (const bytes of places) {
    const before = proxy.counters.cut;
    proxy.faults = { [direction]: { cutAfter: { bytes, how: bytes % 2 === 0 ? "rst" : "fin" } } };
    const name = `cut-${bytes}.raw`;
    await using client = network.send(name, path, args);
    await until(() => proxy.counters.cut > before, client);
    proxy.faults = {};
    const cutAt = systemClock.now();
    const end = await client.ended();
    expect({ bytes, code: end.code, stderr: end.stderr }).toEqual({ bytes, code: 0, stderr: "" });
    secondsMax = Math.max(secondsMax, (systemClock.now() - cutAt) / 1000);
    cuts += proxy.counters.cut - before;
    confirmed.set(name, path);
  }
  await expectAftermath(lab, confirmed);
  return { cuts, secondsMax: Math.round(secondsMax * 10) / 10 };
}

export interface OutageResult {
  readonly outages: number;
  /** From the moment that the network is back until data flows. */
  readonly secondsMedian: number;
  readonly secondsMax: number;
  readonly extraBytesPerOutage: number;
}

/** Cuts everything and refuses connections for a while, again and again, in one upload; `delayMs` each way always. */
export async function runOutages(outages: number, seed: number, delayMs = 0): Promise<OutageResult> {
  await using network = await openNetwork(seed);
  const { lab, proxy } = network;
  const random = new Random(seed);
  const fileBytes = 64 * 1024 * KiB;
  const path = await lab.file("outage.raw", fileBytes);
  const healthy = delayMs === 0 ? {} : { up: { delayMs }, down: { delayMs } };
  proxy.faults = healthy;
  await using client = network.send("outage.raw", path);
  const seconds: number[] = [];
  for (let outage = 0; outage < outages; outage++) {
    const { arrived } = proxy.counters;
    const until1 = arrived.up + connectionBytes + random.int(fileBytes / (2 * outages));
    await until(() => arrived.up >= until1, client);
    if (!client.running) break;
    proxy.faults = { ...healthy, refuse: true };
    proxy.cut(random.int(2) === 0 ? "rst" : "fin");
    await sleep(systemClock, random.between(0, 4000));
    const before = arrived.up;
    proxy.faults = healthy;
    const backAt = systemClock.now();
    await until(() => arrived.up > before + connectionBytes, client);
    seconds.push((systemClock.now() - backAt) / 1000);
  }
  expect(await client.ended(120_000)).toMatchObject({ code: 0, stderr: "" });
  await expectAftermath(lab, new Map([["outage.raw", path]]));
  const { connections, arrived } = proxy.counters;
  const extra = arrived.up - 1.005 * fileBytes - connections * connectionBytes;
  seconds.sort((a, b) => a - b);
  return {
    outages: seconds.length,
    secondsMedian: rounded(seconds[Math.floor(seconds.length / 2)] ?? 0),
    secondsMax: rounded(seconds.at(-1) ?? 0),
    extraBytesPerOutage: Math.max(0, Math.round(extra / seconds.length)),
  };
}

function rounded(seconds: number): number {
  return Math.round(seconds * 100) / 100;
}
