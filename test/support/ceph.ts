// Ceph's object store as sites run it, one of each daemon, with its objects in memory: what the S3 storage is tested against. Debian's
// packages ceph-mon, ceph-osd and radosgw. All of it is in a temporary folder, on free ports of loopback, and ends by its own process ids.

import { randomUUID } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { lastingPort } from "./ports.ts";
import { type Program, runProgram, startProgram } from "./programs.ts";
import { type TempFolder, tempFolder } from "./temp-folder.ts";

const needed = ["ceph", "monmaptool", "ceph-mon", "ceph-osd", "radosgw", "radosgw-admin"];
const absent = needed.filter((program) => Bun.which(program) === null);

/** Why there is no Ceph here, for the name of a skipped test; `null` when there is one. */
export const cephMissing: string | null = absent.length > 0 ? `no ${absent.join(", no ")} here` : null;

// Daemons of Ceph start slowly, and beside other tests more so.
const startMs = 300_000;
// As the gateway writes it down: beast: 0x…: 127.0.0.1 - dync [29/Nov/2025:09:43:00.000 +0000] "PUT /bucket/key?partNumber=1 HTTP/1.1" 200 …
const answered = /beast: \S+ \S+ - \S+ \[[^\]]*\] "([A-Z]+) (\S+) HTTP\/1\.1" (\d+) /g;
const userOptions = ["--uid", "dync", "--display-name", "dync"];

