// CephFS, the file system that several machines share: a monitor, a disk in memory and a metadata server from Debian's packages (ceph-mon,
// ceph-osd, ceph-mds), and mounts of it by ceph-fuse. Each mount is a client of its own, as on a machine of its own: what one has written and
// not synced is lost with it, and nobody else sees it.

import { randomUUID } from "node:crypto";
import { accessSync, constants } from "node:fs";
import { mkdir, rm, stat, writeFile } from "node:fs/promises";
import { sleep, systemClock } from "../../src/base/clock.ts";
import { lastingPort } from "./ports.ts";
import { type Program, runProgram, startProgram } from "./programs.ts";
import { type TempFolder, tempFolder } from "./temp-folder.ts";

const needed = ["ceph", "monmaptool", "ceph-mon", "ceph-osd", "ceph-mds", "ceph-fuse"];

/** Why it cannot be mounted here, for the name of a skipped test; `null` when it can. */
export const cephFsMissing: string | null = whatIsMissing();

// Daemons of Ceph start slowly, and beside other tests more so.
const startMs = 120_000;

function whatIsMissing(): string | null {
  const absent = needed.filter((program) => Bun.which(program) === null);
  if (absent.length > 0) return `no ${absent.join(", no ")} here`;
  if (process.getuid?.() !== 0) return "only root can mount CephFS";
  try {
    accessSync("/dev/fuse", constants.R_OK | constants.W_OK);
    return null;
  } catch {
    return "no /dev/fuse here";
  }
}

