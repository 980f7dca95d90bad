// How long the parts of an upload are: an object has 10,000 at most, and a store takes none below 5 MiB but the last. Pure.

import { DyncError } from "../../base/error.ts";

const MiB = 1024 * 1024;

/** Part numbers that there are. */
export const partNumberMax = 10_000;
/** Parts of one upload that are on their way at once. */
export const partsUnderWayMax = 4;
/** Numbers that a server says beforehand it is going to use: after a crash the next one begins behind them. */
export const numbersAhead = partsUnderWayMax;

const partBytesLeast = 8 * MiB;
// Some are left out each time a server goes on with what another one left.
const partsPlanned = 9000;
// A store takes parts up to 5 GiB, which nobody holds in memory.
const partBytesMost = 1024 * MiB;
// Of a stream nobody knows how much is to come: its parts become longer as it does.
const streamStep = 1000;

/** How long a part may be where `memoryBytes` hold those of all uploads. */
export function partBytesMax(memoryBytes: number): number {
  return Math.max(partBytesLeast, Math.min(partBytesMost, Math.floor(memoryBytes / 4 / MiB) * MiB));
}

/** Length of the parts of an upload of `size` bytes (`undefined`: nobody knows), when it had so many before. */
export function partBytesOf(size: number | undefined, before: number, memoryBytes: number): number {
  const most = partBytesMax(memoryBytes);
  const wanted =
    size === undefined
      ? partBytesLeast * 2 ** Math.floor(before / streamStep)
      : Math.ceil(size / partsPlanned / MiB) * MiB;
  return Math.min(most, Math.max(partBytesLeast, wanted));
}

/** Most bytes that an upload can have. */
export function uploadBytesMax(size: number | undefined, memoryBytes: number): number {
  if (size !== undefined) return partsPlanned * partBytesMax(memoryBytes);
  let bytes = 0;
  for (let before = 0; before < partNumberMax; before += streamStep)
    bytes += streamStep * partBytesOf(undefined, before, memoryBytes);
  return bytes;
}

/** Throws "too-large" where an upload of `size` bytes has more parts than there can be. */
export function checkSize(size: number | undefined, memoryBytes: number): void {
  if (size === undefined || size <= uploadBytesMax(size, memoryBytes)) return;
  const text = `The object store takes ${uploadBytesMax(size, memoryBytes)} bytes here, the upload has ${size}`;
  throw new DyncError("too-large", text, {
    hint: "give dync-server more s3-memory: parts are a quarter of it at most",
  });
}

/** An upload has no part number left. */
export function partsUsedUp(): DyncError {
  return new DyncError(
    "too-large",
    `The upload has more than ${partNumberMax} parts, the most that an object has`,
    {
      hint: "give dync-server more s3-memory: parts are a quarter of it at most",
    },
  );
}
