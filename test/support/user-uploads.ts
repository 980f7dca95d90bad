// Uploads that are no honest neighbours, from one program (user_uploads.py, with pyzmq): such as send nothing, such as do
// nothing but ask, and such of many users as have no end.

import { join } from "node:path";
import type { Lab } from "./lab.ts";
import { type Program, startProgram } from "./programs.ts";

const command = ["/usr/bin/python3", "-B", join(import.meta.dir, "user_uploads.py")];
const readyMs = 120_000;

export interface NeighbourOptions {
  readonly count: number;
  /** Size that each announces, in bytes; none by default. */
  readonly announce?: number;
}

/** Begins uploads of the lab's client that send nothing (`open`), or ask where to go on all the time (`flood`). */
export async function startNeighbours(
  lab: Lab,
  what: "open" | "flood",
  { count, announce }: NeighbourOptions,
): Promise<Program> {
  const args = ["--home", lab.homes.client, "--port", String(lab.port), "--count", String(count)];
  const more = announce === undefined ? [] : ["--announce", String(announce)];
  const program = startProgram([...command, what, ...args, ...more]);
  try {
    await program.line(/^Ready$/, readyMs);
    return program;
  } catch (error) {
    await program.kill();
    throw error;
  }
}

/**
 * Bytes that the server took of each user in some seconds, of so many uploads without an end for each. All of them come
 * from one program: what each user gets is up to the server alone.
 */
export async function bytesByUser(
  lab: Lab,
  users: readonly { readonly home: string; readonly uploads: number }[],
  seconds: number,
): Promise<readonly number[]> {
  const homes = users.map(({ home }) => home).join(",");
  const counts = users.map(({ uploads }) => uploads).join(",");
  const args = [
    "--port",
    String(lab.port),
    "--homes",
    homes,
    "--counts",
    counts,
    "--seconds",
    String(seconds),
  ];
  await using program = startProgram([...command, "endless", ...args]);
  const [, numbers = "[]"] = await program.line(/^Bytes (\[.*\])$/, readyMs);
  return JSON.parse(numbers) as number[];
}
