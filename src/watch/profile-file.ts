// The file of a profile: what it may say of one kind of instrument, in TOML. `profile.ts` makes a rule of it.

import * as v from "valibot";
import { messageOf } from "../base/error.ts";
import { type Parsed, right, wrong } from "../config/parsed.ts";
import { choices, counts, durations, sizes } from "../config/setting.ts";
import { checkFile, type FileReading, member, memberFault, ofKind, table } from "../config/table.ts";
import { readToml, tomlText } from "../config/toml.ts";
import type { TomlPath } from "../config/toml-lines.ts";
import { isExpression, linearPattern, type Matches } from "../rules/linear-pattern.ts";
import { type PathGlob, pathGlob } from "./path-glob.ts";
import type { WaitReason } from "./wait-reason.ts";

type Globs = readonly PathGlob[];

/** Text that one of the files has that a glob means. */
export interface WantedText {
  readonly in: PathGlob;
  readonly is: Matches;
}

/** Text that the second column of a table has where the first one is the key. */
export interface WantedRow extends WantedText {
  readonly table: string;
  readonly key: string;
}

/** All that is said in it holds. */
export interface Condition {
  /** Each of them means at least one file. */
  readonly files?: Globs | undefined;
  readonly "any-of"?: Globs | undefined;
  readonly "none-of"?: Globs | undefined;
  /** The name of the entry itself. */
  readonly name?: Globs | undefined;
  readonly text?: WantedText | undefined;
  /** There are folders that the first one means, and in each lies what one of the others means. */
  readonly each?: { readonly folder: PathGlob; readonly has: Globs } | undefined;
  /** What stands behind a key in a table of a database of SQLite. */
  readonly row?: WantedRow | undefined;
  /** One of the files has fewer bytes. */
  readonly smaller?: { readonly files: Globs; readonly than: number } | undefined;
}

export type Outcome = (typeof outcomes)[number];

export interface SignRow extends Condition {
  readonly outcome?: Outcome | undefined;
  /** What it is, for people. */
  readonly says?: string | undefined;
}

export interface WaitRow extends Condition {
  readonly reason: WaitReason;
  /** Why it waits, for people; "{file}" stands for the file that was found. */
  readonly says: string;
}

/** A number in one file, behind a text, of files that have to be there. */
export interface PromiseRow {
  readonly in: PathGlob;
  readonly "number-after": string;
  readonly files: Globs;
}

/** What such a file says. */
export interface ProfileFile {
  readonly title: string;
  readonly unit: "file" | "folder";
  readonly about?: string | undefined;
  readonly depth?: number | undefined;
  /** Milliseconds. */
  readonly settle?: number | undefined;
  readonly names?: Globs | undefined;
  readonly contains?: Globs | undefined;
  readonly endings?: readonly string[] | undefined;
  readonly junk?: Globs | undefined;
  readonly early?: Globs | undefined;
  readonly sqlite?: Globs | undefined;
  readonly sources?: readonly string[] | undefined;
  readonly sign?: readonly SignRow[] | undefined;
  readonly verdict?: readonly (WantedText & { readonly outcome: Outcome })[] | undefined;
  readonly wait?: readonly WaitRow[] | undefined;
  readonly promise?: readonly PromiseRow[] | undefined;
  readonly checksums?: { readonly in: PathGlob; readonly path: string; readonly sha256: string } | undefined;
}

const outcomes = ["finished", "failed", "aborted"] as const;
const reasons = ["no-sign", "incomplete", "empty", "journal-beside", "run-failed", "run-aborted"] as const;
const textLengthMax = 300;
const depthMax = 16;
const settleMsMin = 1_000;
const listMax = 100;

const conditionMembers = {
  files: v.optional(member(readGlobs)),
  "any-of": v.optional(member(readGlobs)),
  "none-of": v.optional(member(readGlobs)),
  name: v.optional(member(readGlobs)),
  text: v.optional(table({ in: member(readGlob), is: member(readWantedText) })),
  row: v.optional(
    table({
      in: member(readGlob),
      table: member(readText),
      key: member(readText),
      is: member(readWantedText),
    }),
  ),
  each: v.optional(table({ folder: member(readGlob), has: member(readGlobs) })),
  smaller: v.optional(table({ files: member(readGlobs), than: ofKind(sizes()) })),
};
const conditionNames = Object.keys(conditionMembers) as (keyof Condition)[];

const fileSchema: v.GenericSchema<unknown, ProfileFile> = table(
  {
    title: member(readText),
    unit: ofKind(choices("UNIT", ["file", "folder"] as const)),
    about: v.optional(member(readText)),
    depth: v.optional(ofKind(counts(1, depthMax))),
    settle: v.optional(ofKind(durations(settleMsMin))),
    names: v.optional(member(readGlobs)),
    contains: v.optional(member(readGlobs)),
    endings: v.optional(member(readEndings)),
    junk: v.optional(member(readGlobs)),
    early: v.optional(member(readGlobs)),
    sqlite: v.optional(member(readGlobs)),
    sources: v.optional(member(readSources)),
    sign: v.optional(
      v.array(
        table({
          ...conditionMembers,
          outcome: v.optional(ofKind(choices("OUTCOME", outcomes))),
          says: v.optional(member(readText)),
        }),
      ),
    ),
    verdict: v.optional(
      v.array(
        table({
          in: member(readGlob),
          is: member(readWantedText),
          outcome: ofKind(choices("OUTCOME", outcomes)),
        }),
      ),
    ),
    wait: v.optional(
      v.array(
        table({
          ...conditionMembers,
          reason: ofKind(choices("REASON", reasons)),
          says: member(readText),
        }),
      ),
    ),
    promise: v.optional(
      v.array(table({ in: member(readGlob), "number-after": member(readText), files: member(readGlobs) })),
    ),
    checksums: v.optional(table({ in: member(readGlob), path: member(readText), sha256: member(readText) })),
  },
  "doc/instruments.md has all that a profile may say",
);

