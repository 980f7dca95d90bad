// How fast an upload is over long lines: our compiled pair through a proxy that keeps bytes in flight (`delay-line.py`), with
// several delays and with none, by turns. `bun bench/bench.ts --delay`.

import { join } from "node:path";
import { startProgram } from "../test/support/programs.ts";
import type { Peer } from "./peer.ts";
import { dyncPeerOver } from "./peers/dync.ts";

const script = join(import.meta.dir, "delay-line.py");

/** The line by which all others are measured: the same proxy, which keeps nothing. */
export const noDelay = "0 ms";

/** The pair over a line of each round trip, in milliseconds; `serverArgs` are arguments for the server. */
export function distancePeers(
  roundTripsMs: readonly number[],
  serverArgs: readonly string[],
): readonly Peer[] {
  return [0, ...roundTripsMs].map((roundTripMs) =>
    dyncPeerOver(`${roundTripMs} ms`, serverArgs, (port) => startLine(port, roundTripMs)),
  );
}

/** A line of so many milliseconds there and back to `port` of this machine. */
export async function startLine(port: number, roundTripMs: number) {
  const program = startProgram(["python3", script, String(port), String(roundTripMs / 2)]);
  const [text] = await program.line(/^\d+$/);
  return { port: Number(text), [Symbol.asyncDispose]: () => program[Symbol.asyncDispose]() };
}
