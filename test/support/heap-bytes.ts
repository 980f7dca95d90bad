// What the runtime's heap holds.

/** Bytes on the heap of this process when garbage has been collected. */
export function heapBytes(): number {
  Bun.gc(true);
  return process.memoryUsage().heapUsed;
}
