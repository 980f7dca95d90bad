// A TOML file as people edit it: its values, and the line that each one stands in, so that what is wrong can be found.

import { parse, TomlError } from "smol-toml";

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
      lineOf(path: readonly string[]): number;
    }
  | { readonly ok: false; readonly fault: LineFault };

/** Reads `text`; without TOML in it, says what is wrong first. */
export function readToml(text: string): TomlReading {
  try {
    return { ok: true, value: parse(text), lineOf: (path) => lineOf(text, path) };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [reason = ""] = error.message.replace(/^Invalid TOML document: /, "").split("\n");
    return { ok: false, fault: { line: error.line, text: reason } };
  }
}

export function isTable(value: unknown): value is TomlTable {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** A value as it is written in a file, for messages. */
export function tomlText(value: unknown): string {
  if (isTable(value)) return "a table";
  if (Array.isArray(value)) return "a list";
  return value instanceof Date ? "a date" : JSON.stringify(value);
}

// The library tells no positions. What stands at a line is there once the file is read as far as that, and not before.
function lineOf(text: string, path: readonly string[]): number {
  const key = path.at(-1);
  if (key === undefined) return 1;
  const lines = text.split("\n");
  for (const [index, line] of lines.entries()) {
    if (line.includes(key) && has(lines.slice(0, index + 1).join("\n"), path)) return index + 1;
  }
  return lineOf(text, path.slice(0, -1));
}

function has(text: string, path: readonly string[]): boolean {
  let value: unknown;
  try {
    value = parse(text);
  } catch {
    // It goes on in the next line.
    return false;
  }
  return path.every((key) => {
    if (!isTable(value) || !Object.hasOwn(value, key)) return false;
    value = value[key];
    return true;
  });
}
