// The metadata of an upload, put together from `-m FILE` and `-k KEY:VALUE`. Called by `dync send`. Which metadata is good
// enough is for the server to decide.

import { readFileSync, statSync } from "node:fs";
import { DyncError, systemCode } from "../base/error.ts";
import { systemPath } from "../base/system-path.ts";
import { inexactNumbers } from "../protocol/exact-numbers.ts";
import type { JsonObject } from "../protocol/message.ts";
import { findJsonFault } from "./json-error.ts";
import { printable } from "./printable.ts";

// Metadata travels in one frame; a file that is larger than this is the wrong file, perhaps the data itself.
const fileBytesMax = 16 * 1024 * 1024;

/** The object in `path` (if there is one), with `pairs` put over it. Throws `DyncError` ("usage"). */
export function loadMetadata(path: string | undefined, pairs: readonly string[]): JsonObject {
  const fromPairs = pairs.map(parsePair);
  const fromFile = path === undefined ? {} : readMetadataFile(path);
  // `fromEntries` defines members; an assignment to "__proto__" would not.
  return Object.fromEntries([...Object.entries(fromFile), ...fromPairs]);
}

/** The key is what stands before the first colon, the value everything behind it. */
function parsePair(pair: string): readonly [string, string] {
  const colon = pair.indexOf(":");
  if (colon > 0) return [pair.slice(0, colon), pair.slice(colon + 1)];
  throw new DyncError("usage", `Option "-k" needs KEY:VALUE, found "${printable(pair)}"`, {
    hint: "write the key, a colon and the value: -k sample:S-17",
  });
}

function readMetadataFile(path: string): JsonObject {
  const shown = `metadata file "${printable(path)}"`;
  const text = decode(readBytes(path, shown), shown);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const fault = findJsonFault(text);
    const where = fault === null ? "" : `:${fault.line}:${fault.column}`;
    const reason = fault === null ? "it is no JSON" : fault.reason;
    throw new DyncError("usage", `Cannot read metadata file "${printable(path)}"${where}: ${reason}`, {
      cause: error,
      hint: 'the file must hold one JSON object, for example {"sample": "S-17"}',
    });
  }
  for (const { name, source } of inexactNumbers(text)) {
    throw new DyncError(
      "usage",
      `The ${shown} has a number that cannot be stored exactly: ${printable(name)} is ${source}`,
      {
        hint: `put it in quotes: "${source}"`,
      },
    );
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw new DyncError("usage", `The ${shown} holds ${kindOf(value)}, must hold a JSON object`, {
    hint: 'put names to the values: {"sample": "S-17"}',
  });
}

function readBytes(path: string, shown: string): Uint8Array {
  try {
    const { size } = statSync(systemPath(path));
    if (size > fileBytesMax) {
      throw new DyncError("usage", `The ${shown} has ${size} bytes, at most ${fileBytesMax} are allowed`, {
        hint: "is it the data itself? -m takes the metadata, the data comes after SERVER",
      });
    }
    return readFileSync(systemPath(path));
  } catch (error) {
    if (error instanceof DyncError) throw error;
    throw new DyncError("usage", `Cannot read ${shown}: ${reasonOf(error)}`, { cause: error });
  }
}

function decode(bytes: Uint8Array, shown: string): string {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    throw new DyncError("usage", `The ${shown} is in UTF-16, must be in UTF-8`, {
      hint: "save it again as UTF-8; in PowerShell: Set-Content -Encoding utf8",
    });
  }
  try {
    // Drops a byte order mark, which Windows' editors like to write.
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new DyncError("usage", `The ${shown} is no UTF-8 text`, {
      cause: error,
      hint: "save it again as UTF-8",
    });
  }
}

function reasonOf(error: unknown): string {
  switch (systemCode(error)) {
    case "ENOENT":
      return "there is no such file";
    case "EACCES":
    case "EPERM":
      return "permission denied";
    case "EISDIR":
      return "it is a folder";
    default:
      return systemCode(error) ?? "reading failed";
  }
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  return (
    { string: "a text", number: "a number", boolean: "a truth value" }[typeof value as string] ?? typeof value
  );
}
