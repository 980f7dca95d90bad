// A real PostgreSQL for tests: Debian's programs, with a cluster of its own in a folder of its own. Nothing that the machine runs
// already is used, or disturbed.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  appendFileSync,
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Client } from "pg";
import { lastingPort } from "./ports.ts";
import { type TempFolder, tempFolder } from "./temp-folder.ts";

const debianFolder = "/usr/lib/postgresql";
const oldest = 14;

/** Where the programs of a version that will do are, or `null`. */
const programs = newestPrograms();
// PostgreSQL starts for nobody who may do everything.
const nobody = 65534;
const isRoot = process.getuid?.() === 0;

/** Why there is no PostgreSQL here, for the name of a skipped test; `null` when there is one. */
export const postgresMissing: string | null =
  programs === null
    ? `no PostgreSQL ${oldest} or newer here`
    : isRoot && Bun.which("setpriv") === null
      ? "no setpriv here, and PostgreSQL does not start for root"
      : null;

export interface PostgresOptions {
  /** Listen on a port of loopback as well, where passwords are asked for. */
  readonly tcp?: boolean;
  /** Paths of a certificate and its key: TLS is spoken by whoever wants it. */
  readonly tls?: { readonly certificate: string; readonly key: string };
  /** Whether what is committed is synced, as it is anywhere but in tests. */
  readonly fsync?: boolean;
}

export interface Postgres extends AsyncDisposable {
  /** The superuser's way to `database`, over its socket; nobody is asked for a password there. */
  url(database: string, user?: string): string;
  /** The way over TCP; with a password where one is given. */
  tcpUrl(database: string, user: string, password?: string): string;
  /** Makes an empty database, or a copy of `template`; returns its name. */
  newDatabase(template?: string): Promise<string>;
  /** Runs SQL as the superuser in `database`. */
  run(sql: string, database?: string): Promise<readonly Record<string, unknown>[]>;
  /** Ends the server's process, in good order or by SIGKILL, with all of its own. */
  stop(how?: "fast" | "kill"): Promise<void>;
  start(): Promise<void>;
  /** The number of the server's process. */
  readonly pid: number;
  /** The numbers of the processes that it has just now. */
  backends(): readonly number[];
  /** Path of its socket. */
  readonly socket: string;
  /** Gives it the folder `path`. */
  give(path: string): void;
  /** Lets in whom these lines (pg_hba.conf) let in, from its next start on. */
  admit(lines: string): void;
  readonly folder: string;
}

