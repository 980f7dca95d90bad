// The systems that our programs are tested on from this machine: compiled for it, run by Deno from the sources,
// Windows executables under wine, Linux arm64 ones under qemu. `exchange.ts` lets two of them talk to each other.

import { globSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { buildExecutable } from "../../build/release.ts";
import { type ProgramName, programs, type ReleaseTarget } from "../../build/targets.ts";
import { executables } from "./executables.ts";
import { qemuCommand } from "./qemu.ts";
import type { Wine } from "./wine.ts";

/** How programs of one system are started here, and how they name files. */
export interface System {
  readonly name: string;
  command(program: ProgramName, args: readonly string[]): string[];
  path(path: string): string;
  readonly environment: Readonly<Record<string, string>>;
}

const root = resolve(import.meta.dir, "../..");
const deno = globSync("node_modules/@deno/*/deno{,.exe}", { cwd: root }).map((path) => join(root, path))[0];

/** Why Deno cannot be run here, or `null` when it can. */
export const denoIsMissing: string | null =
  deno !== undefined && Bun.spawnSync([deno, "--version"]).exitCode === 0 ? null : "no deno for this system";

/** What `bun run build` makes for this machine. */
export async function thisSystem(): Promise<System> {
  const { dync, dyncServer } = await executables();
  const paths = { dync, "dync-server": dyncServer };
  return { name: "here", command: (program, args) => [paths[program], ...args], path: same, environment: {} };
}

/** The sources, in Deno. Only where `denoIsMissing` is `null`. */
export function denoSystem(): System {
  const command = (program: ProgramName, args: readonly string[]): string[] => [
    deno as string,
    "run",
    "-A",
    join(root, "src", `${program}.ts`),
    ...args,
  ];
  return { name: "deno", command, path: same, environment: { NO_COLOR: "1" } };
}

/** Windows executables, built into `folder`. */
export async function windowsSystem(wine: Wine, folder: string): Promise<System> {
  const built = await build("windows-x64", folder);
  wine.prepare(folder);
  return {
    name: "windows-x64",
    command: (program, args) => ["wine", built[program], ...args],
    path: (path) => wine.path(path),
    environment: wine.environment,
  };
}

/** Linux arm64 executables, built into `folder`. */
export async function arm64System(folder: string): Promise<System> {
  const built = await build("linux-arm64", folder);
  return {
    name: "linux-arm64",
    command: (program, args) => qemuCommand(built[program], args),
    path: same,
    environment: {},
  };
}

async function build(target: ReleaseTarget, folder: string): Promise<Record<ProgramName, string>> {
  await mkdir(folder, { recursive: true });
  const paths: string[] = [];
  for (const program of programs) paths.push(await buildExecutable(program, target, folder));
  return { dync: paths[0] as string, "dync-server": paths[1] as string };
}

function same(path: string): string {
  return path;
}
