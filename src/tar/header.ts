// The header of a member in a tar, both ways: one block of ustar (IEEE 1003.1), with a pax extended header before it where that
// cannot say everything. Reading takes what v7, GNU tar, bsdtar and others write in that block. Pure.

import { assert } from "../base/assert.ts";
import { parseTimestamp, secondsText } from "../base/timestamp.ts";
import { fieldBytes, octalMax, readNumber, textOf, writeOctal, writeText } from "./fields.ts";
import {
  blockBytes,
  type Member,
  paddingOf,
  partBytesMax,
  pathBytesMax,
  type Removal,
  removedKey,
  TarFault,
} from "./member.ts";
import { encodeRecords } from "./pax.ts";

const fields = {
  name: { at: 0, length: 100 },
  mode: { at: 100, length: 8 },
  user: { at: 108, length: 8 },
  group: { at: 116, length: 8 },
  size: { at: 124, length: 12 },
  modified: { at: 136, length: 12 },
  checksum: { at: 148, length: 8 },
  flag: { at: 156, length: 1 },
  link: { at: 157, length: 100 },
  magic: { at: 257, length: 8 },
  deviceMajor: { at: 329, length: 8 },
  deviceMinor: { at: 337, length: 8 },
  prefix: { at: 345, length: 155 },
} as const;

const [magic, version] = ["ustar\0", "00"];
const slash = 0x2f;
const ownerMayExecute = 0o100;
const encoder = new TextEncoder();
const posixMagic = encoder.encode(magic);

/**
 * The header of `member`: everything that stands before its content. The same member always has the same header. Times
 * are kept to the nanosecond; nothing is said of who owns it.
 */
export function encodeMember(member: Member | Removal): Uint8Array {
  if (member.type === "removed") return encodeRemoval(member.path);
  const { path, type, size, modified } = member;
  const pathBytes = encoder.encode(path).length;
  assert(pathBytes <= pathBytesMax && isPath(path), "a member's path can be written");
  assert(Number.isSafeInteger(size) && size >= 0 && (type === "file" || size === 0), "a size is one");
  const name = type === "folder" ? `${path}/` : path;
  const split = pathBytes === path.length ? splitName(name) : null;
  const records: [string, string][] = [];
  if (split === null) records.push(["path", name]);
  if (size > octalMax(fields.size)) records.push(["size", String(size)]);
  const [seconds, isExact] = secondsOf(modified);
  if (modified !== null && !isExact) records.push(["mtime", secondsText(modified)]);
  const header = {
    ...(split ?? { name: asciiOf(name), prefix: "" }),
    mode: type === "folder" || member.executable ? 0o755 : 0o644,
    size: size > octalMax(fields.size) ? 0 : size,
    seconds,
    flag: type === "folder" ? "5" : "0",
  };
  return records.length === 0 ? blockOf(header) : withRecords(header, encodeRecords(records));
}

/** What is written into a block. */
interface Block {
  readonly name: string;
  readonly prefix: string;
  readonly mode: number;
  readonly size: number;
  /** `null` leaves the field empty. */
  readonly seconds: number | null;
  readonly flag: string;
}

// Programs that know nothing of it pass over it.
function encodeRemoval(path: string): Uint8Array {
  assert(isPath(path), "a removal's path can be written");
  return extended("GlobalHead", "g", 0, encodeRecords([[removedKey, path]]));
}

/** Whether `path` is one as members have it: relative, and without "/" at its end. */
function isPath(path: string): boolean {
  return /^[^/](?:.*[^/])?$/s.test(path);
}

function withRecords(header: Block, body: Uint8Array): Uint8Array {
  const before = extended(asciiOf(`PaxHeaders/${header.name}`), "x", header.seconds, body);
  const bytes = new Uint8Array(before.length + blockBytes);
  bytes.set(before);
  bytes.set(blockOf(header), before.length);
  return bytes;
}

/** An extended header whose records are `body`. */
function extended(name: string, flag: "x" | "g", seconds: number | null, body: Uint8Array): Uint8Array {
  const header = { name, prefix: "", mode: 0o644, size: body.length, seconds, flag };
  const bytes = new Uint8Array(blockBytes + body.length + paddingOf(body.length));
  bytes.set(blockOf(header));
  bytes.set(body, blockBytes);
  return bytes;
}

function blockOf({ name, prefix, mode, size, seconds, flag }: Block): Uint8Array {
  const header = new Uint8Array(blockBytes);
  writeText(header, fields.name, name);
  writeOctal(header, fields.mode, mode);
  writeOctal(header, fields.user, 0);
  writeOctal(header, fields.group, 0);
  writeOctal(header, fields.size, size);
  if (seconds !== null) writeOctal(header, fields.modified, seconds);
  writeText(header, fields.flag, flag);
  writeText(header, fields.magic, magic + version);
  writeOctal(header, fields.deviceMajor, 0);
  writeOctal(header, fields.deviceMinor, 0);
  writeText(header, fields.prefix, prefix);
  writeText(header, fields.checksum, `${sumOf(header).toString(8).padStart(6, "0")}\0 `);
  return header;
}

/** `name` as the two fields have it, or `null` when they cannot. */
function splitName(name: string): { readonly name: string; readonly prefix: string } | null {
  if (name.length <= fields.name.length) return { name, prefix: "" };
  // The first "/" behind which the rest fits; one at the end leaves no name.
  const at = name.indexOf("/", name.length - fields.name.length - 1);
  if (at < 0 || at > fields.prefix.length || at === name.length - 1) return null;
  return { name: name.slice(at + 1), prefix: name.slice(0, at) };
}

