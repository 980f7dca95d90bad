// Runs one client against a server that runs already, and measures both: wall time from start to end of the
// client, processor time from wait4() and /proc, peak memory from /proc.

import { sleep, systemClock } from "../src/base/clock.ts";
import { descendants, PeakMemory, treeCpuSeconds } from "../test/support/process-tree.ts";
import { type Program, type ProgramOptions, startProgram } from "../test/support/programs.ts";
import type { Transfer } from "./peer.ts";

const deadlineMs = 600_000;
const reapingMs = 20;

/** Runs `command` to its end and measures it together with `server` and all children of both. */
export async function measureTransfer(
  command: readonly string[],
  server: Program,
  options: ProgramOptions = {},
): Promise<Transfer> {
  const cpuBefore = treeCpuSeconds(server.pid);
  const childrenBefore = descendants(server.pid).length;
  const start = systemClock.now();
  await using client = startProgram(command, options);
  const memory = new PeakMemory(client.pid, server.pid);
  const end = await client.ended(deadlineMs).finally(() => memory.stop());
  const seconds = (systemClock.now() - start) / 1000;
  const [clientBytesMax = 0, serverBytesMax = 0] = memory.stop();
  if (end.code !== 0)
    throw new Error(`${command.join(" ")} ended with ${end.code}:\n${end.stdout}\n${end.stderr}`);
  await childrenReaped(server.pid, childrenBefore);
  const cpuSeconds = end.cpuSeconds + treeCpuSeconds(server.pid) - cpuBefore;
  return { seconds, cpuSeconds, clientBytesMax, serverBytesMax };
}

/** The time of a session's process counts only once its parent has waited for it. */
async function childrenReaped(pid: number, before: number): Promise<void> {
  const deadline = systemClock.now() + 10_000;
  while (descendants(pid).length > before && systemClock.now() < deadline)
    await sleep(systemClock, reapingMs);
}
