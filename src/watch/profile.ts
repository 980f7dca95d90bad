// A profile: what is known of one kind of instrument, as a rule that says when a run is complete. It is made of a small file
// (`profile-file.ts`), one of ours (`profiles.ts`) or one that somebody wrote. Pure but for the small files that a view reads.

import type { FileReading } from "../config/table.ts";
import { type Completion, type CompletionRule, type EntryView, genericRule } from "./completion.ts";
import { holding, Seen, shownPath, stemOf } from "./condition.ts";
import { makerChecksums } from "./maker-checksums.ts";
import { listingPattern } from "./path-glob.ts";
import { type Outcome, type ProfileFile, readProfileFile, type WaitRow } from "./profile-file.ts";
import { missingBytes, sqliteHeaderBytes } from "./sqlite-size.ts";
import { reasonsOfEnds } from "./wait-reason.ts";

export interface Profile extends CompletionRule {
  readonly title: string;
  /** What is sent as one. */
  readonly unit: "file" | "folder";
  /** How many levels below the watched folder the units lie; `null`: it says nothing of that. */
  readonly depth: number | null;
  /** How long it has to be quiet in milliseconds, where nobody says something else; `null`: as for all. */
  readonly settleMs: number | null;
  /** Whether it knows its runs by their names or by what is in them: else everything of its kind is one. */
  readonly hasShape: boolean;
  /** What is never sent, as patterns of `client/listing/pattern.ts`. */
  readonly junkPatterns: readonly string[];
  readonly file: ProfileFile;
  /** The SHA-256 (lower-case hex) that the instrument itself wrote down, by path within the run; empty where it wrote none. */
  makerChecksums(view: EntryView): Promise<ReadonlyMap<string, string>>;
}

/** Reads the profile `name` from the text of its file. Everything that is wrong with it is told at once. */
export function readProfile(name: string, text: string): FileReading<Profile> {
  const reading = readProfileFile(text);
  return reading.ok ? { ...reading, value: profileOf(name, reading.value) } : reading;
}

function profileOf(name: string, file: ProfileFile): Profile {
  const { names, contains, endings = [], junk = [], unit } = file;
  const noName = { name: "", stem: "" };
  const hasShape = names !== undefined || contains !== undefined || endings.length > 0;
  const junkMatchers = junk.map(({ of }) => of(noName));
  const containsUnit = (view: EntryView): boolean =>
    contains !== undefined && new Seen(view, endings).first(contains) !== null;
  const isPart = (it: string): boolean =>
    endings.some((ending) => it.length > ending.length && it.toLowerCase().endsWith(ending.toLowerCase()));
  const namesUnit = (it: string): boolean =>
    !hasShape || (names ?? []).some(({ of }) => of(noName)(it)) || isPart(it);
  return {
    ...{ name, file, unit, title: file.title, depth: file.depth ?? null, settleMs: file.settle ?? null },
    hasShape,
    junkPatterns: junk.map(listingPattern),
    isUnit: (view) => view.kind === unit && (namesUnit(view.name) || containsUnit(view)),
    isJunk: junk.length === 0 ? genericRule.isJunk : (path) => junkMatchers.some((matches) => matches(path)),
    complete: (view) => complete(file, new Seen(view, endings)),
    ...(endings.length === 0
      ? {}
      : { belonging: (view) => (isPart(view.name) ? partsBeside(view, endings, isPart) : []) }),
    makerChecksums: (view) =>
      file.checksums === undefined
        ? Promise.resolve(new Map())
        : makerChecksums(file.checksums, new Seen(view, endings)),
  };
}

/** The other files of its acquisition. */
function partsBeside(
  view: EntryView,
  endings: readonly string[],
  isPart: (name: string) => boolean,
): readonly string[] {
  const stem = stemOf(view.name, endings).toLowerCase();
  return view
    .siblings()
    .filter((it) => it !== view.name && isPart(it) && stemOf(it, endings).toLowerCase() === stem);
}