/** Starts one; nothing is mounted yet. */
export async function startCephFs(): Promise<CephFs> {
  const folder = await tempFolder();
  const stack = new AsyncDisposableStack();
  stack.use(folder);
  try {
    const [fsid, address] = [randomUUID(), `[v2:127.0.0.1:${await lastingPort()}]`];
    const conf = await writeConfiguration(folder, fsid, address);
    const [map, osd] = [folder.file("monmap"), randomUUID()];
    await outputOf(["monmaptool", "--create", "--fsid", fsid, "--addv", "a", address, map]);
    await outputOf(["ceph-mon", "-i", "a", "--mkfs", "--monmap", map, "-c", conf]);
    const monitor = stack.use(startProgram(["ceph-mon", "-i", "a", "-f", "-c", conf]));
    const fs = new CephFs(conf, monitor, folder, stack);
    await fs.ceph(`osd new ${osd}`, "osd pool create meta 4", "osd pool create files 4");
    await outputOf(["ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd, "-c", conf]);
    stack.use(startProgram(["ceph-osd", "-i", "0", "-f", "-c", conf]));
    await fs.ceph("fs new lab meta files");
    const mds = stack.use(startProgram(["ceph-mds", "-i", "m", "-f", "-c", conf]));
    await isActive(mds, conf);
    return fs;
  } catch (error) {
    await stack[Symbol.asyncDispose]();
    throw error;
  }
}

// A client that comes earlier gives up after a while.
async function isActive(mds: Program, conf: string): Promise<void> {
  const deadline = performance.now() + startMs;
  while (!(await outputOf(["ceph", "-c", conf, "mds", "stat"])).includes("=up:active")) {
    if (!mds.running || performance.now() > deadline)
      throw new Error(`The metadata server does not come up: ${mds.stderr}`);
    await sleep(systemClock, 200);
  }
}

/**
 * Has a mount end with the monitor, whatever ends that: the runner of the tests ends all that a test started which takes too long, and whoever
 * asks a file system that answers nothing any more waits for ever, with all who look at that process.
 */
async function watchOver(monitor: number, client: number, path: string): Promise<void> {
  const release = `umount -l '${path}'`;
  // What was killed stays there, as a zombie, while who started it waits for the file system. No program is started to look: twice a second
  // for two mounts that took 7 % of a processor.
  const lives =
    "lives() { { read -r stat < /proc/$1/stat; } 2>/dev/null && case $stat in *') Z '*) false ;; esac; }";
  const watch = `${lives}; while lives ${monitor}; do lives ${client} || { ${release}; exit; }; sleep 0.5; done; kill -9 ${client}; ${release}`;
  // Nobody's child, with none of our pipes: it is not ended with the others.
  await outputOf(["setsid", "-f", "sh", "-c", `exec </dev/null >/dev/null 2>&1; ${watch}`]);
}

async function writeConfiguration(folder: TempFolder, fsid: string, address: string): Promise<string> {
  for (const name of ["mon", "osd", "mds"]) await mkdir(folder.file(name));
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
    "ms_mon_client_mode = crc",
    ...["mon", "osd", "mds"].map((name) => `${name}_data = ${folder.file(name)}`),
    `admin_socket = ${folder.file("$name.$pid.sock")}`,
    `run_dir = ${folder.path}`,
    "log_file =",
    "mon_cluster_log_file =",
    "osd_objectstore = memstore",
    `memstore_device_bytes = ${4 * 1024 ** 3}`,
    "osd_pool_default_size = 1",
    "osd_pool_default_min_size = 1",
    "osd_crush_chooseleaf_type = 0",
    "osd_pool_default_pg_autoscale_mode = off",
    "mon_allow_pool_size_one = true",
    "mon_max_pg_per_osd = 1000",
    // What one client waits for that another one has changed may be done at the next tick only: by itself that is every 5 s.
    "mds_tick_interval = 0.1",
  ];
  const conf = folder.file("ceph.conf");
  await writeFile(conf, `${lines.join("\n")}\n`);
  return conf;
}

export class CephFs implements AsyncDisposable {
  readonly #conf: string;
  readonly #folder: TempFolder;
  readonly #stack: AsyncDisposableStack;
  readonly #monitor: Program;
  #mounts = 0;

  constructor(conf: string, monitor: Program, folder: TempFolder, stack: AsyncDisposableStack) {
    this.#conf = conf;
    this.#monitor = monitor;
    this.#folder = folder;
    this.#stack = stack;
  }

  /** Mounts it once more; resolves when it is there. */
  async mount(): Promise<CephMount> {
    const name = `host${++this.#mounts}`;
    const path = this.#folder.file(name);
    await mkdir(path);
    const before = (await stat(path)).dev;
    const program = startProgram(["ceph-fuse", "-f", "-c", this.#conf, "-n", `client.${name}`, path]);
    const mount = this.#stack.use(new CephMount(path, program, () => this.#evict(name)));
    await watchOver(this.#monitor.pid, program.pid, path);
    const deadline = performance.now() + startMs;
    while ((await stat(path)).dev === before) {
      if (!program.running || performance.now() > deadline)
        throw new Error(`CephFS is not mounted: ${program.stderr}`);
      await sleep(systemClock, 50);
    }
    return mount;
  }

  /** Runs commands of the program `ceph`, one after the other. */
  async ceph(...commands: readonly string[]): Promise<void> {
    const stdin = new Blob([`${commands.join("\n")}\n`]);
    const { code, stdout, stderr } = await runProgram(["ceph", "-c", this.#conf], { stdin }, startMs);
    const wrong = /^(?:Error|Invalid|no valid command).*/m.exec(stdout + stderr);
    if (code !== 0 || wrong !== null) throw new Error(`ceph ended with ${code}: ${stdout}${stderr}`);
  }

  // The metadata server waits for one that is silent for a minute before it does that itself.
  async #evict(name: string): Promise<void> {
    await outputOf(["ceph", "-c", this.#conf, "tell", "mds.m", "client", "evict", `auth_name=${name}`]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack[Symbol.asyncDispose]();
  }
}

export class CephMount implements AsyncDisposable {
  readonly path: string;
  /** The client, whose memory is that of a machine. */
  readonly program: Program;
  readonly #evict: () => Promise<void>;

  constructor(path: string, program: Program, evict: () => Promise<void>) {
    this.path = path;
    this.program = program;
    this.#evict = evict;
  }

  /** The others do not wait for this machine any more, and nothing that it says counts: what Ceph does about one that is silent. */
  async evict(): Promise<void> {
    await this.#evict();
  }

  /** As when the machine loses its power. */
  async crash(): Promise<void> {
    await this.program.kill();
    await this.evict();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await runProgram(["umount", "-l", this.path]);
    await this.program.kill();
    await rm(this.path, { recursive: true, force: true });
  }
}

async function outputOf(command: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runProgram(command, {}, startMs);
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}: ${stderr}`);
  return stdout;
}
