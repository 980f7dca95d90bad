// A laboratory and its server in one temporary folder: keys on both sides, a running server, files to send, and
// what was stored. End-to-end tests talk to the compiled programs through it: `await using lab = await openLab()`.

import { expect } from "bun:test";
import { randomBytes } from "node:crypto";
import { existsSync, globSync } from "node:fs";
import { mkdir, open, readFile, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import {
  type Executables,
  executables,
  type KeyFolders,
  makeKeys,
  makeUser,
  type RunningServer,
  type ServerOptions,
  startServer,
} from "./executables.ts";
import {
  deadlineMsDefault,
  type Program,
  type ProgramEnd,
  type ProgramOptions,
  runProgram,
  startProgram,
} from "./programs.ts";
import { type TempFolder, tempFolder } from "./temp-folder.ts";

export interface LabOptions {
  /** More arguments of the server. */
  readonly server?: readonly string[];
  /** How the server is started. */
  readonly start?: ServerOptions;
  /** Data folder of the server that is there already; by default one in the lab's folder. */
  readonly data?: string;
  /** Where the lab's folder goes; memory, where the system has such a folder, makes large files cheap. */
  readonly inMemory?: boolean;
}

/** A server that finds out who uses the memory of a message after its release, or never releases it (doc/architecture.md, Threads). */
export const poisoned: ServerOptions = { env: { DYNC_POISON: "1" } };

const MiB = 1024 * 1024;
// A machine that others use as well; a disk that is no SSD.
const readBytesPerMsMin = 20_000;

/** Makes everything and starts the server on a free port. */
export async function openLab(options: LabOptions = {}): Promise<Lab> {
  const memory = options.inMemory === true && existsSync("/dev/shm") ? "/dev/shm" : tmpdir();
  const folder = await tempFolder(memory);
  try {
    const programs = await executables();
    const homes = await makeKeys(programs, folder.path);
    for (const name of ["data", "files"]) await mkdir(folder.file(name));
    const lab = new Lab(folder, programs, homes, options.data);
    await lab.start(options.server, options.start);
    return lab;
  } catch (error) {
    await folder[Symbol.asyncDispose]();
    throw error;
  }
}

export class Lab implements AsyncDisposable {
  readonly folder: TempFolder;
  readonly programs: Executables;
  readonly homes: KeyFolders;
  /** The server's data folder. */
  readonly data: string;
  #server: RunningServer | null = null;
  #honest = 0;

  constructor(folder: TempFolder, programs: Executables, homes: KeyFolders, data = folder.file("data")) {
    this.folder = folder;
    this.programs = programs;
    this.homes = homes;
    this.data = data;
  }

  get server(): Program {
    if (this.#server === null) throw new Error("The server of this lab is not running");
    return this.#server.program;
  }

  get port(): number {
    return this.#server?.port ?? 0;
  }

  /** Starts the server, on the port that it had before if it ran already. */
  async start(args: readonly string[] = [], options: ServerOptions = {}): Promise<void> {
    const port = this.#server === null ? [] : ["--port", String(this.#server.port)];
    const all = [...args, ...port];
    this.#server = await startServer(this.programs, this.homes.server, this.data, all, options);
  }

  /** Makes a file to send: of these bytes, or of so many pseudo-random ones. */
  async file(name: string, content: number | string | Uint8Array): Promise<string> {
    const path = this.folder.file("files", name);
    if (typeof content === "number") await writeNoise(path, content);
    else await writeFile(path, content);
    return path;
  }

  /** Makes keys for one more user, and waits until the server takes them. Returns its `DYNC_HOME`. */
  async user(name: string): Promise<string> {
    const home = await makeUser(this.programs, this.folder.path, this.homes, name);
    await this.server.line(new RegExp(`"Key authorised","user":"${name}"`), 60_000);
    return home;
  }

  /** Runs `dync` with the client's keys and exactly these arguments. */
  async dync(
    args: readonly string[],
    options: ProgramOptions = {},
    deadlineMs?: number,
  ): Promise<ProgramEnd> {
    return await runProgram([this.programs.dync, ...args], this.#asClient(options), deadlineMs);
  }

  /** Runs a command of the server's program beside the server. */
  async dyncServer(args: readonly string[], deadlineMs?: number): Promise<ProgramEnd> {
    const env = { DYNC_HOME: this.homes.server };
    return await runProgram([this.programs.dyncServer, ...args], { env }, deadlineMs);
  }

  /** Has the server take this as its `server.toml`; returns how that ended. */
  async configure(text: string): Promise<ProgramEnd> {
    await writeFile(join(this.homes.server, "server.toml"), text);
    return await this.dyncServer(["reload"]);
  }

  /** Sends with some metadata; `args` are options and the file. */
  async send(
    args: readonly string[],
    options: ProgramOptions = {},
    deadlineMs?: number,
  ): Promise<ProgramEnd> {
    return await this.dync([...this.#to(), ...args], options, deadlineMs);
  }

  /** As `send`, without waiting for the end. */
  startSend(args: readonly string[], options: ProgramOptions = {}): Program {
    return this.startDync([...this.#to(), ...args], options);
  }

  /** As `dync`, without waiting for the end. */
  startDync(args: readonly string[], options: ProgramOptions = {}): Program {
    return startProgram([this.programs.dync, ...args], this.#asClient(options));
  }

  #to(): readonly string[] {
    return ["-k", "sample:S-17", `127.0.0.1:${this.port}`];
  }

  #asClient(options: ProgramOptions): ProgramOptions {
    return { ...options, env: { DYNC_HOME: this.homes.client, ...options.env } };
  }

  /** Path of a stored file. */
  stored(name: string, user = "alice"): string {
    return join(this.data, user, name);
  }

  /** The metadata stored beside a file, without the server's own member. */
  async metadata(name: string, user = "alice"): Promise<Readonly<Record<string, unknown>>> {
    const text = await readFile(`${this.stored(name, user)}.meta.json`, "utf8");
    const { _dync, ...metadata } = JSON.parse(text) as Record<string, unknown>;
    return metadata;
  }

  /** `path` arrived under `name`: the same bytes, and both sidecars. */
  async expectStored(path: string, name = basename(path), user = "alice"): Promise<void> {
    const stored = this.stored(name, user);
    const deadlineMs = deadlineMsDefault + (await stat(path)).size / readBytesPerMsMin;
    expect(await runProgram(["cmp", path, stored], {}, deadlineMs)).toMatchObject({
      code: 0,
      stdout: "",
      stderr: "",
    });
    expect(existsSync(`${stored}.meta.json`)).toBe(true);
    const command = ["sha256sum", "--strict", "-c", `${name}.sha256`];
    const checked = await runProgram(command, { cwd: join(this.data, user) }, deadlineMs);
    expect(checked).toMatchObject({ code: 0, stderr: "" });
  }

  /** Whatever is stored as finished, of all users, as USER/NAME. */
  published(): readonly string[] {
    return globSync("*/**", { cwd: this.data })
      .filter((path) => path.includes("/"))
      .sort();
  }

  /** Nothing that begins with `name` is stored as finished. */
  expectNothingStored(name: string): void {
    expect(this.published().filter((path) => basename(path).startsWith(name))).toEqual([]);
  }

  /** The server lives: a small honest upload succeeds. */
  async expectAlive(): Promise<void> {
    const path = await this.file(`honest-${++this.#honest}.raw`, "honest");
    expect(await this.send(["-q", path])).toMatchObject({ code: 0, stderr: "" });
    await this.expectStored(path);
  }

  /** Most memory that the server has had resident so far, in bytes. */
  async serverMemoryMax(): Promise<number> {
    return await this.#serverStatus("VmHWM");
  }

  /** Memory that the server has resident now, in bytes. */
  async serverMemory(): Promise<number> {
    return await this.#serverStatus("VmRSS");
  }

  async #serverStatus(field: string): Promise<number> {
    const status = await readFile(`/proc/${this.server.pid}/status`, "utf8");
    return Number(new RegExp(`^${field}:\\s*(\\d+) kB$`, "m").exec(status)?.[1]) * 1024;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
    await this.folder[Symbol.asyncDispose]();
  }
}

/** Writes bytes of which no MiB is like another, at the speed of memory. */
async function writeNoise(path: string, length: number): Promise<void> {
  const block = randomBytes(MiB);
  const file = await open(path, "w");
  try {
    for (let offset = 0; offset < length; offset += MiB) {
      block.writeDoubleLE(offset, 0);
      await file.write(block, 0, Math.min(MiB, length - offset));
    }
  } finally {
    await file.close();
  }
}
