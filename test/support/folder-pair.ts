// Servers that share a catalogue in PostgreSQL and a folder, each with a home and a data folder of its own, as on two machines: a folder of
// CephFS, of which each has a mount of its own, or one on a disk of this machine, which shows all that needs no second machine. And a client
// that knows both.

import { expect } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, readdirSync } from "node:fs";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Client } from "pg";
import { sleep, systemClock } from "../../src/base/clock.ts";
import { type CephFs, type CephMount, cephFsMissing, startCephFs } from "./ceph-fs.ts";
import {
  type Executables,
  executables,
  executablesMissing,
  type KeyFolders,
  makeKeys,
  makeUser,
  type RunningServer,
  startServer,
} from "./executables.ts";
import { openPostgres, type Postgres, postgresMissing } from "./postgres.ts";
import { deadlineMsDefault, type Program, type ProgramEnd, runProgram, startProgram } from "./programs.ts";
import { documented } from "./server-pair.ts";
import { type TempFolder, tempFolder } from "./temp-folder.ts";

/** Where the folder is that they share. */
export type FolderKind = "a disk" | "CephFS";

/** Why there is no such pair here, for the name of a skipped test; `null` when there is. */
export function folderPairMissing(kind: FolderKind): string | null {
  return executablesMissing ?? postgresMissing ?? (kind === "CephFS" ? cephFsMissing : null);
}

const askEveryMs = 50;

/** One of the servers, and its machine. */
export interface Machine {
  /** `null`: the folder is on a disk. */
  readonly mount: CephMount | null;
  /** What they share, as this one has it. */
  readonly storage: string;
  readonly home: string;
  readonly data: string;
  server: RunningServer;
}

interface Parts {
  readonly folder: TempFolder;
  readonly programs: Executables;
  readonly homes: KeyFolders;
  readonly postgres: Postgres;
  readonly database: string;
  /** Of the database: a process for each question would take the processor from what is waited for. */
  readonly client: Client;
  readonly fs: CephFs | null;
}

export class FolderPair implements AsyncDisposable {
  readonly parts: Parts;
  readonly #machines: Machine[] = [];
  readonly #stack: AsyncDisposableStack;

  private constructor(parts: Parts, stack: AsyncDisposableStack) {
    this.parts = parts;
    this.#stack = stack;
  }

