// What a setting is: one row, from which its default, its option, its line in the help and its reading come.

import { parseCount } from "./count.ts";
import { parseDuration, writeDuration } from "./duration.ts";
import { type Fault, type Parsed, right, wrong } from "./parsed.ts";
import { parseSize, writeSize } from "./size.ts";

/** How values of one kind are read and written. */
export interface Kind<T> {
  /** What stands for a value in the help; `null` for a switch, which its name alone turns on. */
  readonly placeholder: string | null;
  parse(text: string): Parsed<T>;
  /** What `parse` reads as `value`. */
  write(value: T): string;
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
}

const rowsFor =
  <S extends Scope>(scope: S) =>
  <T>(name: string, kind: Kind<T>, fallback: NoInfer<T>, about: string): Setting<T, S> => ({
    scope,
    name,
    kind,
    default: fallback,
    about,
  });

export const ofProcess = rowsFor("process");
export const ofUser = rowsFor("user");

/** What a setting is, with its default: `{default}` in the row's text stands for it, and without that it comes last. */
export function aboutText({ about, kind, default: value }: Setting<unknown>): string {
  const says = kind.placeholder === null || about.includes("(default");
  return (says ? about : `${about} (default {default})`).replace("{default}", kind.write(value));
}

/** Text that the system judges where it is used. */
export function texts(placeholder: string): Kind<string> {
  return { placeholder, parse: right, write: String };
}

export function counts(min: number, max: number, placeholder = "NUMBER"): Kind<number> {
  return { placeholder, parse: (text) => parseCount(text, min, max), write: String };
}

/** Sizes in bytes; `wanted` says what the bounds are, where there are any. */
export function sizes(wanted = "", min = 0, max = Number.MAX_SAFE_INTEGER): Kind<number> {
  const fault = (bytes: number) => (bytes < min || bytes > max ? { wanted, found: String(bytes) } : null);
  return { placeholder: "SIZE", parse: (text) => checked(parseSize(text), fault), write: writeSize };
}

/** Lengths of time in milliseconds; `leastMs` are whole seconds. */
export function durations(leastMs: number): Kind<number> {
  const wanted = `at least ${leastMs / 1000}s`;
  const fault = (durationMs: number) => (durationMs < leastMs ? { wanted, found: `${durationMs} ms` } : null);
  const parse = (text: string) => checked(parseDuration(text), fault);
  return { placeholder: "DURATION", parse, write: writeDuration };
}

/** One of a few words. */
export function choices<const T extends string>(placeholder: string, words: readonly T[]): Kind<T> {
  const parse = (text: string): Parsed<T> => {
    const word = words.find((it) => it === text);
    if (word !== undefined) return right(word);
    return wrong(`one of ${words.map((it) => `"${it}"`).join(", ")}`, `"${text}"`);
  };
  return { placeholder, parse, write: String };
}

export const switches: Kind<boolean> = {
  placeholder: null,
  parse: (text) =>
    text === "true" || text === "false" ? right(text === "true") : wrong("true or false", `"${text}"`),
  write: String,
};

function checked<T>(parsed: Parsed<T>, faultOf: (value: T) => Fault | null): Parsed<T> {
  const fault = parsed.ok ? faultOf(parsed.value) : null;
  return fault === null ? parsed : { ok: false, fault };
}
