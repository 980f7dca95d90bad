// Sends hostile peers (fuzz.py) at a lab's server, many at a time; an honest upload goes through every now and then.
// Names the seed, so that the same peers can be sent again.

import { expect } from "bun:test";
import { join } from "node:path";
import { frameBytesMax, limits } from "../../src/protocol/limits.ts";
import type { Lab } from "./lab.ts";
import { startProgram } from "./programs.ts";

export interface FuzzRun {
  readonly who: "stranger" | "insider";
  readonly seed: number;
  /** Connections at most. */
  readonly connections?: number;
  /** Ends sooner after so long. */
  readonly seconds: number;
  readonly atOnce: number;
}

/** What a run did. */
export interface FuzzResult {
  /** Connections by kind of attack. */
  readonly counts: Readonly<Record<string, number>>;
  /** Connections that the server ended before the attack was over. */
  readonly hungUp: number;
}

// An insider's connections may each hold an unfinished message of the largest size (24 of them, of many small frames, took
// 240 MB), and its messages are read as fast as it sends them: 360 MB were measured, reached within a minute.
const memoryMax = { stranger: 250_000_000, insider: 450_000_000 };
const graceMs = 60_000;

/** Throws when the server ended, refused an honest upload, or took more memory than it may. */
export async function fuzz(lab: Lab, run: FuzzRun): Promise<FuzzResult> {
  const home = await lab.user("mallory");
  const frameMax = frameBytesMax(limits.chunkBytesDefault);
  const options = {
    home,
    port: lab.port,
    "frame-max": frameMax,
    seed: run.seed,
    seconds: run.seconds,
    "at-once": run.atOnce,
    ...(run.connections === undefined ? {} : { connections: run.connections }),
  };
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const program = ["/usr/bin/python3", "-B", join(import.meta.dir, "fuzz.py"), run.who, ...args];
  await using peers = startProgram(program);
  let isOver = false;
  const ended = peers.ended(run.seconds * 1000 + graceMs).finally(() => {
    isOver = true;
  });
  // A server that ended is said as that, not as an upload that waits for it.
  const died = lab.server.ended(2 ** 31 - 1).then(({ code, signal, stderr }) => {
    const reason = /^.*[Aa]ssert.*$/m.exec(stderr)?.[0] ?? stderr.slice(-500);
    throw new Error(`The server ended with ${code ?? signal}: ${reason}`);
  });
  died.catch(() => {});
  while (!isOver) await Promise.race([lab.expectAlive(), died]);
  const end = await ended;
  expect(end).toMatchObject({ code: 0, stderr: "" });
  await lab.expectAlive();
  expect(await lab.serverMemoryMax()).toBeLessThan(memoryMax[run.who]);
  return JSON.parse(end.stdout) as FuzzResult;
}
