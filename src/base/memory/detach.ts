// Views of memory that is somebody else's again.

/** Makes every view of this memory empty, so that nobody can read or write it any more. */
export function detach(bytes: Uint8Array): void {
  // To an empty buffer: one of the same length would count as new memory, and bring on the next collection.
  (bytes.buffer as ArrayBuffer).transfer(0);
}
