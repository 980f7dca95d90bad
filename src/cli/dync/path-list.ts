// `--files-from`: a list of paths in a file or from standard input, one a line, or with a NUL behind each.

import { closeSync, openSync, readSync } from "node:fs";
import { DyncError, systemCode } from "../../base/error.ts";
import { decodeLoosely } from "../../base/loose-utf8.ts";
import { whyUnreadable } from "../../base/system-errors.ts";
import { systemPathBytes } from "../../base/system-path.ts";
import { printable } from "../printable.ts";

const readBytes = 64 * 1024;
// What no system takes as a path is no list of paths, but perhaps the data itself.
const pathBytesMax = 64 * 1024;

/**
 * The paths in the file at `list`, or from standard input ("-"); bytes that are not UTF-8 as `decodeLoosely` writes them. `isNul`: they
 * end with NUL characters, not lines. Throws `DyncError` ("usage") when it cannot be read, or is no list.
 */
export function readPathList(list: string, isNul: boolean): readonly string[] {
  const shown =
    list === "-" ? "the list of files from standard input" : `the list of files "${printable(list)}"`;
  const paths: string[] = [];
  let encoding: "utf-8" | "utf-16le" | null = null;
  let rest = Buffer.alloc(0);
  for (const piece of piecesOf(list, shown)) {
    rest = Buffer.concat([rest, piece]);
    // Windows' PowerShell writes it with ">".
    encoding ??= rest[0] === 0xff && rest[1] === 0xfe ? "utf-16le" : "utf-8";
    rest = takePaths(rest, encoding, isNul, paths);
    if (rest.length <= pathBytesMax) continue;
    throw new DyncError("usage", `In ${shown} a path has more than ${pathBytesMax} bytes`, {
      hint: isNul ? "is it a list? Each path ends with a NUL character" : "is it a list? Each line is a path",
    });
  }
  if (rest.length > 0) paths.push(pathOf(rest, encoding ?? "utf-8", isNul));
  return paths.filter((path) => path !== "");
}

/** Moves whole paths from the beginning of `bytes` to `paths`; returns what is behind them. */
function takePaths(
  bytes: Buffer,
  encoding: "utf-8" | "utf-16le",
  isNul: boolean,
  paths: string[],
): Buffer<ArrayBuffer> {
  const end = isNul ? 0 : 0x0a;
  const width = encoding === "utf-8" ? 1 : 2;
  let from = 0;
  for (let at = 0; at + width <= bytes.length; at += width) {
    const unit = width === 1 ? bytes[at] : bytes.readUInt16LE(at);
    if (unit !== end) continue;
    paths.push(pathOf(bytes.subarray(from, at), encoding, isNul));
    from = at + width;
  }
  return Buffer.from(bytes.subarray(from));
}

function pathOf(bytes: Uint8Array, encoding: "utf-8" | "utf-16le", isNul: boolean): string {
  const text = encoding === "utf-8" ? decodeLoosely(bytes) : new TextDecoder(encoding).decode(bytes);
  const plain = text.replace(/^\ufeff/, "");
  // The carriage return is the line end of a list that was saved on Windows.
  return isNul ? plain : plain.replace(/\r$/, "");
}

function* piecesOf(list: string, shown: string): Generator<Uint8Array> {
  const descriptor = list === "-" ? 0 : opened(list, shown);
  try {
    for (;;) {
      const piece = new Uint8Array(readBytes);
      const count = readPart(descriptor, piece, shown);
      if (count === 0) return;
      yield piece.subarray(0, count);
    }
  } finally {
    if (descriptor !== 0) closeSync(descriptor);
  }
}

function opened(list: string, shown: string): number {
  try {
    return openSync(systemPathBytes(list), "r");
  } catch (error) {
    throw unreadable(shown, error);
  }
}

function readPart(descriptor: number, into: Uint8Array, shown: string): number {
  try {
    return readSync(descriptor, into);
  } catch (error) {
    // On Windows the end of a pipe is an error.
    if (systemCode(error) === "EOF") return 0;
    throw unreadable(shown, error);
  }
}

function unreadable(shown: string, error: unknown): DyncError {
  return new DyncError("usage", `Cannot read ${shown}: ${whyUnreadable(error)}`, { cause: error });
}
