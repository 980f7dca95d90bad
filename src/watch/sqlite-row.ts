// The value that stands behind a key in a table of a file of SQLite, read from the file's beginning, from outside
// (https://www.sqlite.org/fileformat.html): asking SQLite itself would open a database that an instrument writes, which has truncated
// some. Whatever is not in these bytes, is written in another form or is no database at all is not known.

import { sqliteHeaderBytes } from "./sqlite-size.ts";

type Value = string | number | bigint | null | undefined;

interface Pages {
  readonly view: DataView;
  readonly pageBytes: number;
  /** Bytes of a page that hold something. */
  readonly usableBytes: number;
}

const magic = "SQLite format 3\0";
const interior = 0x05;
const leaf = 0x0d;
// A table of settings has few; what goes in circles ends here.
const pagesMax = 1000;
const utf8 = 1;

/**
 * What stands in the second column of `table` where the first one is `key`, as text; `null`: it is not there, or is not known by `bytes`, the
 * beginning of the file.
 */
export function valueIn(bytes: Uint8Array, table: string, key: string): string | null {
  try {
    const pages = pagesIn(bytes);
    if (pages === null) return null;
    for (const [type, name, , root] of rowsOf(pages, 1))
      if (type === "table" && name === table && typeof root === "number")
        for (const [first, second] of rowsOf(pages, root))
          if (first === key) return second === null || second === undefined ? null : String(second);
    return null;
  } catch (error) {
    // It leads out of what was read.
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function pagesIn(bytes: Uint8Array): Pages | null {
  if (bytes.length < sqliteHeaderBytes) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (Buffer.from(bytes.subarray(0, magic.length)).toString("latin1") !== magic) return null;
  if (view.getUint32(56) !== utf8) return null;
  const pageBytes = view.getUint16(16) === 1 ? 65_536 : view.getUint16(16);
  const usableBytes = pageBytes - view.getUint8(20);
  return pageBytes < 512 ? null : { view, pageBytes, usableBytes };
}

/** The rows of the table whose first page is `root`, as far as they are whole on their pages. */
function* rowsOf({ view, pageBytes, usableBytes }: Pages, root: number): Generator<readonly Value[]> {
  const waiting = [root];
  for (let looked = 0; waiting.length > 0 && looked < pagesMax; looked++) {
    const page = waiting.shift() ?? 0;
    const start = (page - 1) * pageBytes;
    const head = start + (page === 1 ? sqliteHeaderBytes : 0);
    const kind = view.getUint8(head);
    if (kind !== interior && kind !== leaf) continue;
    const count = view.getUint16(head + 3);
    const cells = head + (kind === leaf ? 8 : 12);
    for (let at = 0; at < count; at++) {
      const cell = start + view.getUint16(cells + 2 * at);
      if (kind === interior) waiting.push(view.getUint32(cell));
      else {
        const length = varint(view, cell);
        const row = varint(view, length.end);
        // What is longer goes on elsewhere.
        if (length.value <= usableBytes - 35) yield recordAt(view, row.end);
      }
    }
    if (kind === interior) waiting.push(view.getUint32(head + 8));
  }
}

function recordAt(view: DataView, start: number): readonly Value[] {
  const head = varint(view, start);
  const values: Value[] = [];
  let body = start + head.value;
  for (let at = head.end; at < start + head.value; ) {
    const { value: type, end } = varint(view, at);
    at = end;
    const bytes = sizeOf(type);
    values.push(valueAt(view, body, type, bytes));
    body += bytes;
  }
  return values;
}

const integerBytes = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0];

function sizeOf(type: number): number {
  return type < 12 ? (integerBytes[type] ?? 0) : Math.floor((type - 12) / 2);
}

function valueAt(view: DataView, at: number, type: number, bytes: number): Value {
  if (type === 0) return null;
  if (type === 8 || type === 9) return type - 8;
  if (type === 7) return view.getFloat64(at);
  if (type >= 13 && type % 2 === 1)
    return new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + at, bytes));
  // A blob.
  if (type >= 10) return undefined;
  if (bytes === 8) return view.getBigInt64(at);
  let value = view.getInt8(at);
  for (let more = 1; more < bytes; more++) value = value * 256 + view.getUint8(at + more);
  return value;
}

/** A number of seven bits a byte, the highest first. */
function varint(view: DataView, start: number): { readonly value: number; readonly end: number } {
  let value = 0;
  for (let at = start; at < start + 8; at++) {
    const byte = view.getUint8(at);
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) return { value, end: at + 1 };
  }
  return { value: value * 256 + view.getUint8(start + 8), end: start + 9 };
}
