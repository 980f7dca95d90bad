// Uploads during which one side is killed (`kill -9`) again and again: at random places of the data, at random times
// from the start of the program, and around the end, when the file is published and confirmed. All through a proxy,
// whose counter says how much was sent more than once.

import { expect } from "bun:test";
import { sleep, systemClock } from "../../src/base/clock.ts";
import { Random } from "../simulation/random.ts";
import { expectAftermath, leftovers } from "./aftermath.ts";
import { type FaultyProxy, startFaultyProxy } from "./faulty-proxy.ts";
import { type Lab, openLab } from "./lab.ts";
import type { Program } from "./programs.ts";

export interface KillRunOptions {
  readonly side: "client" | "server";
  readonly kills: number;
  readonly killsPerUpload: number;
  readonly fileBytes: number;
  readonly seed: number;
}

export interface KillRunResult {
  kills: number;
  uploads: number;
  /** Bytes that were sent more than once, largest number per kill of one upload. */
  extraPerKillMax: number;
  /** Programs that came to their end before they could be killed. */
  escaped: number;
}

const KiB = 1024;
export const chunkBytes = 64 * KiB;
export const windowBytes = 16 * chunkBytes;
const serverArgs = ["--chunk", String(chunkBytes), "--window", "16"];
// What is not data: the handshake and the messages of a connection, and frames around each chunk.
const connectionBytes = 8 * KiB;
const frameBytes = 128;
const endMs = 60_000;

/** Kills one side `options.kills` times and checks everything after each upload. */
export async function runKills(options: KillRunOptions): Promise<KillRunResult> {
  await using lab = await openLab({ inMemory: true, server: serverArgs });
  await using proxy = await startFaultyProxy({ targetPort: lab.port });
  const path = await lab.file("source.raw", options.fileBytes);
  const run = new KillRun(lab, proxy, path, options);
  return await run.run();
}

class KillRun {
  readonly #lab: Lab;
  readonly #proxy: FaultyProxy;
  readonly #path: string;
  readonly #options: KillRunOptions;
  readonly #random: Random;
  readonly #result: KillRunResult = { kills: 0, uploads: 0, extraPerKillMax: 0, escaped: 0 };

  constructor(lab: Lab, proxy: FaultyProxy, path: string, options: KillRunOptions) {
    this.#lab = lab;
    this.#proxy = proxy;
    this.#path = path;
    this.#options = options;
    this.#random = new Random(options.seed);
  }

  async run(): Promise<KillRunResult> {
    const confirmed = new Map<string, string>();
    const result = this.#result;
    while (result.kills < this.#options.kills) {
      const name = `killed-${++result.uploads}.raw`;
      const before = this.#proxy.counters.arrived.up;
      const connectionsBefore = this.#proxy.counters.connections;
      const killsBefore = result.kills;
      if (this.#options.side === "client") await this.#killClients(name);
      else await this.#killServers(name);
      confirmed.set(name, this.#path);
      const sent = this.#proxy.counters.arrived.up - before;
      const kills = result.kills - killsBefore;
      this.#count(sent, this.#proxy.counters.connections - connectionsBefore, kills);
    }
    await expectAftermath(this.#lab, confirmed);
    return result;
  }

  // Each interruption may cost one window of data that was under way, and nothing else.
  #count(sent: number, connections: number, kills: number): void {
    const { fileBytes } = this.#options;
    const frames = ((fileBytes + kills * windowBytes) / chunkBytes) * frameBytes;
    const extra = sent - fileBytes - frames - connections * connectionBytes;
    expect(extra).toBeLessThanOrEqual(kills * windowBytes);
    if (kills > 0)
      this.#result.extraPerKillMax = Math.max(this.#result.extraPerKillMax, Math.round(extra / kills));
  }

  async #killClients(name: string): Promise<void> {
    for (let kill = 0; kill < this.#options.killsPerUpload; kill++) {
      await using client = this.#send(name);
      const isKilled = await this.#killAtRandom(client, client);
      if (!isKilled) {
        expect(await client.ended(endMs)).toMatchObject({ code: 0, stderr: "" });
        return;
      }
      // Killed between the confirmation, or the removal of its state, and its end: nothing is left to go on with.
      if (this.#isConfirmed(name)) return;
    }
    await using last = this.#send(name);
    const { code, stderr } = await last.ended(endMs);
    // A client whose last act was to forget the upload is not told apart from one that never began.
    if (code === 7) expect(stderr).toContain("on the server already");
    else expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  }

  #isConfirmed(name: string): boolean {
    const isStored = this.#lab.published().includes(`alice/${name}`);
    return isStored && leftovers(this.#lab).client.every((file) => !file.endsWith(".json"));
  }

  async #killServers(name: string): Promise<void> {
    await using client = this.#send(name);
    for (let kill = 0; kill < this.#options.killsPerUpload && client.running; kill++) {
      if (!(await this.#killAtRandom(this.#lab.server, client))) break;
      await this.#lab.start(serverArgs);
    }
    expect(await client.ended(endMs)).toMatchObject({ code: 0, stderr: "" });
  }

  /** Kills `victim` at a moment of this upload; returns `false` when the client ended before. */
  async #killAtRandom(victim: Program, client: Program): Promise<boolean> {
    const counters = this.#proxy.counters;
    const start = counters.bytes.up;
    const kind = this.#random.next();
    const { fileBytes, killsPerUpload } = this.#options;
    if (kind < 0.6) {
      // Two thirds of the file in all, so that something is left for the last ones.
      const bytes = this.#random.int(Math.ceil((1.4 * fileBytes) / killsPerUpload));
      await this.#until(() => counters.bytes.up >= start + bytes, client);
    } else if (kind < 0.85) {
      await sleep(systemClock, this.#random.next() * 300);
    } else {
      await this.#until(() => counters.bytes.up >= start + connectionBytes, client);
      await sleep(systemClock, this.#random.next() * 30);
    }
    const isRunning = client.running;
    if (isRunning || this.#options.side === "server") {
      const end = await victim.kill();
      if (end.signal === "SIGKILL") {
        this.#result.kills++;
        return true;
      }
    }
    this.#result.escaped++;
    return false;
  }

  async #until(condition: () => boolean, client: Program): Promise<void> {
    while (!condition() && client.running) await sleep(systemClock, 1);
  }

  #send(name: string): Program {
    const address = `127.0.0.1:${this.#proxy.port}`;
    const args = ["-q", "-k", "sample:S-17", "--retry-for", "10m", "-n", name, address, this.#path];
    return this.#lab.startDync(args);
  }
}