/** Reads the file of a profile. Everything that is wrong with it is told at once. */
export function readProfileFile(text: string): FileReading<ProfileFile> {
  const reading = checkFile(readToml(text), fileSchema);
  if (!reading.ok) return reading;
  const faults = faultsBeside(reading.value)
    .map(([path, words]) => memberFault(reading, path, words))
    .toSorted((a, b) => a.line - b.line);
  return faults.length === 0 ? reading : { ok: false, faults };
}

type Located = readonly [path: TomlPath, text: string];

/** What is wrong with members beside each other. */
function faultsBeside(file: ProfileFile): readonly Located[] {
  const ofFolders = ["contains", "checksums"] as const;
  const ofSigns = ["early", "verdict", "promise"] as const;
  const withoutSign = (file.sign ?? []).length === 0;
  return [
    ...(["sign", "wait"] as const).flatMap((list) =>
      (file[list] ?? []).flatMap((row, index) => conditionFaults(file, row, [list, index])),
    ),
    ...ofFolders
      .filter((key) => file[key] !== undefined && file.unit === "file")
      .map((key): Located => [[key], 'is for unit = "folder": there is nothing in a file']),
    ...ofSigns
      .filter((key) => file[key] !== undefined && withoutSign)
      .map((key): Located => [[key], "is for a profile that has a [[sign]] of the end"]),
    ...(file.junk ?? [])
      .filter(({ text, isBeside }) => isBeside || isExpression(text) || /\{(name|stem)\}/.test(text))
      .map(({ text }): Located => [["junk"], `needs globs for what is in a run, found ${tomlText(text)}`]),
    ...(file.endings !== undefined && file.unit === "folder"
      ? [[["endings"], 'is for unit = "file": the files of one acquisition'] as Located]
      : []),
  ];
}

function conditionFaults({ unit }: ProfileFile, row: SignRow | WaitRow, path: TomlPath): readonly Located[] {
  const faults: Located[] = [];
  if (conditionNames.every((key) => row[key] === undefined)) {
    const names = conditionNames.map((it) => `"${it}"`).join(", ");
    faults.push([path, `says nothing that has to hold: needs one of ${names}`]);
  }
  if (row.each !== undefined && unit === "file")
    faults.push([[...path, "each"], 'is for unit = "folder": there is nothing in a file']);
  const beside = row.each?.has.find(({ isBeside }) => isBeside);
  if (beside !== undefined)
    faults.push([[...path, "each", "has"], `means what lies in each folder, found ${tomlText(beside.text)}`]);
  return faults;
}

function readText(value: unknown): Parsed<string> {
  const isText = typeof value === "string" && value.trim() !== "" && value.length <= textLengthMax;
  if (isText && !/\p{Cc}/u.test(value)) return right(value);
  return wrong(`a line of 1 to ${textLengthMax} characters`, tomlText(value));
}

function readGlob(value: unknown): Parsed<PathGlob> {
  const wanted = 'a glob for a path, from the run on: "metadata/*.done"';
  if (typeof value !== "string") return wrong(wanted, tomlText(value));
  try {
    return right(pathGlob(value));
  } catch (error) {
    return wrong(wanted, `${tomlText(value)}, which ${messageOf(error)}`);
  }
}

function readGlobs(value: unknown): Parsed<Globs> {
  const wanted = 'a list of globs for paths, from the run on: ["*.raw", "metadata/*.done"]';
  if (!Array.isArray(value) || value.length === 0) return wrong(wanted, tomlText(value));
  if (value.length > listMax) return wrong(`at most ${listMax} globs`, String(value.length));
  const globs: PathGlob[] = [];
  for (const it of value) {
    const read = readGlob(it);
    if (!read.ok) return wrong(wanted, read.fault.found);
    globs.push(read.value);
  }
  return right(globs);
}

function readWantedText(value: unknown): Parsed<Matches> {
  const wanted = 'a text that stands in the file, or an expression: "closed", "/^stopped=./"';
  const text = readText(value);
  if (!text.ok) return wrong(wanted, tomlText(value));
  if (!isExpression(text.value)) return right((it) => it.includes(text.value));
  try {
    return right(linearPattern(`(?m)${text.value.slice(1, -1)}`));
  } catch (error) {
    return wrong(wanted, `${tomlText(value)}, which ${messageOf(error)}`);
  }
}

function readEndings(value: unknown): Parsed<readonly string[]> {
  const wanted = 'the endings of the files of one acquisition: [".wiff", ".wiff.scan"]';
  const isEnding = (it: unknown): boolean => typeof it === "string" && /^\.[^/\\]{1,50}$/.test(it);
  if (!Array.isArray(value) || value.length === 0 || value.length > listMax)
    return wrong(wanted, tomlText(value));
  const other = value.find((it) => !isEnding(it));
  return other === undefined ? right(value as string[]) : wrong(wanted, tomlText(other));
}

function readSources(value: unknown): Parsed<readonly string[]> {
  const wanted = 'a list of addresses or citations: ["https://example.org/formats"]';
  if (!Array.isArray(value) || value.length === 0 || value.length > listMax)
    return wrong(wanted, tomlText(value));
  const other = value.find((it) => !readText(it).ok);
  return other === undefined ? right(value as string[]) : wrong(wanted, tomlText(other));
}
