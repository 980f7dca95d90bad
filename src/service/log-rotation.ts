// When a log is put aside, and what becomes of those that were: `NAME.log`, `NAME.log.1` (the newest of the old ones), … Pure.

export interface LogBounds {
  /** A file has at most so many bytes, unless a single line has more. */
  readonly bytesMax: number;
  /** So many old ones are kept. */
  readonly keptMax: number;
}

export const logBounds: LogBounds = { bytesMax: 4 * 1024 * 1024, keptMax: 4 };

/** Whether the file, which has `bytes`, is put aside before `more` are added. */
export function isToRotate(bytes: number, more: number, { bytesMax }: LogBounds): boolean {
  return bytes > 0 && bytes + more > bytesMax;
}

/** Which file gets which name, in this order: each goes over the one that had it. */
export function rotation(file: string, { keptMax }: LogBounds): readonly (readonly [string, string])[] {
  const names = logFiles(file, { keptMax });
  return names
    .slice(1)
    .map((to, at): readonly [string, string] => [names[at]!, to])
    .toReversed();
}

/** All files of a log, the newest first, whether they are there or not. */
export function logFiles(file: string, { keptMax }: Pick<LogBounds, "keptMax">): readonly string[] {
  return Array.from({ length: keptMax + 1 }, (_, at) => (at === 0 ? file : `${file}.${at}`));
}
