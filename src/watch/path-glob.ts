// Globs for paths in what an instrument writes, as profiles have them. One kind of glob for all: a path from the entry on, so that a
// file of the same name in a sub-folder, which means something else, is not taken for it. Case is not regarded: instruments write
// on Windows.
//
//   CopyComplete.txt     that file, and none of that name further in
//   *.pod5               "*" is any characters, "?" one, "[a-c]" one of some, none of them "/"
//   **/*.pod5            "**" is any number of folders
//   ../{stem}.wiff.scan  what lies beside the entry; {name} is that of the entry, {stem} what stands before its ending
//   /_[0-9]+\.raw$/      between slashes a regular expression of RE2's syntax for any part of the path

import { patternFault } from "../client/listing/pattern.ts";
import { isExpression, type Matches, namePattern } from "../rules/linear-pattern.ts";

/** A glob that was read. */
export interface PathGlob {
  /** As it is written. */
  readonly text: string;
  /** Whether it means what lies beside the entry. */
  readonly isBeside: boolean;
  /** How many parts the paths have that it means; infinite: any number. */
  readonly parts: number;
  /** What it means for an entry of this name. */
  of(names: EntryNames): Matches;
  /** The one name, in lower case, that it means beside an entry of this name; `null`: it may mean several, or something else. */
  nameBeside(names: EntryNames): string | null;
}

export interface EntryNames {
  readonly name: string;
  readonly stem: string;
}

const lengthMax = 500;

/** @throws Error whose message says why `text` is none, as the rest of a sentence. */
export function pathGlob(text: string): PathGlob {
  const isBeside = text.startsWith("../");
  const inside = isBeside ? text.slice(3) : text;
  if (text.length > lengthMax)
    throw new Error(`is ${text.length} characters long, at most ${lengthMax} are allowed`);
  if (isExpression(text)) {
    const matches = namePattern(text, true);
    const parts = Number.POSITIVE_INFINITY;
    return { text, isBeside: false, parts, of: () => matches, nameBeside: () => null };
  }
  const fault = faultOf(inside, isBeside);
  if (fault !== null) throw new Error(fault);
  const fixed = /\{(name|stem)\}/.test(inside) ? null : compiled(inside);
  // Names put in for the placeholders can make nothing of a glob that was none.
  if (fixed === null) compiled(filled(inside, { name: "a", stem: "a" }));
  const written = inside.split("/");
  const parts = written.includes("**") ? Number.POSITIVE_INFINITY : written.length;
  const isOneName = isBeside && !/[\\*?[]/.test(inside);
  return {
    ...{ text, isBeside, parts, of: (names) => fixed ?? compiled(filled(inside, names)) },
    nameBeside: (names) => (isOneName ? put(inside, names, (it) => it).toLowerCase() : null),
  };
}

/** A glob for what is in an entry as a pattern of `client/listing/pattern.ts`, which regards case on some systems. */
export function listingPattern({ text }: Pick<PathGlob, "text">): string {
  const parts = text.match(/\\[\s\S]|\[!?\]?[^\]]*\]|[\s\S]/gu) ?? [];
  // There a pattern without a "/" means any depth.
  return `${text.startsWith("**/") ? "" : "/"}${parts.map(inAnyCase).join("")}`;
}

/** A character, or some between brackets, with what it is in the other case. */
function inAnyCase(part: string): string {
  const [, head, some = ""] = /^(\[!?\]?)(.*)\]$/su.exec(part) ?? [];
  if (head !== undefined) {
    const both = `${head}${some}${some.replace(/\p{L}/gu, otherCase)}]`;
    // A range over letters and others, such as "[A-_]", runs backwards in the other case.
    return patternFault(both) === null ? both : part;
  }
  const character = part.replace(/^\\(?=.)/su, "");
  const other = otherCase(character);
  return other === character ? part : `[${character}${other}]`;
}

/** The same character where it has no other case, or one of more characters. */
function otherCase(character: string): string {
  const other = character === character.toLowerCase() ? character.toUpperCase() : character.toLowerCase();
  return other.length === character.length ? other : character;
}

function faultOf(glob: string, isBeside: boolean): string | null {
  if (glob === "") return "is empty";
  if (isBeside && glob.includes("/")) return 'leads further than beside the entry: write "../NAME"';
  const parts = glob.split("/");
  if (parts.includes("")) return 'has an empty part: a path has one "/" between its parts, and none around';
  if (parts.includes("..") || parts.includes(".")) return 'has a part "." or "..", which no path has';
  return parts.at(-1) === "**" ? 'ends with "**": write "**/*"' : null;
}

function filled(glob: string, names: EntryNames): string {
  return put(glob, names, escaped);
}

function put(glob: string, names: EntryNames, written: (name: string) => string): string {
  return glob.replace(/\{(name|stem)\}/g, (_, which: "name" | "stem") => written(names[which]));
}

/** A glob that means `name` and nothing else. */
function escaped(name: string): string {
  return name.replace(/[\\*?[]/g, "\\$&");
}

type Part = Matches | "any";

// Every look asks these of every file of a run: what has a simple form is found without an expression.
function compiled(glob: string): Matches {
  const parts = glob.split("/").map((part): Part => (part === "**" ? "any" : partMatches(part)));
  const [first, second] = parts;
  // Nearly every file of a large run lies deeper than what is looked for, and costs no more than this.
  if (parts.length === 1 && first !== "any") return (path) => !path.includes("/") && first!(path);
  if (parts.length === 2 && first === "any" && second !== "any")
    return (path) => second!(path.slice(path.lastIndexOf("/") + 1));
  const depth = parts.includes("any") ? null : parts.length;
  return (path) => {
    const found = path.split("/");
    return (depth === null || depth === found.length) && fits(parts, found);
  };
}

function partMatches(part: string): Matches {
  if (part === "*") return () => true;
  if (/[\\?[]/.test(part)) return namePattern(part, true);
  const wanted = part.toLowerCase();
  if (part.includes("*")) return starMatches(wanted.split("*"));
  return (name) => name.length === part.length && name.toLowerCase() === wanted;
}

/** Whether a name has these texts, with anything between them: the first at its beginning, the last at its end. */
function starMatches(texts: readonly string[]): Matches {
  const [first = "", ...others] = texts;
  const last = others.pop() ?? "";
  const least = texts.reduce((sum, text) => sum + text.length, 0);
  return (name) => {
    if (name.length < least) return false;
    const lower = name.toLowerCase();
    if (!lower.startsWith(first) || !lower.endsWith(last)) return false;
    let at = first.length;
    for (const text of others) {
      at = lower.indexOf(text, at);
      if (at < 0) return false;
      at += text.length;
    }
    return at <= lower.length - last.length;
  };
}

/** Whether `parts` mean the path `found`: which of its beginnings the parts so far mean is known at each step. */
function fits(parts: readonly Part[], found: readonly string[]): boolean {
  let reached = new Set([0]);
  for (const part of parts) {
    const next = new Set<number>();
    for (const at of reached) {
      if (part === "any") for (let to = at; to <= found.length; to++) next.add(to);
      else if (at < found.length && part(found[at] as string)) next.add(at + 1);
    }
    reached = next;
  }
  return reached.has(found.length);
}
