// How fast an honest upload is beside something else, compared with how fast it is alone, on a machine that others use too.

import { readdir } from "node:fs/promises";
import type { Lab } from "./lab.ts";

export interface Rates {
  /** Bytes per ms, the best of some. */
  readonly alone: number;
  readonly beside: number;
  readonly share: number;
}

/**
 * Measures by turns, alone and with what `start` makes, until the share is at least `enough` or `rounds` are over: noise
 * only ever makes an upload slower. `upload` sends `bytes` bytes.
 */
export async function ratesBeside(
  start: () => Promise<AsyncDisposable>,
  upload: () => Promise<void>,
  { bytes, enough, rounds }: { readonly bytes: number; readonly enough: number; readonly rounds: number },
): Promise<Rates> {
  let [alone, beside] = [0, 0];
  for (let round = 0; round < rounds && (round === 0 || beside < enough * alone); round++) {
    alone = Math.max(alone, bytes / (await msOf(upload)));
    await using _other = await start();
    beside = Math.max(beside, bytes / (await msOf(upload)));
  }
  return { alone, beside, share: beside / alone };
}

async function msOf(act: () => Promise<void>): Promise<number> {
  const startedAt = performance.now();
  await act();
  return performance.now() - startedAt;
}

/** Descriptors that the server of `lab` has open. Linux only. */
export async function descriptorsOf(lab: Lab): Promise<number> {
  return (await readdir(`/proc/${lab.server.pid}/fd`)).length;
}

/** Ms until the server has no more than `count` descriptors open; throws after `withinMs`. */
export async function msUntilDescriptors(lab: Lab, count: number, withinMs: number): Promise<number> {
  const startedAt = performance.now();
  for (;;) {
    const open = await descriptorsOf(lab);
    const passedMs = performance.now() - startedAt;
    if (open <= count) return passedMs;
    if (passedMs > withinMs)
      throw new Error(`${open} descriptors are open after ${passedMs} ms, not ${count}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
