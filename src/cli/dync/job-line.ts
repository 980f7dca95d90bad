// One job as a program writes it: a JSON object on one line. What is in it is read as text, so that metadata arrives as it was
// written. Pure; used by `stdin-jobs.ts`, and described in doc/json.md.

import { DyncError } from "../../base/error.ts";
import { type JsonMember, readJson } from "../../base/json-text.ts";
import { limits } from "../../protocol/limits.ts";
import { kindOfJson } from "../../protocol/wire/metadata.ts";
import { printable } from "../printable.ts";

/** What a line says. */
export interface JobLine {
  /** JSON text of the program's own, which comes back with the result; `null`: there is none. */
  readonly id: string | null;
  readonly path: string;
  readonly name: string | undefined;
  /** Members that go over what the options say. */
  readonly metadata: readonly JsonMember[];
  /** Whether the path is a folder that is to be one upload. */
  readonly dataset: boolean;
  /** Whether the file is a tar that the server is to unpack. */
  readonly unpack: boolean;
}

// The job's own object, and the metadata in it.
const depthMax = limits.metadataDepthMax + 1;
const known = ["id", "path", "name", "metadata", "dataset", "unpack"];

/** The id in `text`, JSON text; `null` where there is none, or `text` is no job at all. */
export function idIn(text: string): string | null {
  const reading = readJson(text, depthMax);
  if (reading.type !== "json") return null;
  return reading.content.members?.find(({ name }) => name === "id")?.value ?? null;
}

/** Reads a line without its end. Throws `DyncError` ("usage", "metadata-rejected"). */
export function readJobLine(text: string): JobLine {
  const members = membersOf(text, "a job");
  const unknown = members.find(({ name }) => !known.includes(name));
  if (unknown !== undefined) throw faulty(`has the member "${unknown.name}", known are ${known.join(", ")}`);
  const valueNamed = (name: string): string | undefined => members.find((it) => it.name === name)?.value;
  const path = textIn("path", valueNamed("path"));
  if (path === undefined || path === "") throw faulty('has no "path"');
  return {
    id: valueNamed("id") ?? null,
    path,
    name: textIn("name", valueNamed("name")),
    metadata: membersOf(valueNamed("metadata") ?? "{}", 'the "metadata" of a job'),
    dataset: switchIn("dataset", valueNamed("dataset")),
    unpack: switchIn("unpack", valueNamed("unpack")),
  };
}

function membersOf(text: string, what: string): readonly JsonMember[] {
  const reading = readJson(text, depthMax);
  if (reading.type === "too-deep") throw faulty(`is nested deeper than ${depthMax} levels`);
  if (reading.type === "no-json")
    throw faulty(`is no JSON, at column ${reading.fault.column}: ${reading.fault.reason}`);
  const { members, repeated } = reading.content;
  if (members === null) throw faulty(`has ${kindOfJson(text)} where ${what} is wanted, an object`);
  if (repeated.length > 0) throw faulty(`gives "${repeated[0]}" twice in one object`);
  return members;
}

function textIn(name: string, value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const content: unknown = JSON.parse(value);
  if (typeof content !== "string") throw faulty(`has ${kindOfJson(value)} as "${name}", a string is wanted`);
  return content;
}

function switchIn(name: string, value = "false"): boolean {
  if (value !== "true" && value !== "false")
    throw faulty(`has ${kindOfJson(value)} as "${name}", true or false is wanted`);
  return value === "true";
}

function faulty(what: string): DyncError {
  const hint = 'a job is one line, such as {"path": "run42.raw", "metadata": {"sample": "S-17"}}';
  return new DyncError("usage", printable(`The line ${what}`), { hint });
}