export interface CephUser {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** One that the gateway has answered. */
export interface StoreRequest {
  readonly method: string;
  readonly key: string;
  readonly query: URLSearchParams;
  readonly status: number;
}

export interface CephOptions {
  /** Objects are in a file, as on a disk, and there when the daemon of the disk is started again: slower than memory. */
  readonly lasting?: boolean;
  /** Paths of a certificate and its key: the gateway speaks TLS as well, at another port. */
  readonly tls?: { readonly certificate: string; readonly key: string };
  /** The gateway takes a name below this one for that of a bucket. */
  readonly domain?: string;
}

/** Starts a monitor, a disk and a gateway, and makes one user. */
export async function startCeph(options: CephOptions = {}): Promise<Ceph> {
  const folder = await tempFolder();
  const stack = new AsyncDisposableStack();
  stack.use(folder);
  try {
    const [fsid, address] = [randomUUID(), `[v2:127.0.0.1:${await lastingPort()}]`];
    const conf = await writeConfiguration(folder, fsid, address, options);
    const run = (command: readonly string[]): Promise<string> => outputOf([...command, "-c", conf]);
    // Without a map of its own it would listen on the port that all of them have.
    const map = folder.file("monmap");
    await outputOf(["monmaptool", "--create", "--fsid", fsid, "--addv", "a", address, map]);
    await run(["ceph-mon", "-i", "a", "--mkfs", "--monmap", map]);
    stack.use(startProgram(["ceph-mon", "-i", "a", "-f", "-c", conf]));
    const osd = randomUUID();
    await run(["ceph", "osd", "new", osd]);
    await run(["ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd]);
    const [port, tlsPort] = [await lastingPort(), await lastingPort()];
    const tls = options.tls ?? null;
    const ceph = new Ceph({ conf, requestsLog: requestsLog(folder), port, tlsPort, tls, stack });
    ceph.startDisk();
    await ceph.startGateway();
    await ceph.makeUser();
    return ceph;
  } catch (error) {
    await stack[Symbol.asyncDispose]();
    throw error;
  }
}

// Each bound has to be above the one before it at any time.
const fullAtOnce = [
  ["nearfull", "0.000001"],
  ["backfillfull", "0.000002"],
  ["full", "0.000003"],
] as const;
const fullAsEver = [
  ["full", "0.95"],
  ["backfillfull", "0.9"],
  ["nearfull", "0.85"],
] as const;
const inMemory = ["osd_objectstore = memstore", `memstore_device_bytes = ${8 * 1024 ** 3}`];
const inFile = [
  "osd_objectstore = bluestore",
  // The file has holes, and is no larger than what was ever in it.
  `bluestore_block_size = ${64 * 1024 ** 3}`,
  "osd_memory_target = 939524096",
  // Who comes back after SIGKILL is not to be waited for.
  "osd_fast_fail_on_connection_refused = true",
];

async function writeConfiguration(
  folder: TempFolder,
  fsid: string,
  address: string,
  { lasting = false, domain }: CephOptions,
): Promise<string> {
  for (const name of ["mon", "osd"]) await mkdir(folder.file(name));
  const lines = [
    "[global]",
    `fsid = ${fsid}`,
    "mon_initial_members = a",
    `mon_host = ${address}`,
    "ms_bind_msgr1 = false",
    "public_addr = 127.0.0.1",
    "auth_cluster_required = none",
    "auth_service_required = none",
    "auth_client_required = none",
    // The gateway wants an encrypted connection to the monitor unless it is told, and there are no keys for one.
    "ms_mon_client_mode = crc",
    `mon_data = ${folder.file("mon")}`,
    `osd_data = ${folder.file("osd")}`,
    `admin_socket = ${folder.file("$name.sock")}`,
    `run_dir = ${folder.path}`,
    "log_file =",
    "mon_cluster_log_file =",
    ...(lasting ? inFile : inMemory),
    "osd_pool_default_size = 1",
    "osd_pool_default_min_size = 1",
    "osd_pool_default_pg_num = 4",
    "osd_crush_chooseleaf_type = 0",
    "osd_pool_default_pg_autoscale_mode = off",
    "mon_allow_pool_size_one = true",
    "mon_max_pg_per_osd = 1000",
    "rgw_enable_usage_log = false",
    "rgw_thread_pool_size = 32",
    // A part that is overwritten, or nobody's any more, goes at once: tests look for what is left.
    "rgw_gc_obj_min_wait = 1",
    "rgw_gc_processor_period = 1",
    "rgw_gc_max_objs = 1",
    "rgw_enable_lc_threads = false",
    "rgw_enable_quota_threads = false",
    "rgw_dynamic_resharding = false",
    ...(domain === undefined ? [] : [`rgw_dns_name = ${domain}`]),
    // Of each request that the gateway has answered it says what was asked, and what it answered.
    "[client.rgw]",
    `log_file = ${requestsLog(folder)}`,
  ];
  const conf = folder.file("ceph.conf");
  await writeFile(conf, `${lines.join("\n")}\n`);
  return conf;
}

function requestsLog(folder: TempFolder): string {
  return folder.file("requests.log");
}

interface CephParts {
  readonly conf: string;
  readonly requestsLog: string;
  readonly port: number;
  readonly tlsPort: number;
  readonly tls: NonNullable<CephOptions["tls"]> | null;
  readonly stack: AsyncDisposableStack;
}

export class Ceph implements AsyncDisposable {
  readonly #parts: CephParts;
  #gateway: Program | null = null;
  #disk: Program | null = null;
  #user: CephUser = { accessKeyId: "", secretAccessKey: "" };

  constructor(parts: CephParts) {
    this.#parts = parts;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.#parts.port}`;
  }

  /** Where the gateway speaks TLS, if it does. */
  get tlsPort(): number {
    return this.#parts.tlsPort;
  }

  get user(): CephUser {
    return this.#user;
  }

  /** The daemon of its disk, to be frozen; to be killed only where what it has is lasting. */
  get disk(): Program {
    if (this.#disk === null) throw new Error("The disk does not run");
    return this.#disk;
  }

  /** Starts the daemon of the disk, which has what it had. */
  startDisk(): void {
    const { conf, stack } = this.#parts;
    this.#disk = stack.use(startProgram(["ceph-osd", "-i", "0", "-f", "-c", conf]));
  }

  /** The gateway that runs, to be stopped, frozen or killed. */
  get gateway(): Program {
    if (this.#gateway === null) throw new Error("The gateway does not run");
    return this.#gateway;
  }

  /** Starts the gateway, where it was before if it ran already, and waits until it answers. */
  async startGateway(): Promise<void> {
    const { conf, port, tlsPort, tls, stack } = this.#parts;
    const secure =
      tls &&
      `ssl_endpoint=127.0.0.1:${tlsPort} ssl_certificate=${tls.certificate} ssl_private_key=${tls.key}`;
    const frontend = `beast endpoint=127.0.0.1:${port} ${secure ?? ""}`;
    const names = ["-n", "client.rgw", "-f", "-c", conf];
    const gateway = stack.use(startProgram(["radosgw", ...names, `--rgw-frontends=${frontend}`]));
    this.#gateway = gateway;
    const deadline = performance.now() + startMs;
    for (;;) {
      if (!gateway.running) throw new Error(`radosgw ended: ${gateway.stderr}`);
      const answer = await fetch(this.endpoint, { signal: AbortSignal.timeout(5000) }).catch(() => null);
      if (answer !== null) return;
      if (performance.now() > deadline) throw new Error(`radosgw does not answer: ${gateway.stderr}`);
      await Bun.sleep(100);
    }
  }

  /** Makes the user that tests have, with keys of their own. */
  async makeUser(): Promise<void> {
    const text = await this.admin(["user", "create", ...userOptions]);
    const { keys } = JSON.parse(text) as { keys: { access_key: string; secret_key: string }[] };
    const [key] = keys;
    if (key === undefined) throw new Error("A new user has keys");
    this.#user = { accessKeyId: key.access_key, secretAccessKey: key.secret_key };
  }

  /** What was asked of the gateway that it has answered, in all of its lives; what it did when it was killed may be missing. */
  async requests(): Promise<readonly StoreRequest[]> {
    const text = await readFile(this.#parts.requestsLog, "utf8");
    return Array.from(text.matchAll(answered), ([, method = "", target = "", status]) => {
      const url = new URL(target, this.endpoint);
      // The bucket comes first.
      const key = decodeURIComponent(url.pathname).split("/").slice(2).join("/");
      return { method, key, query: url.searchParams, status: Number(status) };
    });
  }

  /** Runs `radosgw-admin`; returns what it printed. */
  async admin(args: readonly string[]): Promise<string> {
    return await outputOf(["radosgw-admin", ...args, "-n", "client.rgw", "-c", this.#parts.conf]);
  }

  /**
   * Makes the disk count as full, or not any more, by the bound from which on it does; resolves when the cluster says so. Something has to be
   * stored already: a disk without anything is never full.
   */
  async setFull(isFull: boolean): Promise<void> {
    const bounds = isFull ? fullAtOnce : fullAsEver;
    for (const [name, ratio] of bounds) await this.ceph(["osd", `set-${name}-ratio`, ratio]);
    const deadline = performance.now() + startMs;
    while (/^pool .* flags \S*\bfull\b/m.test(await this.ceph(["osd", "dump"])) !== isFull) {
      if (performance.now() > deadline) throw new Error(`The disk does not become ${isFull ? "" : "un"}full`);
      await Bun.sleep(100);
    }
  }

  /** Runs `ceph`; returns what it printed. */
  async ceph(args: readonly string[]): Promise<string> {
    return await outputOf(["ceph", ...args, "-c", this.#parts.conf]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#parts.stack[Symbol.asyncDispose]();
  }
}

async function outputOf(command: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runProgram(command, {}, startMs);
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}: ${stderr}`);
  return stdout;
}
