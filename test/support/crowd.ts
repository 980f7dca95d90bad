// Many connections at once from one program (crowd.py, with pyzmq): some that do nothing, some that upload.

import { join } from "node:path";
import type { Lab } from "./lab.ts";
import { type Program, startProgram } from "./programs.ts";

const command = ["/usr/bin/python3", "-B", join(import.meta.dir, "crowd.py")];
const readyMs = 120_000;

/** Opens `count` connections that stay until the program is disposed of: authenticated and silent, or half open. */
export async function startCrowd(lab: Lab, what: "idle" | "half-open", count: number): Promise<Program> {
  const args = ["--home", lab.homes.client, "--port", String(lab.port), "--count", String(count)];
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
}

/** Uploads `crowd-0.raw`, `crowd-1.raw` and so on; says "Uploaded N" after each thousand. */
export function startUploads(lab: Lab, { count, bytes, atOnce }: CrowdUploads): Program {
  const args = ["--home", lab.homes.client, "--port", String(lab.port), "--count", String(count)];
  return startProgram([...command, "upload", ...args, "--bytes", String(bytes), "--at-once", String(atOnce)]);
}