/** Makes a cluster and starts it; its end takes all of it away. */
export async function openPostgres(options: PostgresOptions = {}): Promise<Postgres> {
  const folder = await tempFolder();
  if (isRoot) chownSync(folder.path, nobody, nobody);
  else chmodSync(folder.path, 0o700);
  const data = folder.file("data");
  const made = spawnSync(
    ...asNobody(program("initdb"), [
      ...["-D", data, "-U", superuser, "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "-A", "trust"],
    ]),
    { cwd: "/", encoding: "utf8" },
  );
  if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`);
  const port = options.tcp ? await lastingPort() : 5432;
  const settings = [
    `listen_addresses = '${options.tcp ? "127.0.0.1" : ""}'`,
    `port = ${port}`,
    `unix_socket_directories = '${folder.path}'`,
    `fsync = ${options.fsync === true ? "on" : "off"}`,
    ...(options.tls === undefined ? [] : tlsSettings(options.tls, folder)),
    "max_connections = 50",
    "shared_buffers = 16MB",
    "log_min_messages = warning",
  ];
  appendFileSync(join(data, "postgresql.conf"), `${settings.join("\n")}\n`);
  // The first line that fits counts.
  const access = "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n";
  await Bun.write(join(data, "pg_hba.conf"), access);
  const cluster = new Cluster(folder, port);
  await cluster.start();
  return cluster;
}

/** Settings for TLS, with copies that are the server's own. */
function tlsSettings(files: NonNullable<PostgresOptions["tls"]>, folder: TempFolder): readonly string[] {
  const own = Object.entries(files).map(([name, path]) => {
    const copy = folder.file(`${name}.pem`);
    copyFileSync(path, copy);
    chmodSync(copy, 0o600);
    if (isRoot) chownSync(copy, nobody, nobody);
    return [name, copy] as const;
  });
  const { certificate, key } = Object.fromEntries(own);
  return ["ssl = on", `ssl_cert_file = '${certificate}'`, `ssl_key_file = '${key}'`];
}

const superuser = "steward";

class Cluster implements Postgres {
  readonly #folder: TempFolder;
  readonly #port: number;
  #process: ChildProcess | null = null;

  constructor(folder: TempFolder, port: number) {
    this.#folder = folder;
    this.#port = port;
  }

  get folder(): string {
    return this.#folder.path;
  }

  get pid(): number {
    return this.#process?.pid as number;
  }

  get socket(): string {
    return join(this.folder, `.s.PGSQL.${this.#port}`);
  }

  admit(lines: string): void {
    writeFileSync(join(this.folder, "data", "pg_hba.conf"), lines);
  }

  give(path: string): void {
    if (isRoot) chownSync(path, nobody, nobody);
  }

  url(database: string, user = superuser): string {
    return `postgres://${user}@/${database}?host=${encodeURIComponent(this.folder)}&port=${this.#port}`;
  }

  tcpUrl(database: string, user: string, password?: string): string {
    return `postgres://${user}${password === undefined ? "" : `:${password}`}@127.0.0.1:${this.#port}/${database}`;
  }

  async newDatabase(template?: string): Promise<string> {
    const name = `d${randomBytes(6).toString("hex")}`;
    await this.run(`CREATE DATABASE ${name}${template === undefined ? "" : ` TEMPLATE ${template}`}`);
    return name;
  }

  async run(sql: string, database = "postgres"): Promise<readonly Record<string, unknown>[]> {
    const client = new Client({ connectionString: this.url(database) });
    await client.connect();
    try {
      const result = await client.query(sql);
      return Array.isArray(result) ? result.at(-1).rows : result.rows;
    } finally {
      await client.end();
    }
  }

  async start(): Promise<void> {
    // Its own process group: what it starts belongs to it.
    const [command, given] = asNobody(program("postgres"), ["-D", join(this.folder, "data")]);
    const child = spawn(command, given, { cwd: "/", stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-4096);
    });
    this.#process = child;
    for (;;) {
      if (child.exitCode !== null) throw new Error(`PostgreSQL did not start: ${said}`);
      try {
        await this.run("SELECT 1");
        return;
      } catch {
        // Not yet: nothing tells when it listens but asking.
        await pause(20);
      }
    }
  }

  async stop(how: "fast" | "kill" = "fast"): Promise<void> {
    const child = this.#process;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    const backends = how === "kill" ? this.backends() : [];
    child.kill(how === "fast" ? "SIGINT" : "SIGKILL");
    await ended;
    // They notice by themselves, but a start before that would be refused.
    for (const pid of backends) await goneAway(pid);
    this.#process = null;
  }

  backends(): readonly number[] {
    const { stdout } = spawnSync("ps", ["-o", "pid=", "--ppid", String(this.pid)], { encoding: "utf8" });
    return stdout.split(/\s+/).flatMap((it) => (it === "" ? [] : [Number(it)]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#folder[Symbol.asyncDispose]();
  }
}

async function goneAway(pid: number): Promise<void> {
  while (existsSync(`/proc/${pid}`) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8")))
    await pause(10);
}

function program(name: string): string {
  return join(programs as string, name);
}

/** The command that runs `path` as somebody who may not do everything. */
function asNobody(path: string, given: readonly string[]): [string, string[]] {
  if (!isRoot) return [path, [...given]];
  const ids = [`--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups"];
  return ["setpriv", [...ids, "--", path, ...given]];
}

function newestPrograms(): string | null {
  const own = Bun.which("initdb");
  const versions = existsSync(debianFolder) ? readdirSync(debianFolder).map(Number) : [];
  const newest = Math.max(0, ...versions.filter((it) => it >= oldest));
  if (newest > 0) return join(debianFolder, String(newest), "bin");
  if (own === null) return null;
  const said = spawnSync(own, ["--version"], { encoding: "utf8" }).stdout;
  const version = Number(/ (\d+)/.exec(said)?.[1] ?? 0);
  return version >= oldest ? join(own, "..") : null;
}