  /** Starts all of it. */
  static async start(kind: FolderKind): Promise<FolderPair> {
    const stack = new AsyncDisposableStack();
    let pair: FolderPair | null = null;
    try {
      const folder = stack.use(await tempFolder());
      const fs = kind === "CephFS" ? stack.use(await startCephFs()) : null;
      const [postgres, programs] = await Promise.all([openPostgres(), executables()]);
      stack.use(postgres);
      const database = await postgres.newDatabase();
      const client = new Client({ connectionString: postgres.url(database) });
      await client.connect();
      stack.defer(() => client.end());
      const homes = await makeKeys(programs, folder.path);
      pair = new FolderPair({ folder, programs, homes, postgres, database, client, fs }, stack);
      const env = { DYNC_SERVER_CATALOGUE: postgres.url(database) };
      const migrated = await runProgram([programs.dyncServer, "catalogue", "migrate"], { env });
      expect(migrated).toMatchObject({ code: 0 });
      for (const name of ["a", "b"]) await pair.#add(name);
      return pair;
    } catch (error) {
      await pair?.[Symbol.asyncDispose]();
      await stack[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #add(name: string): Promise<void> {
    const { folder, homes, programs, fs } = this.parts;
    const [home, data] = [folder.file(`home-${name}`), folder.file(`data-${name}`)];
    const mount = (await fs?.mount()) ?? null;
    const storage = join(mount?.path ?? folder.path, "instruments");
    if (!existsSync(storage)) await mkdir(storage);
    await cp(homes.server, home, { recursive: true });
    await mkdir(data);
    await writeFile(join(home, "server.toml"), await this.#configuration(home, data, storage));
    this.#machines.push({ mount, storage, home, data, server: await startServer(programs, home, data) });
  }

  /** The one that the documentation gives, with what is different here. */
  async #configuration(home: string, data: string, storage: string): Promise<string> {
    const password = join(home, "database.password");
    await writeFile(password, "none is asked for\n", { mode: 0o600 });
    const text = await documented("server-shared-folder.toml", {
      "postgres://dync@db.example.org/dync": this.parts.postgres.url(this.parts.database),
      "/etc/dync-server/database.password": password,
      "/mnt/cephfs/instruments": storage,
      "/srv/dync": data,
    });
    // What one of them does in its main thread, the other one does in threads of its own.
    return `${text}\nlog-level = "debug"\nthreads = ${2 * this.#machines.length}\n`;
  }

  machine(at: number): Machine {
    const machine = this.#machines[at];
    if (machine === undefined) throw new Error(`There is no server ${at}`);
    return machine;
  }

  program(at: number): Program {
    return this.machine(at).server.program;
  }

  /** Starts one again that ended, on the port that it had. */
  async again(at: number): Promise<void> {
    const machine = this.machine(at);
    const port = ["--port", String(machine.server.port)];
    machine.server = await startServer(this.parts.programs, machine.home, machine.data, port);
  }

  /** Runs `dync-server run` with these arguments, which is to end at once. */
  async runServer(home: string, args: readonly string[]): Promise<ProgramEnd> {
    const command = [this.parts.programs.dyncServer, "run", "--port", "1", ...args];
    return await runProgram(command, { env: { DYNC_HOME: home } });
  }

  /** Runs a command beside a server. */
  async dyncServer(at: number, args: readonly string[]): Promise<ProgramEnd> {
    return await runProgram([this.parts.programs.dyncServer, ...args], {
      env: { DYNC_HOME: this.machine(at).home },
    });
  }

  /** Makes keys for one more user, whom all servers know at once. Returns its `DYNC_HOME`. */
  async user(name: string): Promise<string> {
    const { programs, folder } = this.parts;
    const home = await makeUser(
      programs,
      folder.path,
      { ...this.parts.homes, server: this.machine(0).home },
      name,
    );
    for (const at of [0, 1]) await this.program(at).line(new RegExp(`"Key authorised","user":"${name}"`));
    return home;
  }

  /** The addresses of these servers, as a client is given them. */
  address(...which: readonly number[]): string {
    return which.map((at) => `127.0.0.1:${this.machine(at).server.port}`).join(",");
  }

  startSend(to: string, args: readonly string[]): Program {
    return startProgram([this.parts.programs.dync, "-k", "sample:S-17", to, ...args], {
      env: { DYNC_HOME: this.parts.homes.client },
    });
  }

  /** Sends as the client of `home`, alice unless that is given. */
  async send(to: string, args: readonly string[], home = this.parts.homes.client): Promise<ProgramEnd> {
    const command = [this.parts.programs.dync, "-q", "-k", "sample:S-17", to, ...args];
    return await runProgram(command, { env: { DYNC_HOME: home } }, 120_000);
  }

  async file(name: string, bytes: number): Promise<string> {
    const path = this.parts.folder.file(name);
    await writeFile(path, randomBytes(bytes));
    return path;
  }

  /** Resolves when so many bytes of an upload are durable. Throws when `sending`, which sends it, ends before. */
  async durable(name: string, bytes: number, sending: Program): Promise<void> {
    for (;;) {
      const [row] = await this.rows(`SELECT durable FROM dync.uploads WHERE name = '${name}'`);
      if (Number(row?.durable ?? 0) >= bytes) return;
      if (!sending.running) throw new Error(`Ended before what it was to do: ${sending.stderr}`);
      await sleep(systemClock, askEveryMs);
    }
  }

  /** Rows of the catalogue. */
  async rows(sql: string): Promise<readonly Record<string, unknown>[]> {
    return (await this.parts.client.query(sql)).rows;
  }

  /** The file `path` lies there as it was sent, as this machine sees it, with its checksum. */
  async expectStored(path: string, name: string, at: number): Promise<void> {
    const there = join(this.machine(at).storage, "alice");
    const sent = createHash("sha256")
      .update(await readFile(path))
      .digest("hex");
    expect(await readFile(join(there, `${name}.sha256`), "utf8")).toBe(`${sent}  ${name}\n`);
    await expectSums(there, name);
  }

  /** The same of a folder that was sent as a dataset. */
  async expectDataset(folder: string, name: string, at: number): Promise<void> {
    const there = join(this.machine(at).storage, "alice");
    const compared = await runProgram(["diff", "-r", folder, join(there, name)], {}, 120_000);
    expect(compared).toMatchObject({ code: 0, stdout: "" });
    await expectSums(there, name);
  }

  /** How many lines of both servers say that this upload was published. */
  published(name: string): number {
    const lines = [0, 1].flatMap((at) => {
      const { stdout, stderr } = this.program(at);
      return `${stdout}${stderr}`.split("\n");
    });
    return lines.filter((line) => line.includes('"Upload finished"') && line.includes(`"${name}"`)).length;
  }

  /** Nothing is left of uploads that ended. What was thrown away goes in its own time. */
  async expectNothingLeft(at: number): Promise<void> {
    const partials = join(this.machine(at).storage, ".dync/partial");
    const deadline = performance.now() + deadlineMsDefault;
    while (performance.now() < deadline && readdirSync(partials).length > 0) await sleep(systemClock, 20);
    expect(readdirSync(partials)).toEqual([]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { server, mount } of this.#machines) {
      // Who is frozen ends when it is killed; a mount that is frozen would have everybody wait who looks at it.
      mount?.program.signal("SIGCONT");
      await server[Symbol.asyncDispose]();
    }
    await this.#stack[Symbol.asyncDispose]();
  }
}

async function expectSums(folder: string, name: string): Promise<void> {
  const check = await runProgram(["sha256sum", "--strict", "-c", `${name}.sha256`], { cwd: folder }, 120_000);
  expect(check).toMatchObject({ code: 0, stderr: "" });
}
