// Reads macOS executables and libraries (64-bit Mach-O) and writes the one thing that Bun leaves wrong in them: the
// code signature of x64 executables. Called by build/release.ts; the tests prove every executable with the same reader.
// It knows nothing of dync. Formats: <mach-o/loader.h>, Apple's cs_blobs.h; numbers in signatures are big-endian.

import { createHash } from "node:crypto";
import { readFileSync, renameSync, statSync, writeFileSync } from "node:fs";

const magic64 = 0xfeedfacf;
const headerBytes = 32;
/** The largest part of a load command that is read here; real files have more than that behind their last one. */
const commandBytesMin = 72;

const loadCommand = {
  segment64: 0x19,
  codeSignature: 0x1d,
  minimumMacOS: 0x24,
  buildVersion: 0x32,
  dyldInfo: 0x22,
  dyldInfoOnly: 0x80000022,
  exportsTrie: 0x80000033,
} as const;

const signatureMagic = { superBlob: 0xfade0cc0, codeDirectory: 0xfade0c02 } as const;
const codeDirectorySlot = 0;
const sha256 = { type: 2, bytes: 32 } as const;
const pageShift = 12;
const directoryBytes = 88;
const directoryVersion = 0x20400;
/** CS_ADHOC and CS_LINKER_SIGNED: no certificate, and `codesign` may replace it without being forced to. */
const adHocFlags = 0x20002;
const mainBinary = 1n;

export interface Segment {
  readonly name: string;
  readonly fileOffset: number;
  readonly fileSize: number;
  /** Where its load command begins in the file. */
  readonly commandAt: number;
}

export interface MachO {
  readonly kind: "executable" | "library";
  readonly processor: "x64" | "arm64";
  /** For example `13.0`. */
  readonly lowestSystem: string | null;
  readonly segments: readonly Segment[];
  /** Names that `dlsym` finds, without the leading underscore. */
  readonly exports: ReadonlySet<string>;
  /** Where the signature lies, and where the load command that says so begins. */
  readonly signature: { readonly commandAt: number; readonly offset: number; readonly size: number } | null;
}

/** Reads the Mach-O file that begins at `bytes[0]`; `null` when there is none. */
export function readMachO(bytes: Uint8Array): MachO | null {
  if (bytes.length < headerBytes) return null;
  const view = viewOf(bytes);
  if (view.getUint32(0, true) !== magic64) return null;
  const processor = ({ 16777223: "x64", 16777228: "arm64" } as const)[view.getUint32(4, true)];
  const kind = ({ 2: "executable", 6: "library", 8: "library" } as const)[view.getUint32(12, true)];
  if (processor === undefined || kind === undefined) return null;
  const segments: Segment[] = [];
  let exports: ReadonlySet<string> = new Set();
  let lowestSystem: string | null = null;
  let signature: MachO["signature"] = null;
  let at = headerBytes;
  for (let left = view.getUint32(16, true); left > 0; left--) {
    if (at + commandBytesMin > bytes.length) return null;
    const field = (index: number) => view.getUint32(at + index * 4, true);
    switch (field(0)) {
      case loadCommand.segment64:
        segments.push(readSegment(bytes, at));
        break;
      case loadCommand.codeSignature:
        signature = { commandAt: at, offset: field(2), size: field(3) };
        break;
      case loadCommand.minimumMacOS:
        lowestSystem = systemVersion(field(2));
        break;
      case loadCommand.buildVersion:
        lowestSystem = systemVersion(field(3));
        break;
      case loadCommand.exportsTrie:
        exports = readExports(bytes.subarray(field(2), field(2) + field(3)));
        break;
      case loadCommand.dyldInfo:
      case loadCommand.dyldInfoOnly:
        exports = readExports(bytes.subarray(field(10), field(10) + field(11)));
        break;
    }
    if (field(1) < 8) return null;
    at += field(1);
  }
  return { kind, processor, lowestSystem, segments, exports, signature };
}