async function complete(file: ProfileFile, seen: Seen): Promise<Completion> {
  const waits = (await vetoOf(file, seen)) ?? (await shortDatabase(file, seen));
  if (waits !== null) return waits;
  const signs = file.sign ?? [];
  if (signs.length === 0) return { type: "by-quiet" };
  const lacks: string[] = [];
  for (const sign of signs) {
    const found = await holding(sign, seen);
    if (found.holds) {
      const shown = found.file ?? sign.says ?? "its sign";
      return (
        (await brokenPromise(file, seen)) ?? (await ended(file, seen, { outcome: sign.outcome, sign: shown }))
      );
    }
    lacks.push(found.lacks);
  }
  return (await endedWithout(file, seen)) ?? noSign(file, seen, lacks);
}

/** What one of the `[[wait]]` says. */
async function vetoOf({ wait = [] }: ProfileFile, seen: Seen): Promise<Completion | null> {
  for (const row of wait) {
    const found = await holding(row, seen);
    if (found.holds)
      return { type: "waits", reason: row.reason, detail: waitText(row, found.file ?? seen.names.name) };
  }
  return null;
}

/** A name may have "$&" in it, which a replacement must not read. */
function waitText({ says }: WaitRow, file: string): string {
  return says.replaceAll("{file}", () => file);
}

/** A database that is shorter than it says. */
async function shortDatabase({ sqlite = [] }: ProfileFile, seen: Seen): Promise<Completion | null> {
  for (const path of sqlite.flatMap((glob) => seen.all(glob))) {
    const header = await seen.read(path, sqliteHeaderBytes);
    const missing = header === null ? null : missingBytes(header, seen.sizeOf(path));
    if (missing === null || missing === 0) continue;
    const detail = `${shownPath(path)} is a database that lacks ${missing} bytes of what it says it has`;
    return { type: "waits", reason: "incomplete", detail };
  }
  return null;
}

/** Files that the end promises and that are not there. */
async function brokenPromise({ promise = [] }: ProfileFile, seen: Seen): Promise<Completion | null> {
  for (const { in: glob, "number-after": before, files } of promise) {
    let promised = 0;
    for (const path of seen.all(glob)) promised += numberAfter((await seen.textOf(path)) ?? "", before);
    const there = new Set(files.flatMap((it) => seen.all(it))).size;
    if (there >= promised) continue;
    const shown = files.map(({ text }) => text).join(", ");
    const detail = `${glob.text} says that there are ${promised} of ${shown}, found ${there}`;
    return { type: "waits", reason: "incomplete", detail };
  }
  return null;
}

function numberAfter(text: string, before: string): number {
  const at = text.indexOf(before);
  const digits =
    at < 0 ? null : /^\s{0,9}(\d{1,12})/.exec(text.slice(at + before.length, at + before.length + 30));
  return digits === null ? 0 : Number(digits[1]);
}

async function ended(
  file: ProfileFile,
  seen: Seen,
  { outcome, sign }: { readonly outcome: Outcome | undefined; readonly sign: string },
): Promise<Completion> {
  const verdict = outcome === undefined ? await verdictOf(file, seen) : null;
  return { type: "complete", outcome: verdict?.outcome ?? outcome ?? "finished", sign };
}

interface Verdict {
  readonly outcome: Outcome;
  /** The file that says so. */
  readonly path: string;
}

async function verdictOf({ verdict = [] }: ProfileFile, seen: Seen): Promise<Verdict | null> {
  for (const { outcome, ...text } of verdict) {
    const path = await seen.fileWith(text);
    if (path !== null) return { outcome, path: shownPath(path) };
  }
  return null;
}

/** A run that ended badly may never get the sign of its end: a person decides. */
async function endedWithout(file: ProfileFile, seen: Seen): Promise<Completion | null> {
  const verdict = await verdictOf(file, seen);
  if (verdict === null || verdict.outcome === "finished") return null;
  const reason = reasonsOfEnds[verdict.outcome];
  return { type: "waits", reason, detail: `${verdict.path} says so, and there is no sign of the end` };
}

function noSign({ early = [] }: ProfileFile, seen: Seen, lacks: readonly string[]): Completion {
  const tooEarly = seen.first(early);
  const waits = `it waits for ${[...new Set(lacks)].join(", or for ")}`;
  const detail = tooEarly === null ? waits : `${shownPath(tooEarly)} is there, which is too early: ${waits}`;
  return { type: "waits", reason: "no-sign", detail };
}
