// Fields of metadata as options give them: `-k KEY:VALUE`, a text, and `-k KEY:=JSON`, whatever JSON can say. Used by
// `metadata-file.ts`.

import { DyncError } from "../base/error.ts";
import { type JsonMember, jsonMember, readJson } from "../base/json-text.ts";
import { limits } from "../protocol/limits.ts";
import { printable } from "./printable.ts";

/** The fields of `pairs`, in their order. Throws `DyncError` ("usage", "metadata-rejected"). */
export function readPairs(pairs: readonly string[]): readonly JsonMember[] {
  const members = pairs.map(readPair);
  const names = new Set<string>();
  const repeated = members.find(({ name }) => names.size === names.add(name).size);
  if (repeated === undefined) return members;
  throw new DyncError("usage", `Option "-k" is given twice for "${printable(repeated.name)}"`, {
    hint: "give each field once",
  });
}

/** The key is what stands before the first colon, the value everything behind it. */
function readPair(pair: string): JsonMember {
  const colon = pair.indexOf(":");
  if (colon <= 0) {
    throw new DyncError("usage", `Option "-k" needs KEY:VALUE, found "${printable(pair)}"`, {
      hint: "write the key, a colon and the value: -k sample:S-17",
    });
  }
  const key = pair.slice(0, colon);
  if (pair[colon + 1] === "=") return jsonMember(key, jsonValue(key, pair.slice(colon + 2)));
  // The carriage return is the line end of a script that was saved on Windows.
  const value = pair.slice(colon + 1).replace(/\r$/, "");
  return jsonMember(key, JSON.stringify(value));
}

/** As it is written: a number keeps its digits. */
function jsonValue(key: string, text: string): string {
  const field = `The value of "-k ${printable(key)}:="`;
  // The object around it is a level, too.
  const reading = readJson(text, limits.metadataDepthMax - 1);
  if (reading.type === "too-deep") {
    const message = `${field} is nested deeper than ${limits.metadataDepthMax - 1} levels`;
    throw new DyncError("metadata-rejected", message);
  }
  if (reading.type === "no-json") {
    const { column, reason } = reading.fault;
    throw new DyncError("usage", `${field} is no JSON, at column ${column}: ${reason}`, {
      hint: `for a text write the colon alone, -k ${printable(key)}:TEXT; ":=" takes 17, true, null, [1,2] or {"a":1}`,
    });
  }
  const [twice] = reading.content.repeated;
  if (twice === undefined) return text;
  throw new DyncError("metadata-rejected", `${field} gives "${printable(twice)}" twice in one object`, {
    hint: "only one of two values could be kept; give each field once",
  });
}
