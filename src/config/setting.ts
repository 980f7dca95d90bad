// What a setting is: one row, from which its default, its option, its line in the help and its reading come.

import { isIP } from "node:net";
import { parseCount } from "./count.ts";
import { parseDuration, writeDuration } from "./duration.ts";
import { type Fault, type Parsed, right, wrong } from "./parsed.ts";
import { parseSize, writeSize } from "./size.ts";
import { tomlText } from "./toml.ts";

/** How values of one kind are read and written. */
export interface Kind<T> {
  /** What stands for a value in the help; `null` for a switch, which its name alone turns on. */
  readonly placeholder: string | null;
  /** Reads what stands in an option or a variable. Nothing at all is no value of any kind. */
  parse(text: string): Parsed<T>;
  /** What `parse` reads as `value`. */
  write(value: T): string;
  /** What stands for a value in a TOML file: a number or a word of its own, or else a text in quotes. */
  readonly inFile: "number" | "boolean" | "text" | "number or text";
  /** All that `parse` reads, where these are few words. */
  readonly words?: readonly string[];
  /** Whether it is a path, which in a file begins at the file's folder. */
  readonly isPath: boolean;
}

/** Whom a setting is for: the whole process, or each user's uploads. */
export type Scope = "process" | "user";

export interface Setting<T, S extends Scope = Scope> {
  readonly scope: S;
  /** On a command line, and in a file. */
  readonly name: string;
  readonly kind: Kind<T>;
  readonly default: T;
  /** What it is, for people; see `aboutText`. */
  readonly about: string;
  /** Whether a server that runs can take another value. */
  readonly isLive: boolean;
}

const rowsFor =
  <S extends Scope>(scope: S, isLive: boolean) =>
  <T>(name: string, kind: Kind<T>, fallback: NoInfer<T>, about: string): Setting<T, S> => ({
    scope,
    name,
    kind,
    default: fallback,
    about,
    isLive,
  });

/** Given once, when the process starts. */
export const ofProcess = rowsFor("process", false);
/** Looked up whenever it is needed: who uses it must not keep it. */
export const ofProcessLive = rowsFor("process", true);
export const ofUser = rowsFor("user", true);

/** What `value`, of a TOML file, is. */
export function readInFile<T>({ kind }: Pick<Setting<T>, "kind">, value: unknown): Parsed<T> {
  const text = textInFile(value, kind.inFile);
  const parsed = kind.parse(text ?? "");
  if (parsed.ok) return parsed;
  const isQuoted = text === null && typeof value === "string" && kind.parse(value).ok;
  const { wanted, hint } = parsed.fault;
  return wrong(
    wanted,
    tomlText(value),
    isQuoted ? { hint: "write it without quotes" } : hint ? { hint } : {},
  );
}

/** What `readInFile` reads as `value`, as it is written in a TOML file. */
export function writeInFile<T>({ kind }: Pick<Setting<T>, "kind">, value: T): string {
  const text = kind.write(value);
  return kind.inFile.endsWith("text") ? JSON.stringify(text) : text;
}

/** The text that `value` would be in an option, or `null`: it is of another type. */
function textInFile(value: unknown, type: Kind<unknown>["inFile"]): string | null {
  if (type === "boolean") return typeof value === "boolean" ? String(value) : null;
  if (type === "number") return typeof value === "number" ? String(value) : null;
  if (type === "number or text" && Number.isSafeInteger(value)) return String(value);
  return typeof value === "string" ? value : null;
}

/** What a setting is, with its default: `{default}` in the row's text stands for it, and without that it comes last. */
export function aboutText({ about, kind, default: value }: Setting<unknown>): string {
  const says = kind.placeholder === null || about.includes("(default");
  return (says ? about : `${about} (default {default})`).replace("{default}", kind.write(value));
}

