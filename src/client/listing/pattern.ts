// Patterns of `--include` and `--exclude`, as .gitignore has them, but that none begins with "!":
//
//   *.tmp      a name at any depth; "*" is any characters, "?" one, "[a-c]" and "[!a-c]" one of some, none of them "/"
//   /raw/*.d   with a "/" that is not its last: a path from the folder on
//   tmp/       with a "/" at its end: folders only
//   a/**/b     any number of folders between; "**/b" and "a/**" likewise
//   \*         a character as it is
//
// A folder that matches is meant with everything in it. Neither runtime's own matcher would do: `path.matchesGlob` differs
// between them (names that begin with a dot, characters outside of the BMP, "\"), and picomatch takes the brackets of
// "run (1).raw" for a group. Pure.

/** Whether a pattern means a path. */
export type Matcher = (path: string, isFolder: boolean) => boolean;

/** What is wrong with `pattern`, as the end of a sentence, with what to write instead; `null` where nothing is. */
export function patternFault(pattern: string): { readonly text: string; readonly hint: string } | null {
  if (pattern.replaceAll("/", "") === "")
    return { text: "is empty", hint: 'write a pattern such as "*.tmp"' };
  if (pattern.startsWith("!")) {
    return {
      text: 'begins with "!"',
      hint: String.raw`give what is to be taken with --include; a name that begins with it is written "\!"`,
    };
  }
  if (/(?<!\\)(?:\\\\)*\\$/.test(pattern)) {
    return { text: String.raw`ends with "\"`, hint: String.raw`write "\\" for a backslash` };
  }
  if (sourceOf(pattern) !== null) return null;
  return {
    text: 'has a "[" that stands for nothing',
    hint: String.raw`close it with "]", or write "\[" where that character is meant`,
  };
}

/**
 * The matcher of `pattern`, with which nothing is wrong. Paths have "/" between their parts, and none at the beginning.
 * `ignoreCase`: for systems on which "a.RAW" and "A.raw" are one file.
 */
export function matcherOf(pattern: string, ignoreCase: boolean): Matcher {
  const foldersOnly = pattern.endsWith("/");
  const expression = new RegExp(`^${sourceOf(pattern)}$`, ignoreCase ? "isu" : "su");
  return (path, isFolder) => (isFolder || !foldersOnly) && expression.test(path);
}

/** The matcher of all `patterns`: whether any of them means a path. */
export function anyOf(patterns: readonly string[], ignoreCase: boolean): Matcher {
  const matchers = patterns.map((pattern) => matcherOf(pattern, ignoreCase));
  return (path, isFolder) => matchers.some((matches) => matches(path, isFolder));
}

/** The regular expression behind `pattern`, `null` where a bracket is wrong. */
function sourceOf(pattern: string): string | null {
  const body = pattern.replace(/\/$/, "");
  const parts = body.replace(/^\//, "").split("/");
  let source = body.includes("/") ? "" : "(?:.*/)?";
  for (const [index, part] of parts.entries()) {
    const isLast = index === parts.length - 1;
    if (/^\*\*+$/.test(part) && body.includes("/")) {
      // At the end everything in the folder, and not the folder itself.
      source += isLast ? ".+" : "(?:.*/)?";
      continue;
    }
    const one = sourceOfPart(part);
    if (one === null) return null;
    source += isLast ? one : `${one}/`;
  }
  return source;
}

function sourceOfPart(part: string): string | null {
  let source = "";
  for (let rest = part; rest !== ""; ) {
    const bracket = rest.startsWith("[") ? readBracket(rest) : null;
    if (rest.startsWith("[") && bracket === null) return null;
    const [token = ""] = bracket !== null ? [bracket.text] : (/^(?:\*+|\\.|.)/su.exec(rest) ?? []);
    source += bracket?.source ?? sourceOfToken(token);
    rest = rest.slice(token.length);
  }
  return source;
}

function sourceOfToken(token: string): string {
  if (token.startsWith("*")) return "[^/]*";
  return token === "?"
    ? "[^/]"
    : literal(token.length > 1 && token.startsWith("\\") ? token.slice(1) : token);
}

function literal(character: string): string {
  return /[\^$\\.*+?()[\]{}|/]/.test(character) ? `\\${character}` : character;
}

const classes: Readonly<Record<string, string>> = {
  alnum: "A-Za-z0-9",
  alpha: "A-Za-z",
  blank: " \\t",
  digit: "0-9",
  lower: "a-z",
  punct: "!-.:-@\\[-`\\{-~",
  space: "\\s",
  upper: "A-Z",
  xdigit: "0-9A-Fa-f",
};

/** The bracket with which `text` begins, `null` where it has no end, or means nothing. */
function readBracket(text: string): { readonly text: string; readonly source: string } | null {
  const isNot = /^\[[!^]/.test(text);
  let source = "";
  let at = isNot ? 2 : 1;
  for (let isFirst = true; isFirst || text[at] !== "]"; isFirst = false) {
    const named = /^\[:(\w*):\]/.exec(text.slice(at));
    const item = named === null ? /^(\\.|[^\\])(?:-(\\.|[^\]\\]))?/su.exec(text.slice(at)) : null;
    const members = named === null ? rangeOf(item) : classes[named[1] as string];
    if (members === undefined || members === null) return null;
    source += members;
    at += (named ?? item)![0].length;
  }
  return { text: text.slice(0, at + 1), source: `(?!/)[${isNot ? "^" : ""}${source}]` };
}

/** One character, or a range of them, within a bracket; `null` where it is neither, or runs backwards. */
function rangeOf(item: RegExpExecArray | null): string | null {
  if (item === null) return null;
  const [from, to] = [item[1], item[2]].map((end) => end?.replace(/^\\(?=.)/su, ""));
  if (from === undefined) return null;
  if (to === undefined) return codePoint(from);
  return from.codePointAt(0)! <= to.codePointAt(0)! ? `${codePoint(from)}-${codePoint(to)}` : null;
}

function codePoint(character: string): string {
  return `\\u{${character.codePointAt(0)!.toString(16)}}`;
}