/** The libraries that lie embedded in an executable, whole. */
export function embeddedLibraries(bytes: Uint8Array): Uint8Array[] {
  const start = Buffer.from([0xcf, 0xfa, 0xed, 0xfe]);
  const haystack = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const libraries: Uint8Array[] = [];
  for (let at = haystack.indexOf(start, 1); at !== -1; at = haystack.indexOf(start, at + 1)) {
    const rest = bytes.subarray(at);
    const library = readMachO(rest);
    if (library?.kind !== "library") continue;
    const size = Math.max(...library.segments.map((segment) => segment.fileOffset + segment.fileSize));
    libraries.push(rest.subarray(0, size));
  }
  return libraries;
}

/** What is wrong with the code signature of a Mach-O file, as sentences; empty when every page is right. */
export function signatureFaults(bytes: Uint8Array): string[] {
  const file = readMachO(bytes);
  if (file === null) return ["Not a 64-bit Mach-O file"];
  if (file.signature === null) return ["There is no code signature"];
  const { offset, size } = file.signature;
  const faults: string[] = [];
  if (offset + size !== bytes.length) faults.push("The signature does not end where the file ends");
  const directory = findCodeDirectory(bytes.subarray(offset, offset + size));
  if (directory === null) return [...faults, "The signature has no code directory"];
  const view = viewOf(directory);
  const hashesAt = view.getUint32(16);
  const pageCount = view.getUint32(28);
  const codeLimit = view.getUint32(32);
  const pageBytes = 2 ** view.getUint8(39);
  if (view.getUint8(37) !== sha256.type) return [...faults, "The pages are not hashed with SHA-256"];
  if (codeLimit !== offset) faults.push("The signature does not cover everything before it");
  if (pageCount !== Math.ceil(codeLimit / pageBytes)) faults.push("The number of pages is wrong");
  for (let page = 0; page < pageCount; page++) {
    const code = bytes.subarray(page * pageBytes, Math.min((page + 1) * pageBytes, codeLimit));
    const at = hashesAt + page * sha256.bytes;
    if (!pageHash(code).equals(directory.subarray(at, at + sha256.bytes))) {
      faults.push(`The hash of page ${page} is wrong`);
    }
  }
  return faults;
}

/** Gives the Mach-O file at `path` an ad-hoc signature that fits it, unless the one it has is right. */
export function fixSignature(path: string, identifier: string): void {
  const bytes = new Uint8Array(readFileSync(path));
  if (signatureFaults(bytes).length === 0) return;
  const temporary = `${path}.signing`;
  writeFileSync(temporary, signAdHoc(bytes, identifier), { mode: statSync(path).mode & 0o777 });
  renameSync(temporary, path);
}

/**
 * The file with its signature replaced by an ad-hoc one, such as the linker writes. `bytes` must have a signature at
 * its end already, because only then is there a load command for it.
 */
export function signAdHoc(bytes: Uint8Array, identifier: string): Uint8Array {
  const file = readMachO(bytes);
  const linkEdit = file?.segments.find((segment) => segment.name === "__LINKEDIT");
  const text = file?.segments.find((segment) => segment.name === "__TEXT");
  if (!file?.signature || linkEdit === undefined || text === undefined) {
    throw new Error("Only a Mach-O executable with a signature can be signed again");
  }
  const codeLimit = file.signature.offset;
  const signatureLength = signatureBytes(codeLimit, identifier);
  const padded = Math.ceil(signatureLength / 16) * 16;
  const signed = new Uint8Array(codeLimit + padded);
  signed.set(bytes.subarray(0, codeLimit));
  const view = viewOf(signed);
  const linkEditBytes = signed.length - linkEdit.fileOffset;
  // The sizes are in the first page, so they must be right before it is hashed.
  view.setUint32(file.signature.commandAt + 12, padded, true);
  view.setBigUint64(linkEdit.commandAt + 32, BigInt(Math.ceil(linkEditBytes / 0x4000) * 0x4000), true);
  view.setBigUint64(linkEdit.commandAt + 48, BigInt(linkEditBytes), true);
  writeSignature(signed, codeLimit, identifier, { textOffset: text.fileOffset, textBytes: text.fileSize });
  return signed;
}

function signatureBytes(codeLimit: number, identifier: string): number {
  const pages = Math.ceil(codeLimit / 2 ** pageShift);
  return 20 + directoryBytes + identifier.length + 1 + pages * sha256.bytes;
}

