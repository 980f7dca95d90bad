// The benchmark's results as a plain table that fits a terminal of 90 columns.

import type { Bound } from "./bound.ts";
import type { Transfer } from "./peer.ts";

/** All rounds of one peer, or why there are none. */
export interface PeerResult {
  readonly name: string;
  readonly note: string;
  readonly skipped: string | null;
  readonly rounds: readonly Transfer[];
}

const gib = 2 ** 30;

/** Lines of the table; `ours` names the peer that the ratios are relative to. */
export function tableLines(results: readonly PeerResult[], sizeBytes: number, ours: string): string[] {
  const reference = results.find((result) => result.name === ours && result.rounds.length > 0);
  const speedOfOurs = reference ? median(reference.rounds.map((round) => speed(round, sizeBytes))) : null;
  const rows = [["", "MB/s", "min..max", `× ${ours}`, "CPU s/GiB", "client MB", "server MB", ""]];
  for (const { name, note, skipped, rounds } of results) {
    if (rounds.length === 0) {
      rows.push([name, "-", "", "", "", "", "", `skipped: ${skipped ?? "no rounds"}`]);
      continue;
    }
    const speeds = rounds.map((round) => speed(round, sizeBytes));
    const middle = median(speeds);
    rows.push([
      name,
      middle.toFixed(0),
      range(speeds, 0),
      speedOfOurs === null ? "-" : (middle / speedOfOurs).toFixed(2),
      median(rounds.map((round) => (round.cpuSeconds * gib) / sizeBytes)).toFixed(2),
      megabytes(rounds.map((round) => round.clientBytesMax)),
      megabytes(rounds.map((round) => round.serverBytesMax)),
      note,
    ]);
  }
  return align(rows);
}

export function boundLines(bound: Bound): string[] {
  const { cores, sha256, seal, open, copy, megabytesPerSecond } = bound;
  const part = (seconds: number) => seconds.toFixed(2);
  return [
    `The machine's bound: ${megabytesPerSecond.toFixed(0)} MB/s with ${cores} cores. CPU s/GiB: SHA-256 2 × ${part(sha256)},`,
    `  encrypt ${part(seal)}, decrypt ${part(open)}, file → loopback → file ${part(copy)}`,
  ];
}

/** Megabytes (10^6) per second of one round. */
export function speed(round: Transfer, sizeBytes: number): number {
  return sizeBytes / round.seconds / 1e6;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[half - 1] ?? Number.NaN)) / 2;
}

/** The least and the most, as "1.5..2.0". */
export function range(values: readonly number[], digits: number): string {
  return `${Math.min(...values).toFixed(digits)}..${Math.max(...values).toFixed(digits)}`;
}

/** Columns one under the other: text to the left, numbers to the right. */
export function align(rows: readonly (readonly string[])[]): string[] {
  const columns = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column === 0 || column === columns - 1 ? cell.padEnd(width) : cell.padStart(width);
      })
      .join("  ")
      .trimEnd(),
  );
}

function megabytes(values: readonly number[]): string {
  return (Math.max(...values) / 1e6).toFixed(0);
}
