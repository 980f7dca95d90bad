// Memory that several threads of a process see, and that is free when none of them holds it any more.

/** `bytes`, copied to where a message to another thread does not copy them again. */
export function sharedCopy(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}

/** `bytes`, where other threads see them already; else copied. */
export function asShared(bytes: Uint8Array): Uint8Array {
  return bytes.buffer instanceof SharedArrayBuffer ? bytes : sharedCopy(bytes);
}
