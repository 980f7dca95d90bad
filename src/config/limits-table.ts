// `[[limits]]` of a server's file: what some users may have, in an ordered list. Each member of it is a matter of its own, for
// which the first entry counts that fits the user and has that member.

import * as v from "valibot";
import { type Priority, priorities } from "../protocol/priority.ts";
import type { LimitEntry, ShownPattern } from "../rules/user-limits.ts";
import { type Parsed, right, wrong } from "./parsed.ts";
import {
  type Groups,
  groupFaults,
  patterns,
  readName,
  readPatterns,
  readTexts,
  usersOf,
} from "./rules-table.ts";
import { counts, sizes } from "./setting.ts";
import { type FileReading, type MemberFault, member, memberFault, ofKind, table } from "./table.ts";
import { tomlText } from "./toml.ts";

/** An entry as it is written. */
export interface LimitsRow {
  readonly name: string;
  readonly users?: LimitEntry["users"];
  readonly groups?: readonly string[] | undefined;
  readonly uploads?: number | undefined;
  readonly unfinished?: number | undefined;
  readonly "upload-size"?: number | undefined;
  readonly quota?: number | undefined;
  readonly "group-quota"?: number | undefined;
  readonly files?: readonly ShownPattern[] | undefined;
  readonly priority?: Priority | undefined;
  readonly contact?: string | undefined;
}

const contactLengthMax = 200;
const uploadsMaxMax = 100_000;
const bytes = sizes();
const uploads = counts(1, uploadsMaxMax);

/** What an entry says a limit with; the rest is about whom it is for. */
const matters = {
  uploads: v.optional(ofKind(uploads)),
  unfinished: v.optional(ofKind(uploads)),
  "upload-size": v.optional(ofKind(bytes)),
  quota: v.optional(ofKind(bytes)),
  "group-quota": v.optional(ofKind(bytes)),
  files: v.optional(member((value) => readPatterns(value, true, "names of files"))),
  priority: v.optional(member(readPriority)),
};

/** What `[[limits]]` may hold. */
export function limitsMembers() {
  return {
    limits: v.optional(
      v.array(
        table({
          name: member(readName),
          users: v.optional(patterns(false, "users")),
          groups: v.optional(member(readTexts)),
          ...matters,
          contact: v.optional(member(readContact)),
        }),
      ),
    ),
  };
}

/** What is wrong with entries and groups beside each other. */
export function limitsFaults(
  rows: readonly LimitsRow[],
  groups: Groups,
  reading: Extract<FileReading<unknown>, { ok: true }>,
): readonly MemberFault[] {
  const empty = rows.flatMap((row, index) => {
    if ([...Object.keys(matters), "contact"].some((it) => row[it as keyof LimitsRow] !== undefined))
      return [];
    const text = `says no limit: it needs one of ${Object.keys(matters).join(", ")}`;
    return [memberFault(reading, ["limits", index], text)];
  });
  return [...groupFaults("limits", rows, groups, reading), ...empty];
}

/** The entries as they are judged by. */
export function limitEntries(rows: readonly LimitsRow[], groups: Groups): readonly LimitEntry[] {
  return rows.map((row) => {
    const { name, uploads, unfinished, files, priority, contact } = row;
    const sizes = {
      uploadBytes: row["upload-size"],
      quotaBytes: row.quota,
      groupQuotaBytes: row["group-quota"],
    };
    return { name, users: usersOf(row, groups), uploads, unfinished, ...sizes, files, priority, contact };
  });
}

function readPriority(value: unknown): Parsed<Priority> {
  const found = priorities.find((it) => it === value);
  return found === undefined ? wrong(`one of ${priorities.join(", ")}`, tomlText(value)) : right(found);
}

function readContact(value: unknown): Parsed<string> {
  const isContact =
    typeof value === "string" &&
    value.trim() !== "" &&
    value.length <= contactLengthMax &&
    !/\p{Cc}/u.test(value);
  return isContact
    ? right(value)
    : wrong(`a text of 1 to ${contactLengthMax} characters on one line`, tomlText(value));
}
