// Files that look from outside like databases of SQLite (https://www.sqlite.org/fileformat.html): nothing in them but the header.

const pageBytes = 4096;

/** One of so many pages of 4 kB; its header may say that there are more. */
export function sqliteFile(pages: number, saidPages = pages): Uint8Array {
  const bytes = new Uint8Array(pages * pageBytes);
  bytes.set(new TextEncoder().encode("SQLite format 3\0"));
  const view = new DataView(bytes.buffer);
  view.setUint16(16, pageBytes);
  view.setUint32(24, 7);
  view.setUint32(28, saidPages);
  view.setUint32(92, 7);
  return bytes;
}
