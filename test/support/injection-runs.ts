// Uploads while system calls of one side fail: the Nth of each kind, for N counted up until no call is hit any more.
// Whatever the upload came to, the server lives, nothing unconfirmed is visible, and the same command then succeeds.

import { expect } from "bun:test";
import { existsSync, globSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { expectAftermath } from "./aftermath.ts";
import { type Lab, openLab } from "./lab.ts";
import { type Program, startProgram } from "./programs.ts";
import { inject, injectCommand, injected } from "./system-calls.ts";

export interface InjectionOptions {
  /** Calls of the kernel, as strace names them. */
  readonly calls: string;
  /** As strace writes it: `error=EIO`, `signal=SIGKILL`. */
  readonly fault: string;
  /** The Nth call alone, or that and all after it. */
  readonly persistent?: boolean;
  readonly nMax: number;
  readonly fileBytes?: number;
}

export interface InjectionResult {
  runs: number;
  hits: number;
  /** How often the first command ended with each exit status. */
  codes: Record<string, number>;
}

const KiB = 1024;
const serverArgs = ["--chunk", String(64 * KiB), "--window", "8"];
const fileBytesDefault = 500 * KiB;
const endMs = 90_000;

/** Makes calls of a running server fail, from the moment that it listens. */
export async function runServerFaults(options: InjectionOptions): Promise<InjectionResult> {
  return await runFaults(options, async (lab, name, path, rule, log) => {
    const injection = await inject(lab.server.pid, rule, log);
    // A server that cannot write now says so, and the client does not wait for better times.
    await using client = lab.startSend(["-q", "--retry-for", "10s", "-n", name, path]);
    const { code } = await client.ended(endMs);
    const hits = await injection.end();
    expect({ rule, isRunning: lab.server.running }).toEqual({ rule, isRunning: true });
    return { code, hits };
  });
}

/** Makes calls of clients fail, from their start. */
export async function runClientFaults(options: InjectionOptions): Promise<InjectionResult> {
  return await runFaults(options, async (lab, name, path, rule, log) => {
    await using client = startTraced(lab, name, path, rule, log);
    const { code } = await client.ended(endMs);
    return { code, hits: injected(log) };
  });
}

type Attempt = (
  lab: Lab,
  name: string,
  path: string,
  rule: string,
  log: string,
) => Promise<{ code: number | null; hits: number }>;

async function runFaults(options: InjectionOptions, attempt: Attempt): Promise<InjectionResult> {
  await using lab = await openLab({ inMemory: true, server: serverArgs });
  const path = await lab.file("source.raw", options.fileBytes ?? fileBytesDefault);
  const confirmed = new Map<string, string>();
  const result: InjectionResult = { runs: 0, hits: 0, codes: {} };
  for (let n = 1; n <= options.nMax; n++) {
    const name = `fault-${n}.raw`;
    const rule = `${options.calls}:${options.fault}:when=${n}${options.persistent === true ? "+" : ""}`;
    const attempted = await attempt(lab, name, path, rule, lab.folder.file(`trace-${n}`));
    const { code } = attempted;
    // strace does not write down the call that a signal ended.
    const hits = attempted.hits + (code === null ? 1 : 0);
    result.runs++;
    result.hits += hits;
    result.codes[String(code)] = (result.codes[String(code)] ?? 0) + 1;
    if (code === 0) await lab.expectStored(path, name);
    else await sendAgain(lab, name, path, rule);
    confirmed.set(name, path);
    if (hits === 0) break;
  }
  // What could not be deleted when it should have been goes when the client, and the server, look again.
  expect(await lab.dync(["resume", "-q"])).toMatchObject({ code: 0, stderr: "" });
  await lab.server.stop();
  await lab.start(serverArgs);
  await expectAftermath(lab, confirmed);
  return result;
}

/** After a failed attempt: the same command succeeds, unless the file had got there whole before. */
async function sendAgain(lab: Lab, name: string, path: string, rule: string): Promise<void> {
  const wasThere = existsSync(lab.stored(name));
  if (wasThere) await lab.expectStored(path, name);
  makeDraftsOld(lab);
  const end = await lab.send(["-q", "--retry-for", "30s", "-n", name, path], {}, endMs);
  if (wasThere && end.code === 7) expect(end.stderr).toContain("on the server already");
  else expect({ rule, ...end }).toMatchObject({ rule, code: 0, stderr: "" });
}

/** A client clears away what one that was killed while it saved its state left, once that is an hour old. */
function makeDraftsOld(lab: Lab): void {
  const seconds = Date.now() / 1000 - 2 * 3600;
  for (const draft of globSync("uploads/*.tmp", { cwd: lab.homes.client })) {
    utimesSync(join(lab.homes.client, draft), seconds, seconds);
  }
}

function startTraced(lab: Lab, name: string, path: string, rule: string, log: string): Program {
  const command = [...injectCommand(rule, log), lab.programs.dync, "-q", "--retry-for", "10s"];
  const what = ["-k", "sample:S-17", "-n", name, `127.0.0.1:${lab.port}`, path];
  return startProgram([...command, ...what], { env: { DYNC_HOME: lab.homes.client } });
}
