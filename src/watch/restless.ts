// Which entries are never quiet for long enough, whatever is waited: each is told once a day. Pure.

// So long nobody writes one file without a pause.
const tellMs = 24 * 60 * 60_000;

export class Restless {
  readonly #tell: (path: string, forMs: number) => void;
  /** Since when those are not quiet that are not, and how often it was told. */
  readonly #known = new Map<string, { readonly since: number; told: number }>();

  /** `tell` is told for how long, in ms. */
  constructor(tell: (path: string, forMs: number) => void) {
    this.#tell = tell;
  }

  /** A look saw an entry, which `isQuiet` for long enough, or not yet. */
  note(path: string, isQuiet: boolean, now: number): void {
    if (isQuiet) return this.forget(path);
    const known = this.#known.get(path) ?? { since: now, told: 0 };
    this.#known.set(path, known);
    const forMs = now - known.since;
    if (forMs < tellMs * (known.told + 1)) return;
    known.told += 1;
    this.#tell(path, forMs);
  }

  /** It is not to be seen, or is gone. */
  forget(path: string): void {
    this.#known.delete(path);
  }
}
