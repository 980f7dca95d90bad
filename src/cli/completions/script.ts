// What the scripts for all shells have in common: a text beside this file, with places that are filled in.

import { version } from "../version.ts";
import type { CompletedOption, CompletedProgram, CompletedValue } from "./completed.ts";

export const shells = ["bash", "zsh", "fish", "powershell"] as const;
export type Shell = (typeof shells)[number];

/** `template` with each `@NAME@` replaced by the part of that name, and what every script has: program, version, default. */
export function filledIn(
  template: string,
  program: CompletedProgram,
  parts: Readonly<Record<string, readonly string[]>>,
): string {
  const all: Readonly<Record<string, string>> = {
    PROGRAM: program.name,
    OWN: ownName(program),
    VERSION: version,
    DEFAULT: program.defaultCommand,
    ...Object.fromEntries(Object.entries(parts).map(([name, lines]) => [name, lines.join("\n")])),
  };
  return template.replace(/@([A-Z]+)@/g, (_, name: string) => all[name] ?? "");
}

/** How the names of the functions of a script begin: as no other program's do. */
export function ownName({ name }: CompletedProgram): string {
  return `_${name.replaceAll("-", "_")}`;
}

/** A text as one word of bash, zsh, or any other shell that quotes as they do. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** The ways to write an option: its name, and its letter if it has one. */
export function writtenForms({ name, letter }: CompletedOption): readonly string[] {
  return letter === null ? [`--${name}`] : [`--${name}`, `-${letter}`];
}

/** What a value is, in one word, or "words" and what it can be. */
export function kindText({ kind, words }: CompletedValue): string {
  return kind === "words" ? `words ${words.join(" ")}` : kind;
}
