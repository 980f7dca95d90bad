// Has the runtime collect garbage at a moment that only the program knows to be a good one.

/** What the runtimes have in common: Bun's own, and what others show with `--expose-gc`. */
interface Collecting {
  readonly Bun?: { readonly gc: (isSynchronous: boolean) => void };
  readonly gc?: () => void;
}

/**
 * Collects garbage now, where the runtime can be asked to. It takes some ms: for a moment at which much has just become garbage, and hardly
 * anything is left, of which the runtime knows nothing. By itself it lets garbage become as much as what is left.
 */
export function collectGarbage(): void {
  const { Bun: bun, gc } = globalThis as Collecting;
  if (bun === undefined) gc?.();
  else bun.gc(true);
}