/** What a reader that knows no pax sees of a name. */
function asciiOf(name: string): string {
  return name
    .replace(/[^ -~]/g, "_")
    .slice(0, fields.name.length)
    .replace(/\/+$/, "");
}

/** Seconds for the header's field, and whether they say all of the time. */
function secondsOf(modified: string | null): readonly [seconds: number | null, isExact: boolean] {
  if (modified === null) return [null, true];
  const nanoseconds = parseTimestamp(modified);
  assert(nanoseconds !== null, "a member's time is RFC 3339");
  const seconds = Number(nanoseconds / 1_000_000_000n);
  if (nanoseconds < 0n || seconds > octalMax(fields.modified)) return [0, false];
  return [seconds, nanoseconds % 1_000_000_000n === 0n];
}

/** What a block says, before anything that stood before it is heeded. */
export interface Header {
  /** One character: what kind of member it is; "0" also for the NUL of old tars. */
  readonly flag: string;
  readonly path: Uint8Array;
  readonly size: number;
  /** Whole seconds since 1970, or `null` when the field is empty. */
  readonly seconds: number | null;
  readonly executable: boolean;
}

/** Reads one block; `null` for one of zeros, which ends a tar. Throws `TarFault` when it is no header. */
export function decodeHeader(block: Uint8Array): Header | null {
  if (isEnd(block)) return null;
  return {
    flag: String.fromCharCode(block[fields.flag.at] || 0x30),
    path: pathOf(block),
    size: sizeOf(readNumber(block, fields.size, "The size") ?? 0),
    seconds: readNumber(block, fields.modified, "The time"),
    executable: ((readNumber(block, fields.mode, "The mode") ?? 0) & ownerMayExecute) !== 0,
  };
}

/** Where a link leads to, by the block of its header. */
export function linkOf(block: Uint8Array): Uint8Array {
  return fieldBytes(block, fields.link);
}

/** A size that a stream can have. Throws `TarFault` for any other number. */
export function sizeOf(size: number): number {
  if (size < 0) throw new TarFault(`The size ${size} is negative`);
  if (!Number.isSafeInteger(size)) throw new TarFault(`The size ${size} is more than any file has`);
  return size;
}

/** `path` as text. Throws `TarFault` when it is no UTF-8 or longer than any system takes. */
export function pathText(path: Uint8Array, what: string): string {
  if (path.length > pathBytesMax)
    throw new TarFault(`${what} is ${path.length} bytes long, expected at most ${pathBytesMax}`);
  for (let start = 0; start < path.length; ) {
    const found = path.indexOf(slash, start);
    const end = found === -1 ? path.length : found;
    if (end - start > partBytesMax)
      throw new TarFault(`${what} has a part of ${end - start} bytes, expected at most ${partBytesMax}`);
    start = end + 1;
  }
  return textOf(path, what);
}

function pathOf(block: Uint8Array): Uint8Array {
  const name = fieldBytes(block, fields.name);
  if (block[fields.prefix.at] === 0 || !isPosix(block)) return name;
  const prefix = fieldBytes(block, fields.prefix);
  const path = new Uint8Array(prefix.length + 1 + name.length);
  path.set(prefix);
  path[prefix.length] = slash;
  path.set(name, prefix.length + 1);
  return path;
}

/** Whether it is a header of ustar. GNU's own format has other things in the place of the prefix, and so may v7 have. */
function isPosix(block: Uint8Array): boolean {
  return posixMagic.every((byte, index) => block[fields.magic.at + index] === byte);
}

/** Whether `block` is one of zeros. Throws `TarFault` unless that, or the checksum, is right. */
function isEnd(block: Uint8Array): boolean {
  const sum = sumOf(block);
  if (sum === emptySum && block.every((byte) => byte === 0)) return true;
  const stored = storedSum(block);
  // Some old programs added the bytes up as signed ones.
  if (stored !== sum && stored !== signedSumOf(block)) throw noHeader(block);
  return false;
}

/** What a tar that is packed begins with. */
const packers = {
  gzip: [0x1f, 0x8b],
  bzip2: [0x42, 0x5a, 0x68],
  xz: [0xfd, 0x37, 0x7a],
  zstd: [0x28, 0xb5, 0x2f, 0xfd],
};

/** What is wrong with `block`, which begins where a header should. */
export function noHeader(block: Uint8Array): TarFault {
  for (const [packer, bytes] of Object.entries(packers)) {
    if (bytes.every((byte, at) => block[at] === byte))
      return new TarFault(`This looks packed, expected a plain tar: unpack it first (${packer} -dc)`);
  }
  return new TarFault("This is no tar header, or a damaged one: its checksum is wrong");
}

function storedSum(block: Uint8Array): number | null {
  try {
    return readNumber(block, fields.checksum, "The checksum");
  } catch (error) {
    if (error instanceof TarFault) return null;
    throw error;
  }
}

const { at: checksumAt, length: checksumLength } = fields.checksum;
const emptySum = checksumLength * 0x20;

/** All bytes added up, with blanks in the place of the sum itself. */
function sumOf(block: Uint8Array): number {
  let sum = emptySum;
  for (let at = 0; at < checksumAt; at++) sum += block[at]!;
  for (let at = checksumAt + checksumLength; at < blockBytes; at++) sum += block[at]!;
  return sum;
}

function signedSumOf(block: Uint8Array): number {
  const isHigh = (at: number): boolean => at < checksumAt || at >= checksumAt + checksumLength;
  return block.reduce((sum, byte, at) => (byte > 127 && isHigh(at) ? sum - 256 : sum), sumOf(block));
}
