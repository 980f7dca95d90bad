// A client on one system and a server on another: keys made by each system's own program, a file sent with its
// metadata, a kill of either side in the middle, and what must be on disk afterwards.

import { expect } from "bun:test";
import { copyFileSync, existsSync, globSync, mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { sleep, systemClock } from "../../src/base/clock.ts";
import { type FaultyProxy, startFaultyProxy } from "./faulty-proxy.ts";
import { type Program, type ProgramEnd, runProgram, startProgram } from "./programs.ts";
import type { System } from "./systems.ts";
import { treeIn } from "./tar-programs.ts";
import { plant, type Tree } from "./trees.ts";

export interface ExchangeOptions {
  readonly client: System;
  readonly server: System;
  /** Empty; everything goes there. */
  readonly folder: string;
  /** More arguments of the server. */
  readonly serverArgs?: readonly string[];
}

const MB = 1_000_000;
/** The server's default: 64 chunks of 256 KiB. */
const windowBytes = 64 * 256 * 1024;
// Emulated programs on a busy machine.
const deadlineMs = 170_000;

/** Makes keys on both sides and starts the server. */
export async function openExchange(options: ExchangeOptions): Promise<Exchange> {
  const exchange = new Exchange(options);
  await exchange.makeKeys();
  await exchange.startServer();
  return exchange;
}

export class Exchange implements AsyncDisposable {
  readonly data: string;
  readonly #client: System;
  readonly #server: System;
  readonly #folder: string;
  readonly #serverArgs: readonly string[];
  readonly #homes: { readonly client: string; readonly server: string };
  #running: Program | null = null;
  #port = 0;

  constructor({ client, server, folder, serverArgs = [] }: ExchangeOptions) {
    this.#client = client;
    this.#server = server;
    this.#folder = folder;
    this.#serverArgs = serverArgs;
    this.#homes = { client: join(folder, "client-home"), server: join(folder, "server-home") };
    this.data = join(folder, "data");
  }

  get server(): Program {
    if (this.#running === null) throw new Error("The server of this exchange is not running");
    return this.#running;
  }

  get port(): number {
    return this.#port;
  }

  /** Where the keys of "alice" are, and the server's. */
  get clientHome(): string {
    return this.#homes.client;
  }

  /** The user "alice" with a key that the client's system made, known to a server with one that its system made. */
  async makeKeys(): Promise<void> {
    const { client, server } = this.#homes;
    mkdirSync(this.data, { recursive: true });
    await this.#makeClientKey("alice");
    const made = await runProgram(
      this.#server.command("dync-server", ["keygen"]),
      this.#asServer(),
      deadlineMs,
    );
    expect(made).toMatchObject({ code: 0 });
    mkdirSync(join(server, "clients"), { recursive: true });
    this.#letIn("alice");
    copyFileSync(join(server, "server.key"), join(client, "server.key"));
  }

  async #makeClientKey(user: string): Promise<void> {
    const command = this.#client.command("dync", ["keygen"]);
    expect(await runProgram(command, this.#asClient(user), deadlineMs)).toMatchObject({ code: 0 });
  }

  #letIn(user: string): void {
    copyFileSync(
      join(this.#clientHome(user), "client.key"),
      join(this.#homes.server, "clients", `${user}.key`),
    );
  }

  /** A user is nobody until the server has the key, and then stores in a folder of that name. */
  async expectUsersApart(): Promise<void> {
    await this.#makeClientKey("bob");
    copyFileSync(join(this.#homes.server, "server.key"), join(this.#clientHome("bob"), "server.key"));
    const path = await this.file("of-bob.raw", 100_000);
    await using stranger = this.startSend(path, [], this.#port, "bob");
    expect(await stranger.ended(deadlineMs)).toMatchObject({
      code: 7,
      stderr: expect.stringContaining("does not accept the key"),
    });
    expect(globSync("*/of-bob.raw*", { cwd: this.data })).toEqual([]);
    this.#letIn("bob");
    await this.server.line(/"Key authorised","user":"bob"/, deadlineMs);
    await using known = this.startSend(path, [], this.#port, "bob");
    await this.#confirmed(known);
    await this.expectStored(path, "of-bob.raw", "bob");
    expect(globSync("*/of-bob.raw", { cwd: this.data })).toEqual([join("bob", "of-bob.raw")]);
  }

  /** Starts the server, again on the port that it had before. */
  async startServer(): Promise<void> {
    const data = this.#server.path(this.data);
    const args = [
      "run",
      "--data",
      data,
      "--bind",
      "127.0.0.1",
      "--port",
      String(this.#port),
      "--log-format",
      "json",
      ...this.#serverArgs,
    ];
    const program = startProgram(this.#server.command("dync-server", args), this.#asServer());
    this.#running = program;
    const line = await program.line(/"message":\s*"Listening"/, deadlineMs);
    this.#port = (JSON.parse(line.input ?? "") as { port: number }).port;
  }

  /** Runs `dync` on the client's system. */
  async dync(args: readonly string[]): Promise<ProgramEnd> {
    return await runProgram(this.#client.command("dync", args), this.#asClient(), deadlineMs);
  }

  /** The command line that sends the file at `path`, for people to look at. */
  sendCommand(path: string): readonly string[] {
    const args = ["-k", "sample:S-17", `127.0.0.1:${this.#port}`, this.#client.path(path)];
    return this.#client.command("dync", args);
  }

  /** What such a command needs besides the test's own environment. */
  get clientEnvironment(): Readonly<Record<string, string>> {
    return this.#asClient().env;
  }

  /** Starts sending the file at `path`; `port` is the server's unless something stands between. */
  startSend(path: string, args: readonly string[] = [], port = this.#port, user = "alice"): Program {
    const all = ["--json", "-k", "sample:S-17", ...args, `127.0.0.1:${port}`, this.#client.path(path)];
    return startProgram(this.#client.command("dync", all), this.#asClient(user));
  }

  /** Starts sending what `stream` holds. */
  startStream(name: string, stream: Blob): Program {
    const args = ["--json", "-k", "sample:S-17", "-n", name, `127.0.0.1:${this.#port}`];
    return startProgram(this.#client.command("dync", args), { ...this.#asClient(), stdin: stream });
  }

  /** Makes a file of so many bytes, most of them holes. */
  async file(name: string, bytes: number): Promise<string> {
    const path = join(this.#folder, name);
    await Bun.write(path, crypto.getRandomValues(new Uint8Array(Math.min(bytes, 65_536))));
    expect(await runProgram(["truncate", "-s", String(bytes), path])).toMatchObject({ code: 0 });
    return path;
  }

  /** Sends a file and checks what is stored; returns MB/s as the client saw it. */
  async send(name: string, bytes: number): Promise<number> {
    const path = await this.file(name, bytes);
    await using program = this.startSend(path);
    const { seconds } = await this.#confirmed(program);
    await this.expectStored(path, name);
    return bytes / MB / seconds;
  }

  /** Makes a folder. */
  async tree(name: string, tree: Tree): Promise<string> {
    const path = join(this.#folder, name);
    plant(path, tree);
    // Some runtimes take times to the millisecond.
    const touched = await runProgram(["find", path, "-exec", "touch", "-d", "@1700000000.25", "{}", "+"]);
    expect(touched).toMatchObject({ code: 0, stderr: "" });
    return path;
  }

  /** Sends a folder as a dataset, and checks what is stored. */
  async sendFolder(name: string, tree: Tree): Promise<void> {
    const path = await this.tree(name, tree);
    await using program = this.startSend(path, ["--dataset"]);
    await this.#confirmed(program);
    expect(await treeIn(join(this.data, "alice", name))).toEqual(await treeIn(path));
  }

  /** Kills one side when a part of the file is on the server's disk, starts it again, and checks the end. */
  async sendWithKill(name: string, bytes: number, side: "client" | "server"): Promise<void> {
    const path = await this.file(name, bytes);
    await using proxy = await startFaultyProxy({
      targetPort: this.#port,
      faults: { up: { stallAfter: bytes * 0.8 } },
    });
    await using first = this.startSend(path, ["--retry-for", "2m"], proxy.port);
    await this.#partOnDisk(bytes / 2);
    if (side === "client") await first.kill();
    else await this.server.kill();
    proxy.faults = {};
    const before = { sent: proxy.counters.bytes.up, connections: proxy.counters.connections };
    if (side === "server") await this.startServer();
    await this.#finish(first, path, side, proxy);
    // What was on disk was not sent again; each further connection of a slow system may repeat what was under way.
    const repeats = Math.max(0, proxy.counters.connections - before.connections - 1);
    const sent = proxy.counters.bytes.up - before.sent;
    expect(sent).toBeLessThan(bytes * 0.75 + repeats * windowBytes);
    await this.expectStored(path, name);
  }

  async #finish(first: Program, path: string, side: "client" | "server", proxy: FaultyProxy): Promise<void> {
    if (side === "server") return void (await this.#confirmed(first));
    await using second = this.startSend(path, ["--retry-for", "2m"], proxy.port);
    await this.#confirmed(second);
  }

  async #confirmed(program: Program): Promise<{ readonly seconds: number }> {
    const end = await program.ended(deadlineMs);
    expect({ code: end.code, stderr: end.code === 0 ? "" : end.stderr }).toEqual({ code: 0, stderr: "" });
    return JSON.parse(end.stdout.trim().split("\n").at(-1) ?? "") as { seconds: number };
  }

  async #partOnDisk(bytes: number): Promise<void> {
    const sizes = () =>
      globSync(".dync/partial/*", { cwd: this.data }).map((file) => sizeOf(join(this.data, file)));
    const endsAt = Date.now() + deadlineMs;
    while (sizes().every((size) => size < bytes)) {
      if (Date.now() > endsAt) throw new Error(`Nothing of ${bytes} bytes on disk: ${this.server.stderr}`);
      await sleep(systemClock, 20);
    }
  }

  /** The file at `path` is stored as `name`, under `user`, with checksum and metadata. */
  async expectStored(path: string, name: string, user = "alice"): Promise<void> {
    const stored = join(this.data, user, name);
    expect(await runProgram(["cmp", path, stored])).toMatchObject({ code: 0, stdout: "" });
    expect(await Bun.file(`${stored}.meta.json`).json()).toMatchObject({
      sample: "S-17",
      _dync: { user },
    });
    expect(existsSync(`${stored}.sha256`)).toBe(true);
  }

  #asClient(user = "alice") {
    return { env: { ...this.#client.environment, DYNC_HOME: this.#client.path(this.#clientHome(user)) } };
  }

  #clientHome(user: string): string {
    return user === "alice" ? this.#homes.client : join(this.#folder, `${user}-home`);
  }

  #asServer() {
    return { env: { ...this.#server.environment, DYNC_HOME: this.#server.path(this.#homes.server) } };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running?.kill();
  }
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
