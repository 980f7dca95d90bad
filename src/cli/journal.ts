// Whether standard error is systemd's journal, which has a time of its own for each line, and a level.

import { fstatSync } from "node:fs";
import type { LogLevel } from "../base/log.ts";
import type { Environment } from "./command.ts";

/**
 * Whether what is written to `descriptor` goes straight to the journal: JOURNAL_STREAM has its device and inode then, and other
 * ones where somebody redirected it since.
 */
export function isJournal(descriptor: number, { JOURNAL_STREAM }: Environment): boolean {
  if (!JOURNAL_STREAM) return false;
  try {
    const { dev, ino } = fstatSync(descriptor, { bigint: true });
    return JOURNAL_STREAM === `${dev}:${ino}`;
  } catch {
    // It was closed before we started: nobody reads it.
    return false;
  }
}

/** What stands before a line for the journal to know its level (sd-daemon(3)); it is not shown. */
export const journalPrefixes: Readonly<Record<LogLevel, string>> = {
  debug: "<7>",
  info: "<6>",
  warn: "<4>",
  error: "<3>",
};
