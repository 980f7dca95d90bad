// Bounds what is remembered of much: the first that was put there goes first.

/** Takes away of `kept` what was put there the longest ago, until it has `max` at most. */
export function dropOldest<K>(kept: Map<K, unknown> | Set<K>, max: number): void {
  for (const oldest of kept.keys()) {
    if (kept.size <= max) return;
    kept.delete(oldest);
  }
}
