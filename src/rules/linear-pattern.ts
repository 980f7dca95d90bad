// Regular expressions that a steward writes, on texts that anybody sends: RE2's syntax, which takes a time in proportion to the
// text (https://github.com/google/re2/wiki/Syntax). JavaScript's own may take forever.

import { RE2JS } from "re2js";
import { messageOf } from "../base/error.ts";

/** Whether a text has what was asked for anywhere in it; `^` and `$` hold it to the whole text. */
export type Matches = (text: string) => boolean;

// What an expression is compiled into grows with its repetitions.
const patternLengthMax = 1000;

/** @throws Error whose message says why `pattern` is none, as the rest of a sentence. */
export function linearPattern(pattern: string): Matches {
  if (pattern.length > patternLengthMax)
    throw new Error(`is ${pattern.length} characters long, at most ${patternLengthMax} are allowed`);
  try {
    const compiled = RE2JS.compile(pattern);
    return (text) => compiled.test(text);
  } catch (cause) {
    const reason = messageOf(cause).replace(/^error parsing regexp: /, "");
    throw new Error(`is no regular expression of RE2's syntax: ${reason}`, { cause });
  }
}

/**
 * What a steward writes for names: a glob for all of a name ("*", "?", "[a-c]", "[!a-c]", "\" before a character that stands for
 * itself), or between slashes a regular expression for any part of it. Neither regards case where `ignoresCase`.
 *
 * @throws Error whose message says why `text` is neither, as the rest of a sentence.
 */
export function namePattern(text: string, ignoresCase: boolean): Matches {
  const flags = ignoresCase ? "(?is)" : "(?s)";
  if (text === "") throw new Error("is empty");
  const source = isExpression(text) ? text.slice(1, -1) : `^(?:${globSource(text)})$`;
  const matches = linearPattern(flags + source);
  const within = textWithin(text)?.toLowerCase();
  // Of a hundred rules, most are passed over for a name: that takes a tenth of the time where a text tells it.
  return within === undefined ? matches : (name) => lowered(name).includes(within) && matches(name);
}

let lastName = "";
let lastLowered = "";

/** The same name is looked at by many patterns, one after the other. */
function lowered(name: string): string {
  if (name !== lastName) [lastName, lastLowered] = [name, name.toLowerCase()];
  return lastLowered;
}

/** Whether `text` is a regular expression between slashes. */
export function isExpression(text: string): boolean {
  return text.length > 2 && text.startsWith("/") && text.endsWith("/");
}

/**
 * The longest text that is in every name which fits the pattern, in upper or lower case; `null`: nothing is known to be. It is
 * ASCII, without "k" and "s": where case is not regarded, these are also letters from elsewhere.
 */
export function textWithin(pattern: string): string | null {
  const characters = isExpression(pattern)
    ? lettersOfExpression(pattern.slice(1, -1))
    : lettersOfGlob(pattern);
  const runs: string[] = [""];
  for (const it of characters) {
    if (it !== null && /^[ -jl-rt-~]$/.test(it.toLowerCase())) runs[runs.length - 1] += it;
    else runs.push("");
  }
  const longest = runs.toSorted((a, b) => b.length - a.length)[0] as string;
  return longest === "" ? null : longest;
}

/** Characters that follow each other in whatever fits; `null`: something else is between. */
type Letters = readonly (string | null)[];

function lettersOfGlob(glob: string): Letters {
  return partsOfGlob(glob).map((part) => {
    if (part.startsWith("\\")) return part.slice(1);
    return ["*", "?", "["].includes(part[0] as string) ? null : part;
  });
}

/** What it says outside of groups; nothing where it has alternatives, flags, or escapes that are more than a kind of characters. */
function lettersOfExpression(expression: string): Letters {
  if (/\||\(\?|\\[^DSWdswABbz\W]/.test(expression)) return [];
  const letters: (string | null)[] = [];
  let depth = 0;
  for (const [part] of expression.matchAll(/\\[\s\S]|\[\^?\]?(?:\\[\s\S]|[^\]\\])*\]|\{[^}]*\}|[\s\S]/gu)) {
    if (part === "(") depth++;
    if (part === ")") depth--;
    // Perhaps not even once.
    if (/^[*?{]/.test(part) && letters.length > 0) letters[letters.length - 1] = null;
    const letter = /^\\\W$/.test(part) ? part.slice(1) : /^[^[\](){}*+?.^$\\]$/.test(part) ? part : null;
    letters.push(depth === 0 ? letter : null);
  }
  return letters;
}

function globSource(glob: string): string {
  return partsOfGlob(glob).map(partSource).join("");
}

function partsOfGlob(glob: string): readonly string[] {
  return glob.match(/\\[\s\S]|\[!?\]?[^\]]*\]|[\s\S]/gu) ?? [];
}

function partSource(part: string): string {
  if (part === "*") return ".*";
  if (part === "?") return ".";
  if (part.startsWith("[") && part.length > 1)
    return part
      .replace(/^\[!/, "[^")
      .replaceAll("\\", "\\\\")
      .replace(/^(\[\^?)\[/, "$1\\[");
  if (part === "[")
    throw new Error('has a "[" that is not closed: write "\\[" where that character is meant');
  const character = part.startsWith("\\") ? part.slice(1) : part;
  if (character === "") throw new Error('ends with "\\": write "\\\\" for a backslash');
  return RE2JS.quote(character);
}
