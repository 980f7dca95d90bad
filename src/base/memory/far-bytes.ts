// Bytes in memory that is not the runtime's, of which nobody has a view yet. A view costs: the runtime counts its length as memory of its own,
// and searches for garbage after some dozens of megabytes of them. Who only hands bytes on, or says to another thread where they lie, needs none.

/** Valid until whoever owns the memory lets go of it: what is asked of it then is an assertion. */
export interface FarBytes {
  readonly length: number;
  /** Where they begin, for another thread: see `Memory`. */
  readonly address: number;
  /** The bytes: a view, made once. */
  view(): Uint8Array;
}

/** Bytes, to be looked at by `nearBytes`. */
export type Bytes = Uint8Array | FarBytes;

/** `bytes` for who looks at them: a view, valid as long as they are. */
export function nearBytes(bytes: Bytes): Uint8Array {
  return bytes instanceof Uint8Array ? bytes : bytes.view();
}
