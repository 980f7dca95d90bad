// A fresh Debian of this machine's release, made by debootstrap from the mirror that this machine uses, and booted in a container
// with systemd as its first process and a network of its own: what happens to a package there happens to nobody else.

import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Program, type ProgramEnd, type ProgramOptions, runProgram, startProgram } from "./programs.ts";

const tools = ["debootstrap", "systemd-nspawn", "nsenter", "dpkg-deb", "lintian"];
const debootstrapMs = 900_000;
const bootMs = 120_000;

/** Why no such Debian can be made here, or `null`. */
export const debianTreeMissing: string | null = whatIsMissing();

function whatIsMissing(): string | null {
  if (process.platform !== "linux" || process.arch !== "x64") return "not Linux on x64";
  if (process.getuid?.() !== 0) return "only root can make a Debian tree";
  const missing = tools.filter((name) => Bun.which(name) === null);
  return missing.length > 0 ? `${missing.join(", ")} missing` : null;
}

/** Debian's release of this machine, such as `bookworm`, and where it has its packages from. */
async function source(): Promise<{ readonly suite: string; readonly mirror: string }> {
  const release = readFileSync("/etc/os-release", "utf8");
  const suite = /^VERSION_CODENAME=(\w+)$/m.exec(release)?.[1];
  const command = [
    "apt-get",
    "indextargets",
    "--format",
    "$(REPO_URI)",
    `Codename: ${suite}`,
    "Identifier: Packages",
  ];
  const [mirror = ""] = (await runProgram(command)).stdout.split("\n");
  if (suite === undefined || mirror === "")
    throw new Error("apt-get knows no mirror for this release: apt-get update");
  return { suite, mirror };
}

export class DebianTree implements AsyncDisposable {
  readonly path: string;
  readonly #container: Program;
  /** Its first process, as this machine numbers it. */
  readonly #init: number;

  private constructor(path: string, container: Program, init: number) {
    this.path = path;
    this.#container = container;
    this.#init = init;
  }

  /** Makes and boots one; takes a minute or two. */
  static async boot(): Promise<DebianTree> {
    const path = mkdtempSync(join(tmpdir(), "dync-test-debian-"));
    // It becomes the root folder of users of its own.
    chmodSync(path, 0o755);
    const include = "--include=systemd,systemd-sysv,libpam-systemd,dbus,adduser,logrotate,man-db";
    const { suite, mirror } = await source();
    const made = await runProgram(
      ["debootstrap", "--variant=minbase", include, suite, path, mirror],
      {},
      debootstrapMs,
    );
    if (made.code !== 0)
      throw new Error(`debootstrap ended with ${made.code}:\n${made.stdout}${made.stderr}`);
    const name = `dync-test-${process.pid}`;
    const container = startProgram([
      ...["systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network"],
      ...["--directory", path, "--machine", name, "--console=pipe", "--boot"],
    ]);
    const init = await booted(container);
    return new DebianTree(path, container, init);
  }

  /** Runs a command of the tree in it, as root, with the environment of a fresh login. */
  async run(
    command: readonly string[],
    options: ProgramOptions = {},
    deadlineMs = 120_000,
  ): Promise<ProgramEnd> {
    return await runProgram([...enter(this.#init), ...command], options, deadlineMs);
  }

  /** As `run`, and fails unless it ends with status 0; returns what it prints. */
  async output(...command: readonly string[]): Promise<string> {
    const end = await this.run(command);
    if (end.code !== 0)
      throw new Error(`${command.join(" ")} ended with ${end.code}:\n${end.stdout}${end.stderr}`);
    return end.stdout;
  }

  /** What a command of this machine begins with, to have the network of the tree. */
  get network(): readonly string[] {
    return ["nsenter", "--target", String(this.#init), "--net", "--"];
  }

  /** Path of a file of the tree, as this machine sees it. */
  file(path: string): string {
    return join(this.path, path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Everything in it dies with its first process, and not with the one who started that.
    process.kill(this.#init, "SIGKILL");
    await this.#container[Symbol.asyncDispose]();
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** What a command in the tree begins with. It ends there by itself: killed from outside it would leave its children behind. */
function enter(init: number): readonly string[] {
  const spaces = ["--mount", "--uts", "--ipc", "--net", "--pid"];
  const environment = [
    "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME=/root",
    "LC_ALL=C.UTF-8",
    "DEBIAN_FRONTEND=noninteractive",
  ];
  return [
    "nsenter",
    "--target",
    String(init),
    ...spaces,
    "--",
    "env",
    "-i",
    ...environment,
    "timeout",
    "110",
  ];
}

/** The first process of the container, when everything that starts with it has started. */
async function booted(container: Program): Promise<number> {
  const deadline = performance.now() + bootMs;
  while (container.running && performance.now() < deadline) {
    const [init] = readFileSync(`/proc/${container.pid}/task/${container.pid}/children`, "utf8").split(" ");
    if (!init) continue;
    const end = await runProgram(
      [...enter(Number(init)), "systemctl", "is-system-running", "--wait"],
      {},
      bootMs,
    );
    if (end.stdout === "running\n") return Number(init);
    if (end.stdout === "degraded\n")
      throw new Error("A service of a fresh Debian did not start in the container");
  }
  throw new Error(`The container did not boot: ${container.stdout}${container.stderr}`);
}
