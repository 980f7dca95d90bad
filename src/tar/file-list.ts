// The list of a dataset's files, by whose SHA-256 client and server tell that they have the same ones: a line for each file, in the
// order of the bytes of their paths. Pure.

/** The line of the file at `path` (as it is, relative to the dataset) with this SHA-256. */
export function listLine(sha256: Uint8Array, path: string): string {
  return `${Buffer.from(sha256.buffer, sha256.byteOffset, sha256.length).toString("hex")}  ${path}\n`;
}
