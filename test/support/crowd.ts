// Many connections at once from one program (crowd.py, with pyzmq): some that do nothing, some that upload.

import { join } from "node:path";
import { frameBytesMax, limits } from "../../src/protocol/limits.ts";
import { type Program, startProgram } from "./programs.ts";

const command = ["/usr/bin/python3", "-B", join(import.meta.dir, "crowd.py")];
const readyMs = 120_000;

/**
 * `idle`: authenticated and silent. The others know no key. `silent`, `half-open`: not a word, half a greeting.
 * `half-frames`: the header of a frame as large as any, and all of it but 1 KB. `heartbeats`: authorised clients with
 * ZMTP heartbeats that ask a lot and leave, over and over.
 */
export type Crowd = "idle" | "silent" | "half-open" | "half-frames" | "heartbeats";

/** What a crowd has to know of a server: where it is, and folders with keys that it lets in. `Lab` has all that. */
export interface Crowded {
  readonly port: number;
  readonly homes: { readonly client: string };
  user(name: string): Promise<string>;
}

/** Just below what a server accepts by default. */
const largestFrame = frameBytesMax(limits.chunkBytesDefault);

/**
 * Opens `count` connections that stay until the program is disposed of; what the server closes is opened again. Those with
 * a key are another user's than the lab's own uploads.
 */
export async function startCrowd(server: Crowded, what: Crowd, count: number): Promise<Program> {
  const sizes = ["--count", String(count), "--bytes", String(largestFrame)];
  const home = what === "heartbeats" ? await server.user("crowd") : server.homes.client;
  const args = ["--home", home, "--port", String(server.port), ...sizes];
  const crowd = startProgram([...command, what, ...args]);
  try {
    await crowd.line(/^Ready$/, readyMs);
    return crowd;
  } catch (error) {
    await crowd.kill();
    throw error;
  }
}

export interface CrowdUploads {
  readonly count: number;
  readonly bytes: number;
  readonly atOnce: number;
  /** Names begin with it; "crowd" unless given. */
  readonly prefix?: string;
}

/** Uploads `crowd-0.raw`, `crowd-1.raw` and so on; says "Uploaded N" after each thousand. */
export function startUploads(
  { homes, port }: Pick<Crowded, "homes" | "port">,
  { count, bytes, atOnce, prefix = "crowd" }: CrowdUploads,
): Program {
  const args = ["--home", homes.client, "--port", String(port), "--count", String(count), "--prefix", prefix];
  return startProgram([...command, "upload", ...args, "--bytes", String(bytes), "--at-once", String(atOnce)]);
}
