// The tables of a file as schemas of valibot, and what is wrong with a file in words that name the member. A schema is made of
// `table`, `member`, and valibot's `array`, `record` and `optional`.

import * as v from "valibot";
import { closest } from "../base/closest.ts";
import { type Parsed, right, wrong } from "./parsed.ts";
import { type Kind, readInFile } from "./setting.ts";
import { isTable, type LineFault, type TomlReading, tomlText } from "./toml.ts";
import type { TomlPath } from "./toml-lines.ts";

// Who has more is not going to mend them one by one.
const faultsMax = 100;

/** A member that `read` understands; what is wrong with it are its words. */
export function member<T>(read: (value: unknown) => Parsed<T>) {
  return v.pipe(
    v.unknown(),
    v.rawTransform<unknown, T>(({ dataset, addIssue, NEVER }) => {
      const parsed = read(dataset.value);
      if (parsed.ok) return parsed.value;
      const { wanted, found, hint = "" } = parsed.fault;
      addIssue({ expected: wanted, received: found, message: hint });
      return NEVER;
    }),
  );
}

/** A member that is written as a setting of this kind is. */
export function ofKind<T>(kind: Kind<T>) {
  return member((value) => readInFile({ kind }, value));
}

const tables = member((value) => (isTable(value) ? right(value) : wrong("a table", tomlText(value))));

/** A table that has these members, and no others; `everything` says where those of a large one stand. */
export function table<E extends v.ObjectEntries>(
  entries: E,
  everything = '"dync-server config example" has all that are known',
): v.GenericSchema<unknown, v.InferOutput<v.ObjectSchema<E, undefined>>> {
  const known = Object.keys(entries);
  // `object` passes over what it does not know, and valibot's stricter ones name the first such member alone.
  const nothingElse = v.pipe(
    v.unknown(),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!isTable(dataset.value)) return;
      const unknown = Object.entries(dataset.value).filter(([key]) => !known.includes(key));
      for (const [index, [key, value]] of unknown.entries()) {
        const path: [v.ObjectPathItem] = [
          { type: "object", origin: "value", input: dataset.value, key, value },
        ];
        // What is not shown needs no hint: it costs more than all else.
        addIssue({ message: index < faultsMax ? hintFor(key, value, { known, everything }) : "", path });
      }
    }),
    v.transform(() => ({})),
  );
  const members = v.intersect([nothingElse, v.object(entries)]);
  // Nothing is read of what is no table.
  return v.pipe(tables, members as never);
}

/** A table that has these members; others may be there, and are kept. */
export function openTable<E extends v.ObjectEntries>(
  entries: E,
): v.GenericSchema<unknown, v.InferOutput<v.LooseObjectSchema<E, undefined>>> {
  return v.pipe(tables, v.looseObject(entries) as never);
}

/** What may have been meant by a key that is not known. */
function hintFor(key: string, value: unknown, { known, everything }: KnownKeys): string {
  const near = nearest(key, known);
  if (near !== null) return `did you mean "${near}"?`;
  if (isTable(value) && Object.keys(value).some((it) => known.includes(it)))
    return `what stands in it is written without "[${key}]"`;
  if (known.length > listedMax) return everything;
  return `known here: ${known.map((it) => `"${it}"`).join(", ")}`;
}

const listedMax = 8;

interface KnownKeys {
  readonly known: readonly string[];
  readonly everything: string;
}

/** The known key that has the fewest other letters, or else the most words of `key`; `null` when none has any. */
export function nearest(key: string, known: readonly string[]): string | null {
  const written = key.toLowerCase().replaceAll("_", "-");
  const near = closest(written, known);
  if (near !== null) return near;
  const words = written.split("-");
  const shared = (it: string): number => it.split("-").filter((word) => words.includes(word)).length;
  const best = known.toSorted((a, b) => shared(b) - shared(a))[0];
  return best !== undefined && shared(best) > 0 ? best : null;
}

/** What is wrong with one member of a file. */
export interface MemberFault extends LineFault {
  /** The member as people write it: `rules[2].name`. Empty: it is the file. */
  readonly member: string;
}

export type FileReading<T> =
  | { readonly ok: true; readonly value: T; lineOf(path: TomlPath): number }
  | { readonly ok: false; readonly faults: readonly MemberFault[] };

/** A fault of the member at `path` of the file in which `lineOf` finds it. */
export function memberFault(
  { lineOf }: { lineOf(path: TomlPath): number },
  path: TomlPath,
  text: string,
): MemberFault {
  return { line: lineOf(path), member: memberText(path), text };
}

/** What `schema` makes of a file that was read, or all that is wrong with it, in the order of its lines. */
export function checkFile<T>(reading: TomlReading, schema: v.GenericSchema<unknown, T>): FileReading<T> {
  if (!reading.ok) return { ok: false, faults: [{ ...reading.fault, member: "" }] };
  const { value, lineOf } = reading;
  const result = v.safeParse(schema, value);
  if (result.success) return { ok: true, value: result.output, lineOf };
  const faults = result.issues.map((issue) => faultOf(issue, lineOf)).toSorted((a, b) => a.line - b.line);
  if (faults.length <= faultsMax) return { ok: false, faults };
  const line = faults[faultsMax]?.line ?? 1;
  const text = `and ${faults.length - faultsMax} more mistakes`;
  return { ok: false, faults: [...faults.slice(0, faultsMax), { line, member: "", text }] };
}

function faultOf(issue: v.BaseIssue<unknown>, lineOf: (path: TomlPath) => number): MemberFault {
  const path = (issue.path ?? []).map(({ key }) => key as string | number);
  const { text, hint } = wordsOf(issue);
  return { ...memberFault({ lineOf }, path, text), hint };
}

function wordsOf(issue: v.BaseIssue<unknown>): { readonly text: string; readonly hint?: string | undefined } {
  if (issue.type === "raw_check") return { text: "unknown setting", hint: issue.message };
  const isOfTable = issue.type === "object" || issue.type === "loose_object";
  if (isOfTable && issue.path?.at(-1)?.origin === "key") return { text: "is missing" };
  const wanted = typeNames[issue.expected ?? ""] ?? issue.expected;
  const hint = issue.type === "raw_transform" && issue.message !== "" ? issue.message : undefined;
  const found = issue.type === "raw_transform" ? issue.received : tomlText(issue.input);
  return { text: `needs ${wanted}, found ${found}`, hint };
}

/** What valibot calls the types that a file may have. */
const typeNames: Readonly<Record<string, string>> = { Array: "a list", Object: "a table" };

/** A member as people write it: `rules[2].name`. */
export function memberText(path: TomlPath): string {
  const parts = path.map((it) => {
    if (typeof it === "number") return `[${it + 1}]`;
    return /^[\w-]+$/.test(it) ? `.${it}` : `.${JSON.stringify(it)}`;
  });
  return parts.join("").replace(/^\./, "");
}
