// Time as a dependency: the only file that reads a clock or sets a timer. Everything else takes a `Clock`,
// so that the simulator can run hours of retries in milliseconds.

/** Cancels a timer; calling it again, or after it fired, does nothing. */
export type CancelTimer = () => void;

export interface Clock {
  /** Monotonic milliseconds since an arbitrary point. Never goes back, not even when the system's clock does. */
  now(): number;
  /** Calendar time. Only for what people and records read, never for measuring. */
  date(): Date;
  /** Calls `callback` once, `delayMs` or a little more from now. */
  after(delayMs: number, callback: () => void): CancelTimer;
}

// Node's and browsers' timers fire at once for delays that do not fit 31 bits.
const timerDelayMsMax = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => performance.now(),
  date: () => new Date(),
  after(delayMs, callback) {
    const timer = setTimeout(callback, Math.min(Math.max(delayMs, 0), timerDelayMsMax));
    return () => clearTimeout(timer);
  },
};

/** Resolves after `delayMs`, or rejects with the signal's reason as soon as `signal` aborts. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const cancel = clock.after(delayMs, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    function onAbort(): void {
      cancel();
      reject(signal?.reason);
    }
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}
