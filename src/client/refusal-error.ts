// The error that a server's refusal is here: with all that it lists, and with what to do where that is known here.

import { DyncError, type ErrorCode, type Fault } from "../base/error.ts";
import type { ErrorInfo } from "../protocol/wire/message.ts";
import { scalarOf } from "../upload/metadata-field.ts";

/** What a server refused something with. */
export interface ServerRefusal {
  readonly code: ErrorCode;
  readonly text: string;
  readonly info?: ErrorInfo | undefined;
}

/** The error of `refusal`, of an upload with the metadata `metadataText`, a JSON object. */
export function refusalError({ code, text, info }: ServerRefusal, metadataText: string): DyncError {
  const faults = info?.faults;
  return new DyncError(code, text, { faults, hint: typeHint(faults ?? [], metadataText) });
}

const shownMax = 3;
const lengthMax = 40;

/** How to give what is a text and should be a number, in the words of the option that most people give fields with. */
function typeHint(faults: readonly Fault[], metadataText: string): string | undefined {
  const meant = faults.map((it) => meantField(it, metadataText)).filter((it) => it !== null);
  if (meant.length === 0) return undefined;
  const fields = meant.slice(0, shownMax).map((it) => `-k ${it}`);
  return `behind ":" is a text; for a number, true or false write ":=": ${fields.join(" ")}`;
}

/** The field as `KEY:=JSON`, where its text is what is wanted as soon as it is none. */
function meantField({ path, types }: Fault, metadataText: string): string | null {
  if (types === undefined || types.includes("string") || !/^[\w.-]+$/.test(path)) return null;
  const metadata = JSON.parse(metadataText) as Readonly<Record<string, unknown>>;
  const text = Object.hasOwn(metadata, path) ? metadata[path] : undefined;
  if (typeof text !== "string" || text.length > lengthMax || !typesOf(text).some((it) => types.includes(it)))
    return null;
  return `${path}:=${text}`;
}

/** The JSON types of the value that `text` is without its quotes. */
function typesOf(text: string): readonly string[] {
  const value = scalarOf(text);
  if (value === undefined) return [];
  if (value === null) return ["null"];
  if (typeof value === "boolean") return ["boolean"];
  return Number.isInteger(value) ? ["number", "integer"] : ["number"];
}
