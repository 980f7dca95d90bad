// `bun run build`: compiles `dync` and `dync-server` for this machine into `dist/`, unless they are newer than
// everything they are made of. Called by the demo, the tests and the benchmark too.

import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { addonVersion } from "../src/transport/zmq/addon.ts";
import { hostTarget, type Target } from "../src/transport/zmq/target.ts";
import { compileProgram } from "./compile.ts";
import { findOwnLibrary, hasRecipe, makeOwnLibrary, ownLibraryVersion } from "./own-library.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");
const inputs = ["src", "build", "package.json", "bun.lock"];

/** Paths of the executables. */
export interface Programs {
  readonly dync: string;
  readonly server: string;
  /** Which libzmq is in them, and why: one line. */
  readonly library: string;
}

/** Makes sure that the executables are there and up to date. Throws `DyncError` when one cannot be compiled. */
export async function buildPrograms(): Promise<Programs> {
  const suffix = process.platform === "win32" ? ".exe" : "";
  const programs = { dync: join(dist, `dync${suffix}`), server: join(dist, `dync-server${suffix}`) };
  const library = prepareLibrary(hostTarget());
  mkdirSync(dist, { recursive: true });
  await buildUnlessCurrent(join(root, "src/dync.ts"), programs.dync, library.builtMs);
  await buildUnlessCurrent(join(root, "src/dync-server.ts"), programs.server, library.builtMs);
  return { ...programs, library: library.line };
}

interface PreparedLibrary {
  readonly line: string;
  /** When it was built, in ms; 0 for the npm package's. */
  readonly builtMs: number;
}

/**
 * Our own libzmq if it is there or can be built with the tools that are there; a fresh machine with Node alone builds
 * with the npm package's.
 */
function prepareLibrary(target: Target): PreparedLibrary {
  if (!hasRecipe(target)) return { line: `libzmq ${addonVersion} of the npm package: no recipe`, builtMs: 0 };
  const found = findOwnLibrary(target);
  if (found === null)
    process.stderr.write(
      "There is no libzmq of our own yet: it is built now if the tools are there, once, for some minutes\n",
    );
  const { path, reason } = found === null ? makeOwnLibrary(target, false) : { path: found, reason: "" };
  if (path === null)
    return { line: `libzmq ${addonVersion} of the npm package, without patches: ${reason}`, builtMs: 0 };
  return { line: `libzmq ${ownLibraryVersion}`, builtMs: statSync(path).mtimeMs };
}

async function buildUnlessCurrent(entry: string, outfile: string, libraryMs: number): Promise<void> {
  if (existsSync(outfile) && statSync(outfile).mtimeMs > Math.max(newestInput(), libraryMs)) return;
  const target = hostTarget();
  const define = { DYNC_BUILD_COMMIT: JSON.stringify(commit()) };
  // Beside its place first: who runs the old one goes on, and two builds at once do not mix.
  const draft = `${outfile}.${process.pid}`;
  await compileProgram({ entry, target, outfile: draft, define, ownRuntime: true });
  renameSync(existsSync(draft) ? draft : `${draft}.exe`, outfile);
}

/** When the newest file that goes into the executables was written, in ms. */
function newestInput(): number {
  let newest = 0;
  for (const input of inputs) {
    const path = join(root, input);
    const files = statSync(path).isDirectory()
      ? readdirSync(path, { recursive: true, encoding: "utf8" })
          .filter((name) => !/^(stage|cache)\b/.test(name))
          .map((name) => join(path, name))
      : [path];
    for (const file of files) newest = Math.max(newest, statSync(file).mtimeMs);
  }
  return newest;
}

/** Short name of the commit that is checked out, with `+` when files differ from it; `unknown` outside git. */
export function commit(): string {
  const short = git("rev-parse", "--short=10", "HEAD");
  if (short === "") return "unknown";
  return git("status", "--porcelain", "--untracked-files=no") === "" ? short : `${short}+`;
}

/** When that commit was made, in seconds since 1970; `null` outside git. */
export function commitTime(): number | null {
  return Number(git("log", "-1", "--format=%ct")) || null;
}

/** What git answers about this checkout; empty where it cannot. */
function git(...arguments_: readonly string[]): string {
  if (Bun.which("git") === null) return "";
  const { exitCode, stdout } = Bun.spawnSync(["git", ...arguments_], { cwd: root, stderr: "ignore" });
  return exitCode === 0 ? stdout.toString().trim() : "";
}

if (import.meta.main) {
  const { dync, server, library } = await buildPrograms();
  process.stderr.write(`${library}\n`);
  process.stdout.write(`${dync}\n${server}\n`);
}
