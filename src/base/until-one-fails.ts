// Things that go on beside each other, none of which is worth anything without the others.

/**
 * Does all of `works` at the same time. The first that fails ends the others by their signal, as the end of `signal` does. Rejects, when
 * all have ended, with the reason of `signal`, or else with what the first one failed with.
 */
export async function untilOneFails(
  works: readonly ((signal: AbortSignal) => Promise<void>)[],
  signal: AbortSignal,
): Promise<void> {
  signal.throwIfAborted();
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  await Promise.all(works.map((work) => work(either).catch((error: unknown) => stop.abort(error))));
  signal.throwIfAborted();
  stop.signal.throwIfAborted();
}
