// The reference programs with pyzmq (`test/interop/*.py`) as processes with typed results.

import { copyFile, mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { KeyFolders } from "./executables.ts";
import { type Program, type ProgramEnd, runProgram, startProgram } from "./programs.ts";

const folder = resolve(import.meta.dir, "../interop");
// Debian's own Python, which is the one that `python3-zmq` belongs to; -B leaves no caches in the checkout.
const python = ["/usr/bin/python3", "-B"];

/** Why the reference programs cannot run here, for the name of a skipped test; `null` when they can. */
export const referenceMissing: string | null = hasPyzmq() ? null : "python3-zmq is not installed";

/** Last line of `reference_client.py`. */
export interface ClientResult {
  readonly identity: string;
  readonly outcome: "finished" | "error" | "timed-out" | "violation" | "cancelled";
  readonly uploadId?: string;
  readonly sha256?: string | null;
  readonly code?: number;
  readonly text?: string;
  readonly sent: { chunks: number; resent: number; bytes: number; lost: number; queries: number };
  /** Messages from the server by command. */
  readonly messages: Readonly<Record<string, number>>;
  /** Seek and credit of each `status-report`. */
  readonly reports: readonly (readonly [number, number])[];
  /** Reports that returned the tag of a question. */
  readonly tagsBack: number;
}

/** Last line of `reference_server.py`. */
export interface ServerResult {
  readonly seen: {
    chunks: number;
    bytes: number;
    ignored: number;
    dropped: number;
    reports: number;
    finished: number;
  };
  readonly messages: Readonly<Record<string, number>>;
  /** How each upload ended: 0 and its SHA-256, or an error's code and text. */
  readonly ended: readonly (readonly [number, string])[];
  readonly violations: readonly string[];
}

export interface ReferenceServer extends AsyncDisposable {
  readonly program: Program;
  readonly port: number;
  /** Ends the server and says what it saw. */
  stop(): Promise<ServerResult>;
}

/** Key folders below `parent`, made by pyzmq, each knowing the other: `client` (user "alice") and `server`. */
export async function makeReferenceKeys(parent: string): Promise<KeyFolders> {
  const homes = { client: join(parent, "client-home"), server: join(parent, "server-home") };
  await mkdir(homes.client, { recursive: true, mode: 0o700 });
  await mkdir(join(homes.server, "clients"), { recursive: true, mode: 0o700 });
  const script =
    "import sys, os, zmq.auth; os.umask(0o077); " +
    "[zmq.auth.create_certificates(f, n) for f, n in zip(sys.argv[1::2], sys.argv[2::2])]";
  const made = await runProgram([...python, "-c", script, homes.client, "client", homes.server, "server"]);
  if (made.code !== 0) throw new Error(made.stderr);
  await copyFile(join(homes.client, "client.key"), join(homes.server, "clients", "alice.key"));
  await copyFile(join(homes.server, "server.key"), join(homes.client, "server.key"));
  return homes;
}

/** Starts the reference server on a free port and waits until it listens. */
export async function startReferenceServer(
  home: string,
  data: string,
  args: readonly string[] = [],
): Promise<ReferenceServer> {
  const command = [...python, join(folder, "reference_server.py"), "--home", home, "--data", data];
  const program = startProgram([...command, "--port", "0", ...args]);
  try {
    const line = await program.line(/"Listening"/);
    const { port } = JSON.parse(line.input ?? "") as { port: number };
    return {
      program,
      port,
      stop: async () => lastJsonLine(await program.stop()) as ServerResult,
      [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
    };
  } catch (error) {
    await program.kill();
    throw error;
  }
}

/** Command line of the reference client that sends `file` to a server on loopback. */
export function referenceClientCommand(
  home: string,
  port: number,
  file: string,
  args: readonly string[],
): string[] {
  const script = join(folder, "reference_client.py");
  return [...python, script, "--home", home, "-p", String(port), ...args, "127.0.0.1", file];
}

/** Command line that asks a server on loopback how the user's uploads are. */
export function referenceStatusCommand(home: string, port: number): string[] {
  const script = join(folder, "reference_status.py");
  return [...python, script, "--home", home, "-p", String(port), "127.0.0.1"];
}

/** Sends `file` with the reference client; `end.code` is its exit status. */
export async function runReferenceClient(
  home: string,
  port: number,
  file: string,
  args: readonly string[] = [],
): Promise<{ end: ProgramEnd; result: ClientResult | null }> {
  const end = await runProgram(referenceClientCommand(home, port, file, args));
  return { end, result: end.stdout === "" ? null : (lastJsonLine(end) as ClientResult) };
}

function lastJsonLine(end: ProgramEnd): unknown {
  const line = end.stdout.trimEnd().split("\n").at(-1);
  if (!line?.startsWith("{")) throw new Error(`No JSON line: ${end.stdout}\n${end.stderr}`);
  return JSON.parse(line);
}

function hasPyzmq(): boolean {
  try {
    return Bun.spawnSync([...python, "-c", "import zmq.auth"], { stderr: "ignore" }).exitCode === 0;
  } catch {
    return false;
  }
}
