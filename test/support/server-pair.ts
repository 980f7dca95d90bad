// Servers that share a catalogue in PostgreSQL and an object store in Ceph, each with a home and a data folder of its own, as on two machines;
// and a client that knows both.

import { expect } from "bun:test";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { Client } from "pg";
import { sleep, systemClock } from "../../src/base/clock.ts";
import { Bucket } from "../storage/s3/s3-world.ts";
import { type Ceph, type CephOptions, cephMissing, startCeph } from "./ceph.ts";
import {
  type Executables,
  executables,
  executablesMissing,
  type KeyFolders,
  makeKeys,
  type RunningServer,
  type ServerOptions,
  startServer,
} from "./executables.ts";
import { startFaultyProxy } from "./faulty-proxy.ts";
import { openPostgres, type Postgres, postgresMissing } from "./postgres.ts";
import { type Program, type ProgramEnd, runProgram, startProgram } from "./programs.ts";
import { type TempFolder, tempFolder } from "./temp-folder.ts";

/** Why there is no such pair here, for the name of a skipped test; `null` when there is. */
export const pairMissing: string | null =
  executablesMissing ??
  postgresMissing ??
  cephMissing ??
  (Bun.which("rclone") === null ? "no rclone here" : null);

const prefix = "lab";
// Each question to the database or to a program starts a process, which takes the processor from what is waited for.
const askEveryMs = 50;

/** One of the servers. */
export interface Place {
  readonly home: string;
  readonly data: string;
  server: RunningServer;
}

/** The object store of a pair. */
export interface StoreOptions extends CephOptions {
  /** The line to it takes no more; unless given it takes what comes. */
  readonly lineBytesPerSecond?: number;
  /** The same of a line that each server has for itself, in front of that one. */
  readonly ownBytesPerSecond?: number;
}

/** How something is sent. */
export interface SendOptions {
  /** Of whom; unless given it is that of "alice". */
  readonly home?: string;
  readonly stdin?: ReadableStream;
  readonly deadlineMs?: number;
}

/** A haproxy in front of them. */
export interface Balancer {
  readonly program: Program;
  readonly ports: readonly number[];
  /** How many bytes clients have sent by each of these ports. */
  readonly bytesIn: () => Promise<readonly number[]>;
}

export class ServerPair implements AsyncDisposable {
  readonly folder: TempFolder;
  readonly programs: Executables;
  readonly homes: KeyFolders;
  readonly postgres: Postgres;
  readonly ceph: Ceph;
  readonly bucket: Bucket;
  /** Where the servers reach the store. */
  readonly endpoint: string;
  readonly database: string;
  readonly #places: Place[] = [];
  /** Its servers, and those that they were before. */
  readonly #lives: Program[] = [];
  readonly #stack: AsyncDisposableStack;

  private constructor(
    parts: Pick<
      ServerPair,
      "folder" | "programs" | "homes" | "postgres" | "ceph" | "bucket" | "endpoint" | "database"
    >,
    stack: AsyncDisposableStack,
  ) {
    this.folder = parts.folder;
    this.programs = parts.programs;
    this.homes = parts.homes;
    this.postgres = parts.postgres;
    this.ceph = parts.ceph;
    this.bucket = parts.bucket;
    this.endpoint = parts.endpoint;
    this.database = parts.database;
    this.#stack = stack;
  }

