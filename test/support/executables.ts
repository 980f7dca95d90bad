// The compiled programs for end-to-end tests and the benchmark, built once when they are older than what they
// are made from; and how their keys are made and their server is started.

import { existsSync, globSync, statSync } from "node:fs";
import { chmod, copyFile, mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { lastingPort } from "./ports.ts";
import { type Program, type ProgramOptions, runProgram, startProgram } from "./programs.ts";

export interface Executables {
  readonly dync: string;
  readonly dyncServer: string;
}

const root = resolve(import.meta.dir, "../..");
const suffix = process.platform === "win32" ? ".exe" : "";
const built: Executables = {
  dync: join(root, "dist", `dync${suffix}`),
  dyncServer: join(root, "dist", `dync-server${suffix}`),
};
const buildDeadlineMs = 300_000;

/** Why no executables can be had here, for the name of a skipped test; `null` when they can. */
export const executablesMissing: string | null =
  existsSync(join(root, "build/build.ts")) && existsSync(join(root, "src/dync.ts"))
    ? null
    : "no build/build.ts";

let building: Promise<Executables> | null = null;

/** Paths of both executables, up to date with the sources. */
export function executables(): Promise<Executables> {
  building ??= buildIfOlder();
  return building;
}

/** Both programs' key folders below `folder`, each knowing the other: `client` (user "alice") and `server`. */
export async function makeKeys(programs: Executables, folder: string): Promise<KeyFolders> {
  const homes = { client: join(folder, "client-home"), server: join(folder, "server-home") };
  await expectSuccess([programs.dync, "keygen"], { env: { DYNC_HOME: homes.client } });
  await expectSuccess([programs.dyncServer, "keygen"], { env: { DYNC_HOME: homes.server } });
  await mkdir(join(homes.server, "clients"), { recursive: true, mode: 0o700 });
  await copyFile(join(homes.client, "client.key"), join(homes.server, "clients", "alice.key"));
  await copyFile(join(homes.server, "server.key"), join(homes.client, "server.key"));
  await chmod(homes.client, 0o700);
  return homes;
}

/** A key folder below `folder` for one more user, whom the server of `homes` knows at once. */
export async function makeUser(
  programs: Executables,
  folder: string,
  homes: KeyFolders,
  user: string,
): Promise<string> {
  const home = join(folder, `${user}-home`);
  await expectSuccess([programs.dync, "keygen"], { env: { DYNC_HOME: home } });
  await copyFile(join(homes.server, "server.key"), join(home, "server.key"));
  await chmod(home, 0o700);
  await copyFile(join(home, "client.key"), join(homes.server, "clients", `${user}.key`));
  return home;
}

export interface KeyFolders {
  readonly client: string;
  readonly server: string;
}

export interface RunningServer extends AsyncDisposable {
  readonly program: Program;
  readonly port: number;
}

export interface ServerOptions extends ProgramOptions {
  /** Command that the server is started under, such as a tracer with its arguments. */
  readonly under?: readonly string[];
}

/** Starts the server on a free port of loopback and waits until it listens. */
export async function startServer(
  programs: Executables,
  home: string,
  data: string,
  args: readonly string[] = [],
  { under = [], ...options }: ServerOptions = {},
): Promise<RunningServer> {
  const command = [...under, programs.dyncServer, "run", "--data", data, "--bind", "127.0.0.1"];
  const port = args.includes("--port") ? [] : ["--port", String(await lastingPort())];
  const program = startProgram([...command, "--log-format", "json", ...port, ...args], {
    ...options,
    env: { ...options.env, DYNC_HOME: home },
  });
  try {
    const line = await program.line(/"message":\s*"Listening"/);
    const { port } = JSON.parse(line.input ?? "") as { port: number };
    return { program, port, [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
  } catch (error) {
    await program.kill();
    throw error;
  }
}

async function buildIfOlder(): Promise<Executables> {
  const paths = Object.values(built);
  const oldest = Math.min(...paths.map((path) => (existsSync(path) ? statSync(path).mtimeMs : 0)));
  const sources = globSync(["src/**/*", "build/*.ts", "package.json", "bun.lock"], { cwd: root });
  if (sources.every((source) => statSync(join(root, source)).mtimeMs <= oldest)) return built;
  await expectSuccess([process.execPath, "build/build.ts"], { cwd: root }, buildDeadlineMs);
  return built;
}

async function expectSuccess(command: readonly string[], options: ProgramOptions, deadlineMs?: number) {
  const end = await runProgram(command, options, deadlineMs);
  if (end.code !== 0)
    throw new Error(`${command.join(" ")} ended with ${end.code}:\n${end.stdout}\n${end.stderr}`);
}
