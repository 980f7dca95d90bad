// Whether a file of SQLite is as large as it says: the number and the size of its pages stand in its first 100 bytes
// (https://www.sqlite.org/fileformat.html#the_database_header). Looked at from outside, without SQLite: opening a database that an
// instrument writes may change it, and has truncated some.

/** Bytes that `missingBytes` looks at. */
export const sqliteHeaderBytes = 100;

/** How many bytes the file lacks whose beginning is `header`; `null`: it is no database, or says nothing of its size. */
export function missingBytes(header: Uint8Array, size: number): number | null {
  if (header.length < sqliteHeaderBytes || !magic.every((byte, at) => header[at] === byte)) return null;
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  // The value 1 stands for 65536. Old programs do not keep the number of pages: it holds where these two are the same.
  const pageBytes = view.getUint16(16) === 1 ? 65_536 : view.getUint16(16);
  if (view.getUint32(24) !== view.getUint32(92)) return null;
  return Math.max(0, view.getUint32(28) * pageBytes - size);
}

const magic = new TextEncoder().encode("SQLite format 3\0");
