// Our own pair with other sizes of chunks and other windows: the defaults in `src/protocol/limits.ts` come from it.

import type { Peer } from "./peer.ts";
import { dyncPeerWith } from "./peers/dync.ts";
import { align, median, type PeerResult, speed } from "./table.ts";

const chunks = ["64KiB", "128KiB", "256KiB", "512KiB", "1MiB", "2MiB"];
const windows = [8, 16, 32, 64, 128];

/** One peer for each combination. */
export function sweepPeers(): Peer[] {
  return chunks.flatMap((chunk) =>
    windows.map((window) =>
      // The budget is out of the way: one upload may always use its whole window.
      dyncPeerWith(name(chunk, window), ["--chunk", chunk, "--window", String(window), "--memory", "1GiB"]),
    ),
  );
}

/** MB/s and the server's memory for each combination: chunks down, windows across. */
export function sweepLines(results: readonly PeerResult[], sizeBytes: number): string[] {
  const cell = (chunk: string, window: number) => {
    const rounds = results.find((result) => result.name === name(chunk, window))?.rounds ?? [];
    if (rounds.length === 0) return "-";
    const memory = Math.max(...rounds.map((round) => round.serverBytesMax + round.clientBytesMax));
    return `${median(rounds.map((round) => speed(round, sizeBytes))).toFixed(0)} (${(memory / 1e6).toFixed(0)})`;
  };
  const header = ["chunk", ...windows.map((window) => `window ${window}`), ""];
  const rows = chunks.map((chunk) => [chunk, ...windows.map((window) => cell(chunk, window)), ""]);
  const reasons = new Set(results.flatMap((result) => (result.skipped === null ? [] : [result.skipped])));
  return [
    "MB/s (megabytes of memory, both sides together)",
    ...align([header, ...rows]),
    ...[...reasons].map((reason) => `skipped: ${reason}`),
  ];
}

function name(chunk: string, window: number): string {
  return `dync-${chunk}-${window}`;
}
