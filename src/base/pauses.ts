// How long to pause before something that failed is tried again. Pure.

/** Pauses that double each time. */
export interface Pauses {
  readonly minMs: number;
  readonly maxMs: number;
}

/** The pause in ms when there were so many before. */
export function doubled({ minMs, maxMs }: Pauses, times: number): number {
  return Math.min(maxMs, minMs * 2 ** times);
}

/** Up to a quarter less or more, by `random` in [0, 1): what failed together is not tried together. */
export function jittered(pauseMs: number, random: number): number {
  return pauseMs * (0.75 + 0.5 * random);
}