/** One super blob with one code directory, right behind the code. */
function writeSignature(
  signed: Uint8Array,
  codeLimit: number,
  identifier: string,
  text: { readonly textOffset: number; readonly textBytes: number },
): void {
  const total = signatureBytes(codeLimit, identifier);
  const blob = signed.subarray(codeLimit, codeLimit + total);
  const view = viewOf(blob);
  [signatureMagic.superBlob, total, 1, codeDirectorySlot, 20].forEach((word, index) => {
    view.setUint32(index * 4, word);
  });
  const pages = Math.ceil(codeLimit / 2 ** pageShift);
  const hashesAt = directoryBytes + identifier.length + 1;
  const words = [signatureMagic.codeDirectory, total - 20, directoryVersion, adHocFlags, hashesAt];
  [...words, directoryBytes, 0, pages, codeLimit].forEach((word, index) => {
    view.setUint32(20 + index * 4, word);
  });
  blob.set([sha256.bytes, sha256.type, 0, pageShift], 20 + 36);
  view.setBigUint64(20 + 64, BigInt(text.textOffset));
  view.setBigUint64(20 + 72, BigInt(text.textBytes));
  view.setBigUint64(20 + 80, mainBinary);
  blob.set(new TextEncoder().encode(identifier), 20 + directoryBytes);
  for (let page = 0; page < pages; page++) {
    const code = signed.subarray(page << pageShift, Math.min((page + 1) << pageShift, codeLimit));
    blob.set(pageHash(code), 20 + hashesAt + page * sha256.bytes);
  }
}

function findCodeDirectory(signature: Uint8Array): Uint8Array | null {
  const view = viewOf(signature);
  if (signature.length < 12 || view.getUint32(0) !== signatureMagic.superBlob) return null;
  for (let index = 0; index < view.getUint32(8); index++) {
    if (view.getUint32(12 + index * 8) !== codeDirectorySlot) continue;
    const at = view.getUint32(16 + index * 8);
    if (view.getUint32(at) !== signatureMagic.codeDirectory) return null;
    return signature.subarray(at, at + view.getUint32(at + 4));
  }
  return null;
}

function pageHash(page: Uint8Array): Buffer {
  return createHash("sha256").update(page).digest();
}

function readSegment(bytes: Uint8Array, at: number): Segment {
  const view = viewOf(bytes);
  const name = new TextDecoder().decode(bytes.subarray(at + 8, at + 24)).replace(/\0+$/, "");
  const fileOffset = Number(view.getBigUint64(at + 40, true));
  const fileSize = Number(view.getBigUint64(at + 48, true));
  return { name, fileOffset, fileSize, commandAt: at };
}

function systemVersion(packed: number): string {
  return `${packed >>> 16}.${(packed >>> 8) & 0xff}`;
}

/** Walks the prefix tree of exported names. A damaged one may point in circles, so no node is read twice. */
function readExports(trie: Uint8Array): Set<string> {
  const names = new Set<string>();
  const seen = new Set<number>();
  const waiting = [{ at: 0, prefix: "" }];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (node.at >= trie.length || seen.has(node.at)) continue;
    seen.add(node.at);
    const terminal = readNumber(trie, node.at);
    if (terminal.value > 0) names.add(node.prefix.replace(/^_/, ""));
    let at = terminal.next + terminal.value;
    const children = trie[at++] ?? 0;
    for (let child = 0; child < children; child++) {
      const end = trie.indexOf(0, at);
      if (end === -1) break;
      const edge = new TextDecoder().decode(trie.subarray(at, end));
      const target = readNumber(trie, end + 1);
      waiting.push({ at: target.value, prefix: node.prefix + edge });
      at = target.next;
    }
  }
  return names;
}

/** An unsigned LEB128 number. */
function readNumber(bytes: Uint8Array, start: number): { readonly value: number; readonly next: number } {
  let value = 0;
  let at = start;
  for (let factor = 1; ; factor *= 128) {
    // Beyond the end everything is zero, which ends the number.
    const byte = bytes[at++] ?? 0;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return { value, next: at };
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