  /** Starts all of it; `settings` are lines of every server's `server.toml`, `store` says how the object store is made. */
  static async start(settings = "", count = 2, store: StoreOptions = {}): Promise<ServerPair> {
    const stack = new AsyncDisposableStack();
    let pair: ServerPair | null = null;
    try {
      const folder = stack.use(await tempFolder());
      const [postgres, ceph, programs] = await Promise.all([openPostgres(), startCeph(store), executables()]);
      stack.use(postgres);
      stack.use(ceph);
      const bucket = await Bucket.make(ceph);
      const database = await postgres.newDatabase();
      const homes = await makeKeys(programs, folder.path);
      const endpoint = await lineTo(ceph.endpoint, store.lineBytesPerSecond, stack);
      pair = new ServerPair({ folder, programs, homes, postgres, ceph, bucket, endpoint, database }, stack);
      const env = { DYNC_SERVER_CATALOGUE: postgres.url(database) };
      const migrated = await runProgram([programs.dyncServer, "catalogue", "migrate"], { env });
      expect(migrated).toMatchObject({ code: 0 });
      for (let at = 0; at < count; at++)
        await pair.#add(settings, await lineTo(endpoint, store.ownBytesPerSecond, stack));
      return pair;
    } catch (error) {
      await pair?.[Symbol.asyncDispose]();
      await stack[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #add(settings: string, endpoint: string): Promise<void> {
    const name = String.fromCharCode(0x61 + this.#places.length);
    const [home, data] = [this.folder.file(`home-${name}`), this.folder.file(`data-${name}`)];
    await cp(this.homes.server, home, { recursive: true });
    await mkdir(data);
    await writeFile(
      join(home, "server.toml"),
      `${await this.#configuration(home, data, endpoint)}\n${settings}`,
    );
    const start = startOf(this.#places.length);
    const server = await startServer(this.programs, home, data, [], start);
    this.#places.push({ home, data, server });
    this.#lives.push(server.program);
  }

  /** The one that the documentation gives, with what is different here. */
  async #configuration(home: string, data: string, endpoint: string): Promise<string> {
    const [password, keys] = [join(home, "database.password"), join(home, "s3.keys")];
    const { accessKeyId, secretAccessKey } = this.ceph.user;
    await writeFile(password, "none is asked for\n", { mode: 0o600 });
    const lines = [`aws_access_key_id = ${accessKeyId}`, `aws_secret_access_key = ${secretAccessKey}`];
    await writeFile(keys, `[default]\n${lines.join("\n")}\n`, { mode: 0o600 });
    return await documented("server.toml", {
      "postgres://dync@db.example.org/dync": this.postgres.url(this.database),
      "/etc/dync-server/database.password": password,
      "s3://archive/instruments": `s3://${this.bucket.place.bucket}/${prefix}`,
      "https://rgw.example.org:8443": endpoint,
      "/etc/dync-server/s3.keys": keys,
      "/srv/dync": data,
    });
  }

  /** Starts haproxy in front of the first two, as the documentation has it, which listens on these ports. */
  async startBalancer(ports: readonly number[]): Promise<Balancer> {
    const binds = ports.map((port) => `bind 127.0.0.1:${port} name ${port}`);
    const socket = this.folder.file("haproxy.sock");
    const text = await documented("haproxy.cfg", {
      global: `global\n    stats socket ${socket}`,
      // Bytes count as they come, and not when their connection ends.
      "mode tcp": "mode tcp\n    option contstats",
      "bind :8889": `option socket-stats\n    ${binds.join("\n    ")}`,
      "dync1.example.org:8889": this.address(0),
      "dync2.example.org:8889": this.address(1),
      // Each takes two descriptors, of which a machine of tests may have few.
      "maxconn 4000": "maxconn 200",
    });
    const file = this.folder.file("haproxy.cfg");
    await writeFile(file, text);
    const program = this.#stack.use(startProgram(["haproxy", "-db", "-f", file]));
    // It listens before it has checked anybody.
    for (const port of ports)
      while (!(await isOpen(port))) if (!program.running) throw new Error(`haproxy ended: ${program.stderr}`);
    return { program, ports, bytesIn: () => bytesIn(socket, ports) };
  }

  place(at: number): Place {
    const place = this.#places[at];
    if (place === undefined) throw new Error(`There is no server ${at}`);
    return place;
  }

  program(at: number): Program {
    return this.place(at).server.program;
  }

  /** Starts one again that ended, on the port that it had. */
  async again(at: number): Promise<void> {
    const place = this.place(at);
    const port = ["--port", String(place.server.port)];
    place.server = await startServer(this.programs, place.home, place.data, port, startOf(at));
    this.#lives.push(place.server.program);
  }

  /** The addresses of these servers, as a client is given them. */
  address(...which: readonly number[]): string {
    return which.map((at) => `127.0.0.1:${this.place(at).server.port}`).join(",");
  }

  async dyncServer(at: number, args: readonly string[]): Promise<ProgramEnd> {
    return await runProgram([this.programs.dyncServer, ...args], { env: { DYNC_HOME: this.place(at).home } });
  }

  /** Process ids of its servers, in all of their lives. */
  get pids(): ReadonlySet<string> {
    return new Set(this.#lives.map(({ pid }) => String(pid)));
  }

  /** All that its servers logged, in all of their lives. */
  get log(): string {
    return this.#lives.map(({ stderr }) => stderr).join("");
  }

  startSend(to: string, args: readonly string[]): Program {
    return startProgram([this.programs.dync, "-k", "sample:S-17", to, ...args], {
      env: { DYNC_HOME: this.homes.client },
    });
  }

  async send(
    to: string,
    args: readonly string[],
    { home = this.homes.client, stdin, deadlineMs }: SendOptions = {},
  ): Promise<ProgramEnd> {
    const command = [this.programs.dync, "-q", "-k", "sample:S-17", to, ...args];
    const options = { env: { DYNC_HOME: home }, ...(stdin === undefined ? {} : { stdin }) };
    return await runProgram(command, options, deadlineMs);
  }

  async file(name: string, bytes: number): Promise<string> {
    const path = this.folder.file(name);
    const block = crypto.getRandomValues(new Uint8Array(Math.min(65_536, bytes)));
    const writer = Bun.file(path).writer();
    for (let at = 0; at < bytes; at += block.length) {
      new DataView(block.buffer).setFloat64(0, at);
      writer.write(block.slice(0, bytes - at));
      await writer.flush();
    }
    await writer.end();
    return path;
  }

  async forget(path: string): Promise<void> {
    await rm(path, { recursive: true });
  }

  /** Takes all connections of the database that are left, for so long. */
  async withoutConnections(ms: number): Promise<void> {
    await using stack = new AsyncDisposableStack();
    for (;;) {
      const client = new Client({ connectionString: this.postgres.url(this.database) });
      // What ends it is told by the test that used it up.
      client.on("error", () => {});
      try {
        await client.connect();
      } catch {
        break;
      }
      stack.defer(() => client.end());
    }
    await sleep(systemClock, ms);
  }

  /** What `path` was sent as is in the store, as a program sees it that knows nothing of us; with its checksum and metadata. */
  async expectStored(path: string, name: string): Promise<void> {
    const to = await this.#copied(name, `${name}{,.sha256,.meta.json}`);
    expect(await runProgram(["cmp", path, join(to, name)], {}, 120_000)).toMatchObject({
      code: 0,
      stdout: "",
    });
    await expectSums(to, name);
  }

  /** The same of a folder that was sent as a dataset. */
  async expectDataset(folder: string, name: string): Promise<void> {
    const to = await this.#copied(name, `{${name}/**,${name}.sha256,${name}.meta.json}`);
    expect(await runProgram(["diff", "-r", folder, join(to, name)], {}, 120_000)).toMatchObject({
      code: 0,
      stdout: "",
    });
    await expectSums(to, name);
  }

  /** Copies what fits `pattern` out of the store; returns where it is. */
  async #copied(name: string, pattern: string): Promise<string> {
    const to = this.folder.file(`back-${name}`);
    const from = `:s3:${this.bucket.place.bucket}/${prefix}/alice`;
    const { accessKeyId, secretAccessKey } = this.ceph.user;
    const keys = ["--s3-access-key-id", accessKeyId, "--s3-secret-access-key", secretAccessKey];
    const options = ["--s3-provider", "Ceph", "--s3-endpoint", this.ceph.endpoint, ...keys];
    const command = ["rclone", "copy", from, to, "--include", pattern, ...options];
    // A bundle of certificates of this machine is none of its business.
    expect(await runProgram(command, { env: { AWS_CA_BUNDLE: "" } }, 120_000)).toMatchObject({ code: 0 });
    return to;
  }

  /** Resolves when `isSo`, which is asked again and again. Throws when `program`, which is to make it so, ends before. */
  async until(isSo: () => Promise<boolean>, program: Program): Promise<void> {
    while (!(await isSo())) {
      if (!program.running) throw new Error(`Ended before what it was to do: ${program.stderr}`);
      await sleep(systemClock, askEveryMs);
    }
  }

  /** Rows of the catalogue. */
  async rows(sql: string): Promise<readonly Record<string, unknown>[]> {
    return await this.postgres.run(sql, this.database);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { server } of this.#places) await server[Symbol.asyncDispose]();
    await this.#stack[Symbol.asyncDispose]();
  }
}

/** Where the store is reached over the line that is wanted. */
async function lineTo(
  endpoint: string,
  bytesPerSecond: number | undefined,
  stack: AsyncDisposableStack,
): Promise<string> {
  if (bytesPerSecond === undefined) return endpoint;
  const line = { bytesPerSecond, queueBytes: 1024 * 1024, delayMs: 0 };
  const targetPort = Number(new URL(endpoint).port);
  const proxy = stack.use(await startFaultyProxy({ targetPort, faults: { line } }));
  return `http://127.0.0.1:${proxy.port}`;
}

/** A file of `doc/several-servers/`, with each of these texts in it replaced. */
export async function documented(name: string, replaced: Readonly<Record<string, string>>): Promise<string> {
  let text = await readFile(join(import.meta.dir, "../../doc/several-servers", name), "utf8");
  for (const [from, to] of Object.entries(replaced)) {
    if (!text.includes(from)) throw new Error(`${name} of the documentation has no "${from}"`);
    text = text.replaceAll(from, to);
  }
  return text;
}

async function bytesIn(socket: string, ports: readonly number[]): Promise<readonly number[]> {
  const asked = connect(socket);
  asked.end("show stat\n");
  const [head = "", ...lines] = (await text(asked)).split("\n");
  const rows = lines.map((line) => line.split(","));
  const [name, bytes] = ["svname", "bin"].map((column) => head.split(",").indexOf(column)) as [
    number,
    number,
  ];
  return ports.map((port) => {
    const count = rows.find((row) => row[name] === String(port))?.[bytes];
    if (count === undefined) throw new Error(`haproxy counts nothing for port ${port}: ${head}`);
    return Number(count);
  });
}

async function isOpen(port: number): Promise<boolean> {
  try {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } });
    socket.end();
    return true;
  } catch {
    return false;
  }
}

/** What was copied to `folder` has the checksums, and the metadata, that lie beside it. */
async function expectSums(folder: string, name: string): Promise<void> {
  const command = ["sha256sum", "--strict", "-c", `${name}.sha256`];
  expect(await runProgram(command, { cwd: folder }, 120_000)).toMatchObject({ code: 0, stderr: "" });
  const metadata = await readFile(join(folder, `${name}.meta.json`), "utf8");
  expect(JSON.parse(metadata)).toMatchObject({ sample: "S-17" });
}

/** The second one has other threads hash and send, which on two cores there are none of by default. */
function startOf(at: number): ServerOptions {
  return at % 2 === 0 ? {} : { env: { DYNC_SERVER_THREADS: "2" } };
}
