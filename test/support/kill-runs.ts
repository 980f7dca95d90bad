// Uploads during which one side is killed (`kill -9`) again and again: at random places of the data, at random times
// from the start of the program, and around the end, when the file is published and confirmed. All through a proxy,
// whose counter says how much was sent more than once.

import { expect } from "bun:test";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { sleep, systemClock } from "../../src/base/clock.ts";
import { listFolder } from "../../src/client/listing/listing.ts";
import { Random } from "../simulation/random.ts";
import { expectAftermath, expectConfirmed, expectDatasets, leftovers } from "./aftermath.ts";
import { type FaultyProxy, startFaultyProxy } from "./faulty-proxy.ts";
import { type Lab, openLab, poisoned } from "./lab.ts";
import { type Program, runProgram } from "./programs.ts";

export interface KillRunOptions {
  readonly side: "client" | "server";
  /** What is sent: a file, or a folder with files of mixed sizes as a dataset. */
  readonly what: "file" | "dataset";
  readonly kills: number;
  readonly killsPerUpload: number;
  /** Of all that is sent at once. */
  readonly bytes: number;
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
const serverArgs = ["--chunk", String(chunkBytes), "--window", "16", "--threads", "2"];
// What is not data: the handshake and the messages of a connection, and frames around each chunk.
const connectionBytes = 8 * KiB;
const frameBytes = 128;
const endMs = 60_000;

/** Kills one side `options.kills` times and checks everything after each upload. */
export async function runKills(options: KillRunOptions): Promise<KillRunResult> {
  await using lab = await openLab({ inMemory: true, server: serverArgs, start: poisoned });
  await using proxy = await startFaultyProxy({ targetPort: lab.port });
  const source = options.what === "file" ? await fileSource(lab, options) : await mixedFolder(lab, options);
  const run = new KillRun(lab, proxy, source, options);
  return await run.run();
}

/** What is sent again and again. */
interface KillSource {
  readonly path: string;
  /** Bytes of an upload of it. */
  readonly bytes: number;
}

async function fileSource(lab: Lab, { bytes }: KillRunOptions): Promise<KillSource> {
  return { path: await lab.file("source.raw", bytes), bytes };
}

/** Many small files, some large ones, in folders. */
async function mixedFolder(lab: Lab, { bytes, seed }: KillRunOptions): Promise<KillSource> {
  const random = new Random(seed).fork("folder");
  const path = lab.folder.file("files", "source");
  for (let made = 0, index = 0; made < bytes; index++) {
    const folder = join("source", `part ${index % 7}`, index % 3 === 0 ? "ä" : "b");
    await mkdir(lab.folder.file("files", folder), { recursive: true });
    const size = random.next() < 0.1 ? random.int(Math.ceil(bytes / 10)) : random.int(20_000);
    await lab.file(join(folder, `${index}.raw`), size);
    made += size;
  }
  // The runtimes take times to a quarter of a microsecond.
  const touched = await runProgram(["find", path, "-exec", "touch", "-d", "@1700000000.25", "{}", "+"]);
  expect(touched).toMatchObject({ code: 0, stderr: "" });
  const selection = { include: [], exclude: [], links: "skip", all: false } as const;
  const { tar } = await listFolder({ folder: path, selection, known: null }, new AbortController().signal);
  return { path, bytes: tar.length };
}

class KillRun {
  readonly #lab: Lab;
  readonly #proxy: FaultyProxy;
  readonly #source: KillSource;
  readonly #options: KillRunOptions;
  readonly #random: Random;
  readonly #result: KillRunResult = { kills: 0, uploads: 0, extraPerKillMax: 0, escaped: 0 };

  constructor(lab: Lab, proxy: FaultyProxy, source: KillSource, options: KillRunOptions) {
    this.#lab = lab;
    this.#proxy = proxy;
    this.#source = source;
    this.#options = options;
    this.#random = new Random(options.seed);
  }

  async run(): Promise<KillRunResult> {
    const confirmed = new Map<string, string>();
    const result = this.#result;
    while (result.kills < this.#options.kills) {
      const name = `killed-${++result.uploads}${this.#options.what === "file" ? ".raw" : ""}`;
      const before = this.#proxy.counters.arrived.up;
      const connectionsBefore = this.#proxy.counters.connections;
      const killsBefore = result.kills;
      if (this.#options.side === "client") await this.#killClients(name);
      else await this.#killServers(name);
      confirmed.set(name, this.#source.path);
      const sent = this.#proxy.counters.arrived.up - before;
      const kills = result.kills - killsBefore;
      this.#count(sent, this.#proxy.counters.connections - connectionsBefore, kills);
    }
    const expectStored = this.#options.what === "file" ? expectConfirmed : expectDatasets;
    await expectAftermath(this.#lab, confirmed, expectStored);
    return result;
  }

  // Each interruption may cost one window of data that was under way, and nothing else.
  #count(sent: number, connections: number, kills: number): void {
    const { bytes } = this.#source;
    const frames = ((bytes + kills * windowBytes) / chunkBytes) * frameBytes;
    const extra = sent - bytes - frames - connections * connectionBytes;
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
    const isStored = existsSync(this.#lab.stored(name));
    return isStored && leftovers(this.#lab).client.every((file) => !file.endsWith(".json"));
  }

  async #killServers(name: string): Promise<void> {
    await using client = this.#send(name);
    for (let kill = 0; kill < this.#options.killsPerUpload && client.running; kill++) {
      if (!(await this.#killAtRandom(this.#lab.server, client))) break;
      await this.#lab.start(serverArgs, poisoned);
    }
    expect(await client.ended(endMs)).toMatchObject({ code: 0, stderr: "" });
  }

  /** Kills `victim` at a moment of this upload; returns `false` when the client ended before. */
  async #killAtRandom(victim: Program, client: Program): Promise<boolean> {
    const counters = this.#proxy.counters;
    const start = counters.bytes.up;
    const kind = this.#random.next();
    const { killsPerUpload } = this.#options;
    if (kind < 0.6) {
      // Two thirds of the file in all, so that something is left for the last ones.
      const bytes = this.#random.int(Math.ceil((1.4 * this.#source.bytes) / killsPerUpload));
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
    const { what } = this.#options;
    const args = ["-q", "-k", "sample:S-17", "--retry-for", "10m", "-n", name, address, this.#source.path];
    return this.#lab.startDync(what === "dataset" ? ["--dataset", ...args] : args);
  }
}
