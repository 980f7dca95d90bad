// Waits for something, and not for longer than somebody has patience.

import type { Clock } from "./clock.ts";

/** What `promise` comes to, or, when that takes longer than `ms`, what `late` returns or throws. The promise goes on then, and nobody hears of it. */
export async function within<Value, Late>(
  clock: Clock,
  ms: number,
  promise: Promise<Value>,
  late: () => Late,
): Promise<Value | Late> {
  const waiting = Promise.withResolvers<Late>();
  const cancel = clock.after(ms, () => waiting.resolve(Promise.try(late)));
  try {
    return await Promise.race([promise, waiting.promise]);
  } finally {
    cancel();
  }
}
