// A compiled server over an object store that takes nothing until it is let, with little memory for what waits for it; and what it holds.

import { expect } from "bun:test";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { sleep, systemClock } from "../../src/base/clock.ts";
import { ForgetfulStore } from "./forgetful-store.ts";
import { type Lab, openLab } from "./lab.ts";
import type { Program } from "./programs.ts";

const MiB = 1024 * 1024;
const creditMemory = 64 * MiB;
// So often nothing more comes, and nothing will.
const stillLooks = 20;
const lookMs = 100;

export interface SlowStoreOptions {
  /** What may wait for the store (`s3-memory`). */
  readonly memory: number;
  /** Threads beside the server's main one, which hash and send. */
  readonly threads: number;
}

export class SlowStore implements AsyncDisposable {
  readonly store: ForgetfulStore;
  readonly lab: Lab;
  readonly #memory: number;
  readonly #origin: string;

  private constructor(store: ForgetfulStore, lab: Lab, memory: number, origin: string) {
    this.store = store;
    this.lab = lab;
    this.#memory = memory;
    this.#origin = origin;
  }

  /** Starts both. */
  static async start({ memory, threads }: SlowStoreOptions): Promise<SlowStore> {
    const store = await ForgetfulStore.start();
    try {
      const args = ["--storage", "s3://bucket/lab", "--s3-endpoint", store.endpoint, "--http", "127.0.0.1:0"];
      const bounds = ["--s3-memory", String(memory), "--memory", String(creditMemory)];
      const keys = { AWS_ACCESS_KEY_ID: "key", AWS_SECRET_ACCESS_KEY: "secret" };
      const start = { env: { ...keys, DYNC_SERVER_THREADS: String(threads) } };
      const lab = await openLab({ inMemory: true, server: [...args, ...bounds], start });
      const line = await lab.server.line(/"message":"Answering over HTTP"/);
      const { port } = JSON.parse(line.input ?? "") as { port: number };
      return new SlowStore(store, lab, memory, `http://127.0.0.1:${port}`);
    } catch (error) {
      await store[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #metrics(...names: readonly string[]): Promise<readonly number[]> {
    const text = await (await fetch(`${this.#origin}/metrics`)).text();
    return names.map((name) => Number(new RegExp(`^dync_server_${name} (\\S+)$`, "m").exec(text)?.[1]));
  }

  /** Makes so many files, and sends them with some commands, each of which sends so many at once: all of them unless that is given. */
  async send(commands: number, files: number, bytes: number, jobs = files): Promise<readonly Program[]> {
    const sending: Program[] = [];
    for (let command = 0; command < commands; command++) {
      const folder = `of-${command}`;
      await mkdir(this.lab.folder.file("files", folder));
      for (let at = 0; at < files; at++) await this.lab.file(join(folder, `${command}-${at}.raw`), bytes);
      const path = this.lab.folder.file("files", folder);
      sending.push(this.lab.startSend(["-q", "-r", "--jobs", String(jobs), path]));
    }
    return sending;
  }

  /**
   * Resolves when nothing more comes of `uploads` that `sending` has begun, as the store takes nothing: what came is in memory, and no more than
   * may be. Returns how many bytes count as taken.
   */
  async throttled(uploads: number, sending: readonly Program[]): Promise<number> {
    let last = "";
    for (let times = 0; ; await sleep(systemClock, lookMs)) {
      const now = await this.#metrics("received_bytes_total", "memory_used_bytes", "open_uploads");
      const [received = 0, credit = 0, open = 0] = now;
      // None of it is stored, and what clients may send beside it has its own bound.
      expect(received).toBeLessThanOrEqual(this.#memory);
      expect(credit).toBeLessThanOrEqual(creditMemory);
      times = now.join() === last && open === uploads ? times + 1 : 0;
      last = now.join();
      if (times === stillLooks) return received;
      for (const it of sending) if (!it.running) throw new Error(`Ended before its time: ${it.stderr}`);
    }
  }

  /** So many files of so many bytes are in the store, and nothing else of them. */
  expectAllStored(count: number, bytes: number): void {
    const { assembled, objects, multiparts, unknown } = this.store;
    expect([multiparts.size, unknown]).toEqual([0, []]);
    const sizes = new Map<string, number>();
    for (const [key, { parts }] of assembled)
      sizes.set(
        key,
        parts.reduce((sum, it) => sum + it.size, 0),
      );
    for (const [key, object] of objects) sizes.set(key, object.bytes.length);
    const files = [...sizes].filter(([key]) => key.endsWith(".raw"));
    expect(files).toHaveLength(count);
    for (const [key, size] of files) expect([key, size]).toEqual([key, bytes]);
    const described = files.flatMap(([key]) => [key, `${key}.sha256`, `${key}.meta.json`]);
    expect([...sizes.keys()].toSorted()).toEqual(described.toSorted());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab[Symbol.asyncDispose]();
    await this.store[Symbol.asyncDispose]();
  }
}
