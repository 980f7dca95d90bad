// For how long a file of a live run has to be quiet before it is given. A file that is given too early is no fault, since it is given
// again, and costs its bytes once more: what is likely to change again waits longer, and all that only until the sign of the end. Pure.

import type { LiveEntry } from "../../client/live/feed.ts";

export type LiveFile = Extract<LiveEntry, { type: "file" }>;

/** A file that is not in the stream as it is now. */
export interface Pending {
  entry: LiveFile;
  version: number;
  /** When it was first seen as one that is to be given, or began to be written where nobody looked. */
  readonly firstAt: number;
  /** When it was first seen as it is. */
  since: number;
  /** The most bytes that it ever had. */
  bytesMost: number;
  /** Whether it was there before anybody looked, and was written long before what was written last. */
  isOld: boolean;
  /** How often it was given, as what it was before. */
  readonly times: number;
}

// A sign is trusted, and not blindly: some instruments write a little more behind it.
export const signShare = 1 / 4;
// What has less in it than it had may be half of it.
const shrunkTimes = 5;
// Who has written for hours pauses for minutes.
const writingShare = 1 / 8;
// What was quiet once, and was written again all the same.
const againTimes = 4;
// Programs say so of what they are not done with.
const unfinishedName = /(?:\.(?:tmp|temp|part|partial|filepart|crdownload|copying|downloading)|~)$/i;

// A system that does not know when a file was made may name the beginning of its calendar.
const writtenMsMax = 30 * 24 * 60 * 60_000;

/** For how long it was written to, in ms, where it was made at `born`, in ns since 1970; 0: that is not known. */
export function writtenMs({ modified }: LiveFile, born: bigint): number {
  const ms = Number(BigInt(modified) - born) / 1e6;
  return ms > 0 && ms <= writtenMsMax ? ms : 0;
}

/** How long what was written to for so long pauses, in ms, and is no more complete than before. */
export function pauseOf(writtenMs: number): number {
  return writtenMs * writingShare;
}

/**
 * How long it has to be quiet, in ms; infinite: until the sign of the end. `settleMs` is for a file of which nothing else is known,
 * `isSigned`: the sign is there.
 */
export function quietMsWanted(
  path: string,
  { entry, firstAt, since, bytesMost, isOld, times }: Pending,
  { settleMs, isSigned }: { readonly settleMs: number; readonly isSigned: boolean },
): number {
  const wantedMs = settleMs * (entry.size < bytesMost ? shrunkTimes : 1);
  if (isSigned) return wantedMs * signShare;
  // A file of no bytes may stay so for hours before it is written to.
  if (entry.size === 0 || unfinishedName.test(path)) return Number.POSITIVE_INFINITY;
  if (times === 0 && isOld) return wantedMs * signShare;
  return Math.max(wantedMs, pauseOf(since - firstAt)) * againTimes ** times;
}
