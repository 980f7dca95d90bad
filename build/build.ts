// `bun run build`: compiles `dync` and `dync-server` for this machine into `dist/`, unless they are newer than
// everything they are made of. Called by the demo, the tests and the benchmark too.

import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { hostTarget } from "../src/transport/zmq/target.ts";
import { compileProgram } from "./compile.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");
const inputs = ["src", "build", "package.json", "bun.lock"];

/** Paths of the executables. */
export interface Programs {
  readonly dync: string;
  readonly server: string;
}

/** Makes sure that the executables are there and up to date. Throws `DyncError` when one cannot be compiled. */
export async function buildPrograms(): Promise<Programs> {
  const suffix = process.platform === "win32" ? ".exe" : "";
  const programs = { dync: join(dist, `dync${suffix}`), server: join(dist, `dync-server${suffix}`) };
  mkdirSync(dist, { recursive: true });
  await buildUnlessCurrent(join(root, "src/dync.ts"), programs.dync);
  await buildUnlessCurrent(join(root, "src/dync-server.ts"), programs.server);
  return programs;
}

async function buildUnlessCurrent(entry: string, outfile: string): Promise<void> {
  if (existsSync(outfile) && statSync(outfile).mtimeMs > newestInput()) return;
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
  if (Bun.which("git") === null) return "unknown";
  const git = (...arguments_: string[]): string => {
    const { exitCode, stdout } = Bun.spawnSync(["git", ...arguments_], { cwd: root, stderr: "ignore" });
    return exitCode === 0 ? stdout.toString().trim() : "";
  };
  const short = git("rev-parse", "--short=10", "HEAD");
  if (short === "") return "unknown";
  return git("status", "--porcelain", "--untracked-files=no") === "" ? short : `${short}+`;
}

if (import.meta.main) {
  const { dync, server } = await buildPrograms();
  process.stdout.write(`${dync}\n${server}\n`);
}
