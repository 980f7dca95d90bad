// What metadata must be. It is JSON text from one end to the other: an object that arrives as it left, number by
// number and name by name. What has the form of it is decided where it is read (`decode.ts`, and the client before it
// connects); what it must say before the richer rules of a server apply, at admission.

import { errorMeanings } from "../../base/error.ts";
import { jsonMembers, readJson } from "../../base/json-text.ts";
import { limits } from "../limits.ts";

/** Member that is kept for the program's own additions to the stored metadata. */
export const reservedMember = "_dync";

export interface MetadataFault {
  readonly code: number;
  /** Names everything that is wrong. */
  readonly text: string;
}

const encoder = new TextEncoder();

/** Why `text` is no metadata, or `null` when it is: the JSON text of an object within the limits. */
export function metadataFormFault(text: string): MetadataFault | null {
  const length = encoder.encode(text).length;
  if (length > limits.metadataBytesMax) {
    return {
      code: errorMeanings["too-large"].wire,
      text: `Metadata of ${length} bytes, at most ${limits.metadataBytesMax} are allowed`,
    };
  }
  if (text === "") return refused("Metadata is empty, wanted a JSON object");
  const reading = readJson(text, limits.metadataDepthMax);
  if (reading.type === "too-deep")
    return refused(`Metadata is nested deeper than ${limits.metadataDepthMax} levels`);
  if (reading.type === "no-json") {
    const { line, column, reason } = reading.fault;
    return refused(`Metadata is not valid JSON at line ${line}, column ${column}: ${reason}`);
  }
  const { members, repeated } = reading.content;
  if (members === null) return refused(`Metadata is ${kindOfJson(text)}, wanted a JSON object`);
  const faults = repeated.map((path) => `Metadata field ${path} is given twice`);
  return faults.length === 0 ? null : refused(faults.join("; "));
}

/** Why metadata that has the form of it is not accepted, or `null`: its own members, before any server's rules. */
export function metadataFault(text: string): MetadataFault | null {
  const members = jsonMembers(text) ?? [];
  const faults: string[] = [];
  if (members.length === 0) faults.push("Metadata has no member, at least one is required");
  if (members.some(({ name }) => name === reservedMember)) {
    faults.push(`Metadata field ${reservedMember} is reserved, choose another name`);
  }
  return faults.length === 0 ? null : refused(faults.join("; "));
}

const kinds: Readonly<Record<string, string>> = {
  "{": "an object",
  "[": "an array",
  '"': "a string",
  t: "a boolean",
  f: "a boolean",
  n: "null",
};

/** What kind of value the JSON text is, as the rest of a sentence: "an array". */
export function kindOfJson(text: string): string {
  return kinds[text.trimStart()[0] ?? ""] ?? "a number";
}

function refused(text: string): MetadataFault {
  return { code: errorMeanings["metadata-rejected"].wire, text };
}
