// What a watcher of 200,000 files takes, as a table: test/support/watched-tree.ts measures it.

import { watchedCases, watchFigures } from "../test/support/watched-tree.ts";
import { align, median } from "./table.ts";

export interface WatchedOptions {
  /** How long each case is watched after its first look. */
  readonly minutes: number;
  /** Names of cases; `undefined`: all. */
  readonly only: readonly string[] | undefined;
  readonly progress: (text: string) => void;
}

/** Returns the lines of a table. */
export async function watchedLines({ minutes, only, progress }: WatchedOptions): Promise<readonly string[]> {
  const rows = [["200,000 files", "peak MB", "MB", "first CPU s", "looks", "CPU s", "s", "% of a core"]];
  for (const it of watchedCases) {
    if (only !== undefined && !only.includes(it.name)) continue;
    progress(it.name);
    const { bytesMax, bytes, first, looks, share } = await watchFigures(it, minutes * 60_000);
    const [cpu, wall] = [looks.map(({ cpuSeconds }) => cpuSeconds), looks.map(({ seconds }) => seconds)];
    const shown = (values: readonly number[]): string =>
      values.length === 0 ? "-" : median(values).toFixed(2);
    rows.push([
      ...[it.name, (bytesMax / 1e6).toFixed(0), (bytes / 1e6).toFixed(0), first.cpuSeconds.toFixed(2)],
      ...[String(looks.length), shown(cpu), shown(wall), (share * 100).toFixed(2)],
    ]);
  }
  return align(rows);
}
