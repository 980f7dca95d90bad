// Deals with many things, some of them at once, and asks for the next only when its turn has come. Used by `client.ts`.

/**
 * Calls `work` with each of `items`, in their order, `count` at a time. Resolves when all is done. Rejects, when nothing is under way
 * any more, with what `work` threw, which then hears so by its signal; with what `items` threw, which ends nothing that is under
 * way; or with the reason of `signal` where something was left over.
 */
export async function forEachAtOnce<T>(
  items: Iterable<T> | AsyncIterable<T>,
  count: number,
  work: (item: T, signal: AbortSignal) => Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const queue = inOrder(items);
  const ending = new AbortController();
  const failures: unknown[] = [];
  const either = AbortSignal.any([signal, ending.signal]);
  const worker = async (): Promise<void> => {
    for (;;) {
      const next = await queue.next();
      if (next.done === true || failures.length > 0) return;
      signal.throwIfAborted();
      await work(next.value, either).catch((error: unknown) => {
        ending.abort();
        throw error;
      });
    }
  };
  const workers = Array.from({ length: count }, () =>
    worker().catch((error: unknown) => void failures.push(error)),
  );
  await Promise.all(workers);
  await queue.return(undefined);
  if (failures.length > 0) throw failures[0];
}

/** One after the other, whoever asks, and however many ask at once. */
async function* inOrder<T>(items: Iterable<T> | AsyncIterable<T>): AsyncGenerator<T, void, undefined> {
  yield* items;
}
