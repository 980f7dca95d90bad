// Files that people edit: read whole, within a bound, as the UTF-8 text that they have to be.

import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { DyncError, systemCode } from "../base/error.ts";
import { whyUnreadable } from "../base/system-errors.ts";
import { printable } from "./printable.ts";

export interface SettingsFile {
  /** Without a byte order mark, which Windows' editors write. */
  readonly text: string;
  /** What everybody on this machine may do with the very file that was read. `false` where the system does not tell. */
  readonly isReadByAll: boolean;
  readonly isWrittenByAll: boolean;
}

/** The file, or `null` where there is none. Throws `DyncError` ("configuration"): no file, too large, or no text. */
export function readSettingsFile(file: string, bytesMax: number): SettingsFile | null {
  let handle: number | null = null;
  try {
    // Without O_NONBLOCK a named pipe of that name would hang the program.
    handle = openSync(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const { mode, size, isDirectory, isFile } = propertiesOf(handle);
    if (isDirectory) throw unreadable(file, "it is a folder");
    if (!isFile) throw unreadable(file, "it is no file");
    if (size > bytesMax) throw unreadable(file, `it has ${size} bytes, at most ${bytesMax} are read`);
    const bytes = Buffer.alloc(size);
    const text = textOf(file, bytes.subarray(0, readSync(handle, bytes, 0, size, 0)));
    const mayAll = (what: number): boolean => process.platform !== "win32" && (mode & what) !== 0;
    return { text, isReadByAll: mayAll(0o004), isWrittenByAll: mayAll(0o002) };
  } catch (error) {
    if (error instanceof DyncError) throw error;
    const code = systemCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return null;
    throw unreadable(file, whyUnreadable(error), error);
  } finally {
    if (handle !== null) closeSync(handle);
  }
}

function propertiesOf(handle: number) {
  const properties = fstatSync(handle);
  const { mode, size } = properties;
  return { mode, size, isDirectory: properties.isDirectory(), isFile: properties.isFile() };
}

function textOf(file: string, bytes: Uint8Array): string {
  const isUtf16 = (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw unreadable(file, `it is ${isUtf16 ? "UTF-16" : "no UTF-8"} text, and has to be saved as UTF-8`);
  }
}

function unreadable(file: string, reason: string, cause?: unknown): DyncError {
  return new DyncError("configuration", printable(`Cannot read ${file}: ${reason}`), { cause });
}
