// `[[rules]]` and `[groups]` of a server's file: which uploads are taken, and what their metadata must say. Each schema is a file
// of its own, which is read by whoever reads this one.

import { resolve } from "node:path";
import * as v from "valibot";
import { messageOf } from "../base/error.ts";
import type { Matches } from "../rules/linear-pattern.ts";
import { shownPattern, wantedOf } from "../rules/read-pattern.ts";
import type { Scalar, Wanted } from "../rules/upload-rules.ts";
import type { ShownPattern } from "../rules/user-limits.ts";
import { type Parsed, right, wrong } from "./parsed.ts";
import { type TermsRow, termsMembers } from "./rule-terms.ts";
import { switches } from "./setting.ts";
import { type FileReading, type MemberFault, member, memberFault, ofKind, table } from "./table.ts";
import { isTable, tomlText } from "./toml.ts";

/** A rule as it is written. */
export interface RuleRow extends TermsRow {
  readonly name: string;
  readonly users?: readonly Matches[] | undefined;
  /** Names of groups; who is in one of them, or fits `users`, is meant. */
  readonly groups?: readonly string[] | undefined;
  readonly files?: readonly ShownPattern[] | undefined;
  readonly datasets?: boolean | undefined;
  readonly barcode?: boolean | undefined;
  readonly metadata?: ReadonlyMap<string, readonly Wanted[]> | undefined;
  /** Absolute path of a file. */
  readonly schema?: string | undefined;
}

export type Groups = Readonly<Record<string, readonly Matches[]>>;

const nameLengthMax = 80;

/** What `[[rules]]` and `[groups]` may hold; paths begin at `folder`. */
export function rulesMembers(folder: string) {
  return {
    groups: v.optional(v.record(v.string(), patterns(false, "users"))),
    rules: v.optional(
      v.array(
        table({
          name: member(readName),
          users: v.optional(patterns(false, "users")),
          groups: v.optional(member(readTexts)),
          files: v.optional(member((value) => readPatterns(value, true, "names of files"))),
          datasets: v.optional(ofKind(switches)),
          barcode: v.optional(ofKind(switches)),
          metadata: v.optional(member(readConditions)),
          schema: v.optional(member((value) => readPath(value, folder))),
          ...termsMembers,
        }),
      ),
    ),
  };
}

/** What is wrong with the entries of `list`, each of which has a name, and groups beside each other. */
export function groupFaults(
  list: string,
  rows: readonly Pick<RuleRow, "name" | "groups">[],
  groups: Groups,
  reading: Extract<FileReading<unknown>, { ok: true }>,
): readonly MemberFault[] {
  const faults: MemberFault[] = [];
  const seen = new Map<string, number>();
  for (const [index, row] of rows.entries()) {
    const at = (key: string, text: string): void => {
      faults.push(memberFault(reading, [list, index, key], text));
    };
    const before = seen.get(row.name);
    if (before !== undefined) at("name", `needs a name of its own, found that of ${list}[${before + 1}]`);
    seen.set(row.name, index);
    for (const group of row.groups ?? []) {
      const fault = unknownName(group, Object.keys(groups), "[groups]");
      if (fault !== null) at("groups", fault);
    }
  }
  return faults;
}

/** What is wrong with `name`, which has to be one of those in the table `where`; `null`: nothing. */
export function unknownName(name: string, known: readonly string[], where: string): string | null {
  if (known.includes(name)) return null;
  const quoted = known.map((it) => JSON.stringify(it)).join(", ");
  const list = known.length === 0 ? "and there are none" : `known are ${quoted}`;
  return `needs names of ${where}, ${list}; found ${tomlText(name)}`;
}

/** Whom a rule, or another entry with users and groups, is for: `undefined` for everybody. */
export function usersOf(
  { users, groups: names }: Pick<RuleRow, "users" | "groups">,
  groups: Groups,
): readonly Matches[] | undefined {
  if (users === undefined && names === undefined) return undefined;
  return [...(users ?? []), ...(names ?? []).flatMap((it) => groups[it] ?? [])];
}

export function readName(value: unknown): Parsed<string> {
  const isName = typeof value === "string" && value.trim() !== "" && value.length <= nameLengthMax;
  return isName ? right(value) : wrong(`a text of 1 to ${nameLengthMax} characters`, tomlText(value));
}

export function readTexts(value: unknown): Parsed<readonly string[]> {
  const isList = Array.isArray(value) && value.length > 0 && value.every((it) => typeof it === "string");
  return isList ? right(value) : wrong('a list of texts: ["a", "b"]', tomlText(value));
}

function readPath(value: unknown, folder: string): Parsed<string> {
  const isPath = typeof value === "string" && value !== "";
  return isPath ? right(resolve(folder, value)) : wrong("the path of a JSON Schema", tomlText(value));
}

/** Patterns for `what`, which people read in a fault. */
export function patterns(ignoresCase: boolean, what: string) {
  return member((value): Parsed<readonly Matches[]> => {
    const read = readPatterns(value, ignoresCase, what);
    return read.ok ? right(read.value.map(({ matches }) => matches)) : read;
  });
}

/** The same, each with its text. */
export function readPatterns(
  value: unknown,
  ignoresCase: boolean,
  what: string,
): Parsed<readonly ShownPattern[]> {
  const wanted = `a list of patterns for ${what}: ["a*", "/^b[0-9]+$/"]`;
  const texts = readTexts(value);
  if (!texts.ok) return wrong(wanted, tomlText(value));
  const read: ShownPattern[] = [];
  for (const text of texts.value) {
    try {
      read.push(shownPattern(text, ignoresCase));
    } catch (error) {
      return wrong(wanted, `${tomlText(text)}, which ${messageOf(error)}`);
    }
  }
  return right(read);
}

function readConditions(value: unknown): Parsed<ReadonlyMap<string, readonly Wanted[]>> {
  const wanted = 'fields with the values that they may have: { "instrument.kind" = ["ms", "/^nmr/"] }';
  if (!isTable(value)) return wrong(wanted, tomlText(value));
  const conditions = new Map<string, readonly Wanted[]>();
  for (const [path, values] of Object.entries(value)) {
    const list = [values].flat();
    if (list.length === 0 || !list.every(isScalar)) return wrong(wanted, `${path} = ${tomlText(values)}`);
    const read: Wanted[] = [];
    for (const it of list) {
      try {
        read.push(wantedOf(it));
      } catch (error) {
        return wrong(wanted, `${path} = ${tomlText(it)}, which ${messageOf(error)}`);
      }
    }
    conditions.set(path, read);
  }
  return conditions.size > 0 ? right(conditions) : wrong(wanted, "an empty table");
}

function isScalar(value: unknown): value is Scalar {
  return ["string", "number", "boolean"].includes(typeof value);
}
