// What one key, or many that nobody knows, provoke in a server's log (flood.py, with pyzmq).

import { expect } from "bun:test";
import { join } from "node:path";
import type { Lab } from "./lab.ts";
import { runProgram } from "./programs.ts";

const command = ["/usr/bin/python3", "-B", join(import.meta.dir, "flood.py")];
const deadlineMs = 240_000;

/** Runs flood.py in `mode` against the lab, whose server lives; returns the server's log after it was stopped. */
export async function logAfterFlood(lab: Lab, mode: string, count = 1): Promise<string> {
  const args = ["--home", lab.homes.client, "--port", String(lab.port), "--count", String(count)];
  const end = await runProgram([...command, mode, ...args], {}, deadlineMs);
  expect(end).toMatchObject({ code: 0, stderr: "" });
  await lab.expectAlive();
  return (await lab.server.stop()).stderr;
}

/** For how many messages the lines of `log` with this message stand. */
export function timesTold(log: string, message: string): number {
  const lines = log.split("\n").filter((line) => line.includes(`"message":"${message}"`));
  return lines.reduce((sum, line) => sum + ((JSON.parse(line) as { times?: number }).times ?? 1), 0);
}