/** Path of a file or folder; the system judges it where it is used. */
export function paths(placeholder: string): Kind<string> {
  const parse = (text: string): Parsed<string> =>
    text === "" || text.includes("\0") ? wrong("a path", JSON.stringify(text)) : right(text);
  return { placeholder, parse, write: String, inFile: "text", isPath: true };
}

/** Path of a file that need not be: "none" stands for that, and `./none` for a file of this name. */
export function pathsOrNone(placeholder: string): Kind<string | null> {
  const kind = paths(placeholder);
  return {
    ...kind,
    parse: (text) => (text === "none" ? right(null) : kind.parse(text)),
    write: (path) => path ?? "none",
  };
}

/** Addresses of this machine: `*`, an IP address, or the name of a network interface. */
export const ownAddresses: Kind<string> = {
  ...{ placeholder: "ADDRESS", write: String, inFile: "text", isPath: false },
  parse: (text) => {
    const literal = text.replace(/^\[(.*)\]$/, "$1");
    const isName = /^[A-Za-z][\w.-]{0,63}$/.test(text);
    if (text === "*" || isIP(literal) !== 0 || isName) return right(text);
    const hasPort = /^(.*[^:]):\d+$/.exec(text);
    const isWithPort = hasPort !== null && ownAddresses.parse(hasPort[1] as string).ok;
    const hint = isWithPort ? "the port is a setting of its own" : "* stands for all of them";
    return wrong("an address of this machine", JSON.stringify(text), { hint });
  },
};

export function counts(min: number, max: number, placeholder = "NUMBER"): Kind<number> {
  const parse = (text: string) => parseCount(text, min, max);
  return { placeholder, parse, write: String, inFile: "number", isPath: false };
}

/** Sizes in bytes; `wanted` says what the bounds are, where there are any. */
export function sizes(wanted = "", min = 0, max = Number.MAX_SAFE_INTEGER): Kind<number> {
  const fault = (bytes: number) => (bytes < min || bytes > max ? { wanted, found: String(bytes) } : null);
  const parse = (text: string) => checked(parseSize(text), fault);
  return { placeholder: "SIZE", parse, write: writeSize, inFile: "number or text", isPath: false };
}

/** What `kind` reads, or `null` for the word "auto": what follows the machine. */
export function orAuto<T>(kind: Kind<T>): Kind<T | null> {
  const word = "auto";
  return {
    ...kind,
    inFile: kind.inFile === "number" ? "number or text" : kind.inFile,
    parse: (text) => (text === word ? right(null) : kind.parse(text)),
    write: (value) => (value === null ? word : kind.write(value)),
  };
}

/** Lengths of time in milliseconds; `leastMs` are whole seconds. */
export function durations(leastMs: number): Kind<number> {
  const wanted = `at least ${leastMs / 1000}s`;
  const fault = (durationMs: number) => (durationMs < leastMs ? { wanted, found: `${durationMs} ms` } : null);
  const parse = (text: string) => checked(parseDuration(text), fault);
  return { placeholder: "DURATION", parse, write: writeDuration, inFile: "text", isPath: false };
}

/** One of a few words. */
export function choices<const T extends string>(placeholder: string, words: readonly T[]): Kind<T> {
  const parse = (text: string): Parsed<T> => {
    const word = words.find((it) => it === text);
    if (word !== undefined) return right(word);
    return wrong(`one of ${words.map((it) => `"${it}"`).join(", ")}`, `"${text}"`);
  };
  return { placeholder, parse, write: String, inFile: "text", words, isPath: false };
}

export const switches: Kind<boolean> = {
  placeholder: null,
  parse: (text) =>
    text === "true" || text === "false" ? right(text === "true") : wrong("true or false", `"${text}"`),
  write: String,
  inFile: "boolean",
  isPath: false,
};

function checked<T>(parsed: Parsed<T>, faultOf: (value: T) => Fault | null): Parsed<T> {
  const fault = parsed.ok ? faultOf(parsed.value) : null;
  return fault === null ? parsed : { ok: false, fault };
}
