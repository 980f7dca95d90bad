// How long the parts of an upload are: an object has 10,000 at most, and a store takes none below 5 MiB but the last. Pure.

import { DyncError } from "../../base/error.ts";

const MiB = 1024 * 1024;

/** Part numbers that there are. */
export const partNumberMax = 10_000;
/** Parts of one upload that are on their way at once. */
export const partsUnderWayMax = 4;
/** Numbers that a server says beforehand it is going to use: after a crash the next one begins behind them. */
export const numbersAhead = partsUnderWayMax;

// Some are left out each time a server goes on with what another one left.
const partsPlanned = 9000;
// A store takes parts up to 5 GiB, which nobody holds in memory.
const partBytesMost = 1024 * MiB;
// Of a stream nobody knows how much is to come: its parts become longer as it does.
const streamStep = 1000;

export class PartPlan {
  readonly #leastBytes: number;
  readonly #memoryBytes: number;

  /** `memoryBytes` hold the parts of all uploads; none is shorter than `leastBytes` but the last. */
  constructor(memoryBytes: number, leastBytes = 8 * MiB) {
    this.#memoryBytes = memoryBytes;
    this.#leastBytes = leastBytes;
  }

  /** How long a part may be. */
  get #partBytesMax(): number {
    const fits = Math.floor(this.#memoryBytes / 4 / MiB) * MiB;
    return Math.max(this.#leastBytes, Math.min(partBytesMost, fits));
  }

  /** Length of the parts of an upload of `size` bytes (`undefined`: nobody knows), when it had so many before. */
  partBytesOf(size: number | undefined, before: number): number {
    const least = this.#leastBytes;
    const wanted =
      size === undefined
        ? least * 2 ** Math.floor(before / streamStep)
        : Math.ceil(size / partsPlanned / MiB) * MiB;
    return Math.min(this.#partBytesMax, Math.max(least, wanted));
  }

  /** Most bytes that an upload can have. */
  uploadBytesMax(size: number | undefined): number {
    if (size !== undefined) return partsPlanned * this.#partBytesMax;
    let bytes = 0;
    for (let before = 0; before < partNumberMax; before += streamStep)
      bytes += streamStep * this.partBytesOf(undefined, before);
    return bytes;
  }

  /** Throws "too-large" where an upload of `size` bytes has more parts than there can be. */
  checkSize(size: number | undefined): void {
    if (size === undefined || size <= this.uploadBytesMax(size)) return;
    const text = `The object store takes ${this.uploadBytesMax(size)} bytes here, the upload has ${size}`;
    throw new DyncError("too-large", text, {
      hint: "give dync-server more s3-memory: parts are a quarter of it at most",
    });
  }
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
