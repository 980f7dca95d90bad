// Which paths a dataset may have: the one judgement for client and server, so that what one sends the other stores, on every
// operating system. Also which names no bag can carry, and which are no data at all. Pure.

import { quotedText } from "../base/cut-text.ts";
import { foldName, partFault } from "../base/file-name.ts";
import { strayByte } from "../base/loose-utf8.ts";

/** Longest path (bytes of UTF-8): below what systems take, with room for the server's own folders before it. */
const pathBytesMax = 1024;
const depthMax = 64;
const partBytesMax = 255;
const shownBytesMax = 100;

/**
 * Why `path` ("a/b/c") cannot be in a dataset on every operating system, as the end of a sentence ("The path …"), or
 * `null` when it can. Where the path has several parts, it names the one that is meant.
 */
export function pathFault(path: string): string | null {
  if (path === "") return "is empty";
  if (path.startsWith("/")) return "is absolute";
  const length = Buffer.byteLength(path);
  if (length > pathBytesMax) return `is ${length} bytes long, expected at most ${pathBytesMax}`;
  const parts = path.split("/");
  if (parts.length > depthMax) return `is ${parts.length} levels deep, expected at most ${depthMax}`;
  for (const part of parts) {
    const fault = faultOfPart(part);
    if (fault === null) continue;
    if (parts.length === 1 || part === "") return fault;
    return `has ${quotedText(part, shownBytesMax)} in it, which ${fault}`;
  }
  return null;
}

function faultOfPart(part: string): string | null {
  if (part === "") return "has an empty name in it";
  if (part === ".") return "is the folder itself";
  if (part === "..") return "leads out of its folder";
  const byte = strayByte(part);
  if (byte !== null) return `contains the byte 0x${byte.toString(16)}, which is not valid UTF-8`;
  return partFault(part, partBytesMax);
}

/** The folders on the way to `path`, the outermost first: "a" and "a/b" of "a/b/c". */
export function foldersOf(path: string): readonly string[] {
  const folders: string[] = [];
  for (let end = path.indexOf("/"); end !== -1; end = path.indexOf("/", end + 1))
    folders.push(path.slice(0, end));
  return folders;
}

/** The form in which two paths are equal when some file system takes them for the same; see `foldName`. */
export function foldPath(path: string): string {
  return foldName(path);
}

/**
 * Why no bag (RFC 8493) can carry `path`, which is one without fault, as the end of a sentence, or `null` when one can. A manifest
 * has "%" encoded, but most programs that check one do not decode it, and they cut blanks off the end of a line.
 */
export function bagFault(path: string): string | null {
  if (path.includes("%")) return 'contains "%", which programs that check bags read in different ways';
  if (/[\r\n]/.test(path)) return "contains a line break, which a manifest cannot say";
  if (/\s$/u.test(path)) return "ends with a blank, which programs that check bags cut off";
  return null;
}

/** Names that systems leave behind in folders and that are nobody's data, in lower case. */
const junkNames = new Set([
  // macOS
  ".ds_store",
  ".appledouble",
  ".appledb",
  ".appledesktop",
  ".documentrevisions-v100",
  ".fseventsd",
  ".localized",
  ".spotlight-v100",
  ".temporaryitems",
  ".trashes",
  ".volumeicon.icns",
  "__macosx",
  // Windows
  "$recycle.bin",
  "desktop.ini",
  "ehthumbs.db",
  "ehthumbs_vista.db",
  "system volume information",
  "thumbs.db",
  // File servers, Linux desktops
  "#recycle",
  "@eadir",
  ".directory",
  "lost+found",
]);

// AppleDouble files; what Office, LibreOffice and NFS keep while a file is open; the waste bins of Linux.
const junkPatterns = /^(?:\._|~\$|\.~lock\.|\.nfs[0-9a-f]{8}|\.trash-\d+$)/;

/** Whether `path` is, or is within, something that a system left behind and that is nobody's data. */
export function isJunk(path: string): boolean {
  return path.split("/").some((part) => {
    const name = part.toLowerCase();
    return junkNames.has(name) || junkPatterns.test(name);
  });
}
