// Runs Windows executables under wine, in a Windows profile of its own that is thrown away afterwards.
// Tests that use it are skipped by name where `wineIsMissing` gives a reason. It must not touch the user's own
// wine prefix, and it ends no process of any other prefix.

import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const buildScript = join(import.meta.dir, "wine", "build.sh");

export interface WineRun {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface WineOptions {
  readonly cwd?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** Why Windows executables cannot be run here, or `null` when they can. */
export const wineIsMissing: string | null = reasonAgainstWine();

/** One wine prefix. Executables must lie in folders given to `prepare` first. */
export class Wine implements AsyncDisposable {
  readonly prefix = mkdtempSync(join(tmpdir(), "dync-wine-"));
  /** What a program needs to run in this prefix. */
  readonly environment = {
    PATH: process.env.PATH ?? "",
    LANG: "C.UTF-8",
    HOME: this.prefix,
    // Programs find the prefix's wineserver there: all of them the same one.
    TMPDIR: tmpdir(),
    WINEPREFIX: this.prefix,
    WINEARCH: "win64",
    WINEDEBUG: "-all",
    // No questions about Mono and Gecko, which nothing here uses.
    // Where `addScheduler` put a stand-in, that one.
    WINEDLLOVERRIDES: "mscoree,mshtml=;schtasks.exe=n,b",
  };

  /** A new prefix, set up and ready. Takes some seconds. */
  static async start(): Promise<Wine> {
    const wine = new Wine();
    // Stays until it is told to end. Otherwise the next program starts the system's services again, and they keep that
    // program's output open: to whoever reads it, a server that was killed lives as long as any program.
    await wine.#setUp(["wineserver", "-p"]);
    await wine.#setUp(["wineboot", "-i"]);
    return wine;
  }

  /** Puts the DLL that wine 8 lacks into `folder`, beside the executables. */
  prepare(folder: string): void {
    copyFileSync(standInLibrary(), join(folder, "bcryptprimitives.dll"));
  }

  /** Puts a stand-in for the task scheduler into the prefix: wine's own starts nothing. Returns the folder of its tasks. */
  async addScheduler(): Promise<string> {
    const system = join(this.prefix, "drive_c/windows/system32");
    const source = join(import.meta.dir, "wine/schtasks.ts");
    await buildForWindows(source, join(system, "schtasks.exe"));
    this.prepare(system);
    return join(system, "stand-in-tasks");
  }

  /** How a Windows program names the file at `path`. */
  path(path: string): string {
    return `Z:${resolve(path).replaceAll("/", "\\")}`;
  }

  spawn(executable: string, args: readonly string[], options: WineOptions = {}) {
    return Bun.spawn(["wine", executable, ...args], {
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: { ...this.environment, ...options.environment },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
  }

  /** As `run`, where what the program starts goes on, and would keep a pipe open. */
  async runToFiles(executable: string, args: readonly string[], options: WineOptions = {}): Promise<WineRun> {
    const [out, err] = ["stdout", "stderr"].map((it) => join(this.prefix, it)) as [string, string];
    for (const file of [out, err]) rmSync(file, { force: true });
    const child = Bun.spawn(["wine", executable, ...args], {
      env: { ...this.environment, ...options.environment },
      stdin: "ignore",
      stdout: Bun.file(out),
      stderr: Bun.file(err),
    });
    const exitCode = await child.exited;
    const text = async (file: string): Promise<string> =>
      (await Bun.file(file).text()).replaceAll("\r\n", "\n");
    return { exitCode, stdout: await text(out), stderr: await text(err) };
  }

  async run(executable: string, args: readonly string[], options: WineOptions = {}): Promise<WineRun> {
    const child = this.spawn(executable, args, options);
    const [stdout, stderr, exitCode] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    return { exitCode, stdout: stdout.replaceAll("\r\n", "\n"), stderr: stderr.replaceAll("\r\n", "\n") };
  }

  async #setUp(command: readonly string[]): Promise<void> {
    const { exited } = Bun.spawn([...command], {
      env: this.environment,
      stdout: "ignore",
      stderr: "ignore",
    });
    if ((await exited) !== 0) throw new Error(`${command.join(" ")} failed`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const wineserver = Bun.spawn(["wineserver", "-k"], {
      env: this.environment,
      stdout: "ignore",
      stderr: "ignore",
    });
    await wineserver.exited;
    rmSync(this.prefix, { recursive: true, force: true, maxRetries: 5 });
  }
}

function reasonAgainstWine(): string | null {
  if (process.platform !== "linux" || process.arch !== "x64") return "not on Linux x64";
  for (const tool of ["wine", "wineboot", "wineserver"]) {
    if (Bun.which(tool) === null) return `no ${tool} here`;
  }
  return spawnSync(buildScript, [], { stdio: "ignore" }).status === 0 ? null : "no mingw compiler here";
}

async function buildForWindows(source: string, outfile: string): Promise<void> {
  const target = ["--target=bun-windows-x64", "--outfile", outfile];
  const build = Bun.spawn([process.execPath, "build", "--compile", ...target, source], {
    stdout: "ignore",
    stderr: "pipe",
  });
  if ((await build.exited) !== 0) throw new Error(await new Response(build.stderr).text());
}

function standInLibrary(): string {
  const build = spawnSync(buildScript, [], { encoding: "utf8" });
  if (build.status !== 0) throw new Error(build.stderr);
  return build.stdout.trim();
}
