// Assertions stay on in production: a broken invariant must stop us before it reaches somebody's data.
// They guard against *our* faults only; what a peer sends is checked and answered, never asserted.

/** Thrown when an invariant of our own code does not hold. Never caught and continued. */
export class AssertionError extends Error {
  override readonly name = "AssertionError";
}

/** Throws `AssertionError` unless `condition` holds. `message` says what had to be true. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(`Internal error: ${message}`);
}

/** Closes a `switch` over a union: the compiler proves that no case is left. */
export function unreachable(value: never): never {
  throw new AssertionError(`Internal error: unexpected value ${JSON.stringify(value)}`);
}
