// Runs `replay.ts` as a process of its own: what an assertion breaks in one run cannot reach a test that way, and
// the output already holds the command that repeats a failure.

import { join } from "node:path";

export interface ReplayResult {
  readonly ok: boolean;
  readonly output: string;
}

/** Runs the simulation in `folder`, a checkout or a copy of one, with the options of `bun run test:sim`. */
export async function replay(folder: string, options: readonly string[]): Promise<ReplayResult> {
  const script = join(folder, "test", "simulation", "replay.ts");
  const child = Bun.spawn([process.execPath, script, ...options], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [output, errors, status] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { ok: status === 0, output: output + errors };
}
