// A TOML file as people edit it: its values, and the line that each one stands in, so that what is wrong can be found.

import { parse, TomlError } from "smol-toml";
import { cutText } from "../base/cut-text.ts";
import { TomlLines, type TomlPath } from "./toml-lines.ts";

export type TomlTable = Readonly<Record<string, unknown>>;

/** Something that is wrong with a file, for one line. */
export interface LineFault {
  /** From 1. */
  readonly line: number;
  /** Whoever shows it makes it printable. */
  readonly text: string;
  readonly hint?: string | undefined;
}

export type TomlReading =
  | {
      readonly ok: true;
      readonly value: TomlTable;
      /** The line where the member at `path`, or else the table that it would be in, was found. */
      lineOf(path: TomlPath): number;
    }
  | { readonly ok: false; readonly fault: LineFault };

/** Reads `text`; without TOML in it, says what is wrong first. */
export function readToml(text: string): TomlReading {
  try {
    const value = parse(text);
    let lines: TomlLines | null = null;
    const lineOf = (path: TomlPath): number => {
      lines ??= new TomlLines(text);
      return lines.lineOf(path);
    };
    return { ok: true, value, lineOf };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [reason = ""] = error.message.replace(/^Invalid TOML document: /, "").split("\n");
    const found = text.split("\n", error.line)[error.line - 1]?.trim() ?? "";
    const hint = hints.find(([pattern]) => pattern.test(reason))?.[1];
    return { ok: false, fault: { line: error.line, text: `${reason}: ${shown(found)}`, hint } };
  }
}

/** What to do about what the library says is wrong. */
const hints: readonly (readonly [RegExp, string])[] = [
  [/numeric literal|invalid value/, 'all but plain numbers, true and false stands in quotes: "64MiB"'],
  [/escape/, "in '…' a backslash stands for itself"],
  [/redefine/, "take one of the two out"],
];

function shown(line: string): string {
  return line === "" ? "an empty line" : cutText(line, shownBytesMax);
}

const shownBytesMax = 400;

export function isTable(value: unknown): value is TomlTable {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** A value as it is written in a file, for messages. */
export function tomlText(value: unknown): string {
  // A member of YAML may be there without a value.
  if (value === null || value === undefined) return "nothing";
  if (isTable(value)) return "a table";
  if (Array.isArray(value)) return "a list";
  if (value instanceof Date) return "a date";
  return typeof value === "string" ? JSON.stringify(cutText(value, shownBytesMax)) : String(value);
}
