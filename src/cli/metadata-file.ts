// The metadata of an upload, put together from `-m FILE` and `-k` (`metadata-pairs.ts`), as JSON text: every number and name stays as
// it was written. Called by `dync send`. Which metadata is good enough is for the server to decide.

import { readFileSync, readSync, statSync } from "node:fs";
import { DyncError, errorMeanings, systemCode } from "../base/error.ts";
import { compactJson, type JsonMember, objectText, readJson } from "../base/json-text.ts";
import { whyUnreadable } from "../base/system-errors.ts";
import { systemPathBytes } from "../base/system-path.ts";
import { overlaid } from "../client/plan/overlay.ts";
import { limits } from "../protocol/limits.ts";
import { kindOfJson, metadataFault, metadataFormFault } from "../protocol/wire/metadata.ts";
import { faultsOf } from "./command-line-error.ts";
import { readPairs } from "./metadata-pairs.ts";
import { printable } from "./printable.ts";

// Metadata travels in one frame; a file that is larger than this is the wrong file, perhaps the data itself.
const fileBytesMax = 16 * 1024 * 1024;

/**
 * The members of the object in `path` (if there is one; "-" is standard input), with `pairs` put over them. Throws `DyncError`
 * ("usage", "metadata-rejected") where there is no such object.
 */
export function loadMembers(path: string | undefined, pairs: readonly string[]): readonly JsonMember[] {
  return overlaid(path === undefined ? [] : readMetadataFile(path), readPairs(pairs));
}

/**
 * The metadata with these members, as it is sent. Throws `DyncError` ("metadata-rejected") where no server of ours would take
 * it; `hintOfNone` says what to do where there are no members at all.
 */
export function metadataOf(
  members: readonly JsonMember[],
  hintOfNone = "give some with -m FILE or -k KEY:VALUE",
): string {
  const text = compactJson(objectText(members));
  const fault = metadataFormFault(text) ?? metadataFault(text);
  if (fault === null) return text;
  const large = "metadata describes the data; send large parts of it as a file of their own";
  const none = members.length === 0 ? hintOfNone : undefined;
  const hint = fault.code === errorMeanings["too-large"].wire ? large : none;
  throw new DyncError("metadata-rejected", fault.text, { hint });
}

/**
 * Everything that is wrong with what the options say of all files, without reading standard input; `isAll`: nothing else is said
 * of any.
 */
export function metadataFaults(
  path: string | undefined,
  pairs: readonly string[],
  isAll = true,
): readonly DyncError[] {
  // Standard input can be read once: when it is time.
  if (path === "-") return faultsOf(() => readPairs(pairs));
  const faults = [
    ...pairs.flatMap((pair) => faultsOf(() => readPairs([pair]))),
    ...faultsOf(() => path === undefined || readMetadataFile(path)),
  ];
  if (faults.length > 0) return faults;
  return faultsOf(() => {
    const members = loadMembers(path, pairs);
    if (isAll || members.length > 0) metadataOf(members);
  });
}

/** The members of the object in `path`. Throws as `loadMembers`. */
export function readMetadataFile(path: string): readonly JsonMember[] {
  const shown = path === "-" ? "metadata from standard input" : `metadata file "${printable(path)}"`;
  const text = decode(readBytes(path, shown), shown);
  const reading = readJson(text, limits.metadataDepthMax);
  switch (reading.type) {
    case "too-deep": {
      const message = `The ${shown} is nested deeper than ${limits.metadataDepthMax} levels`;
      throw new DyncError("metadata-rejected", message, { hint: "is it the right file?" });
    }
    case "no-json": {
      const { line, column, reason } = reading.fault;
      throw new DyncError("usage", `Cannot read ${shown}:${line}:${column}: ${reason}`, {
        hint: 'the file must hold one JSON object, for example {"sample": "S-17"}',
      });
    }
    case "json":
      break;
  }
  const { members, repeated } = reading.content;
  if (members === null) {
    throw new DyncError("usage", `The ${shown} holds ${kindOfJson(text)}, must hold a JSON object`, {
      hint: 'put names to the values: {"sample": "S-17"}',
    });
  }
  if (repeated.length > 0) {
    const fields = repeated.map((field) => `"${printable(field)}"`).join(", ");
    throw new DyncError("metadata-rejected", `The ${shown} gives ${fields} twice in one object`, {
      hint: "only one of two values could be kept; give each field once",
    });
  }
  return members;
}

function readBytes(path: string, shown: string): Uint8Array {
  try {
    if (path === "-") return readStandardInput(shown);
    const { size } = statSync(systemPathBytes(path));
    if (size > fileBytesMax) throw tooLarge(`${size} bytes`, shown);
    return readFileSync(systemPathBytes(path));
  } catch (error) {
    if (error instanceof DyncError) throw error;
    throw new DyncError("usage", `Cannot read ${shown}: ${whyUnreadable(error)}`, { cause: error });
  }
}

function readStandardInput(shown: string): Uint8Array {
  const parts: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    const part = new Uint8Array(64 * 1024);
    const count = readPart(part);
    if (count === 0) return Buffer.concat(parts);
    parts.push(part.subarray(0, count));
    length += count;
    if (length > fileBytesMax) throw tooLarge(`more than ${fileBytesMax} bytes`, shown);
  }
}

function readPart(into: Uint8Array): number {
  try {
    return readSync(0, into);
  } catch (error) {
    // On Windows the end of a pipe is an error.
    if (systemCode(error) === "EOF") return 0;
    throw error;
  }
}

function tooLarge(size: string, shown: string): DyncError {
  return new DyncError(
    "metadata-rejected",
    `The ${shown} has ${size}, at most ${limits.metadataBytesMax} are allowed`,
    { hint: "is it the data itself? -m takes the metadata, the data comes after SERVER" },
  );
}

function decode(bytes: Uint8Array, shown: string): string {
  const encoding = encodingOf(bytes);
  try {
    // Drops a byte order mark, which Windows' editors and PowerShell's ">" write.
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (error) {
    const name = encoding === "utf-8" ? "UTF-8" : "UTF-16";
    throw new DyncError("usage", `The ${shown} is no ${name} text`, {
      cause: error,
      hint: "save it again as UTF-8",
    });
  }
}

function encodingOf([first, second]: Uint8Array): "utf-8" | "utf-16le" | "utf-16be" {
  if (first === 0xff && second === 0xfe) return "utf-16le";
  return first === 0xfe && second === 0xff ? "utf-16be" : "utf-8";
}
