// How much memory for bytes some code asks for, counted where it does.

/** Runs `run`, and returns the length of the longest `Uint8Array` that was made by length meanwhile, and all of them together. */
export function allocationsOf(run: () => void): { readonly largest: number; readonly total: number } {
  const original = globalThis.Uint8Array;
  let [largest, total] = [0, 0];
  globalThis.Uint8Array = new Proxy(original, {
    construct: (target, args) => {
      if (typeof args[0] === "number") {
        largest = Math.max(largest, args[0]);
        total += args[0];
      }
      return Reflect.construct(target, args);
    },
  });
  try {
    run();
  } finally {
    globalThis.Uint8Array = original;
  }
  return { largest, total };
}
