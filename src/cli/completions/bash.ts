// Completions for bash, from 3.2 on (macOS), with or without the package bash-completion. What finds out where on the line the
// cursor is stands in bash.txt; here are the tables that it looks things up in.

import template from "./bash.txt" with { type: "text" };
import type { CompletedCommand, CompletedProgram, CompletedWord } from "./completed.ts";
import { filledIn, kindText, quoted, writtenForms } from "./script.ts";

export function bashScript(program: CompletedProgram): string {
  const { commands, words } = program;
  return filledIn(template, program, {
    KINDS: commands.flatMap(kindLines),
    ARGUMENTS: commands.flatMap(argumentLines),
    OPTIONS: commands.map(optionLine),
    WORDS: [...words].map(([first, words]) => `    ${quoted(first)}) list=${listOf(words)} ;;`),
    COMMANDS: commands.map(({ name }) => {
      const pattern = name.includes(" ") ? name : `${name} `;
      return `    ${quoted(pattern)}) command=${quoted(name)} ;;`;
    }),
  });
}

/** A line for each kind of value that options of the command take. */
function kindLines({ name, options }: CompletedCommand): readonly string[] {
  const kinds = new Map<string, string[]>();
  for (const option of options) {
    if (option.value === null) continue;
    const kind = kindText(option.value);
    const patterns = writtenForms(option).map((form) => quoted(`${name} ${form}`));
    kinds.set(kind, [...(kinds.get(kind) ?? []), ...patterns]);
  }
  return [...kinds].map(([kind, patterns]) => `    ${patterns.join(" | ")}) kind=${quoted(kind)} ;;`);
}

function argumentLines({ name, arguments: all }: CompletedCommand): readonly string[] {
  return all.map(({ value, orFile, repeats }, at) => {
    const pattern = repeats ? `${quoted(`${name} `)}[0-9]*` : quoted(`${name} ${at + 1}`);
    return `    ${pattern}) kind=${quoted(kindText(value) + (orFile ? "-or-file" : ""))} ;;`;
  });
}

function optionLine({ name, options }: CompletedCommand): string {
  const words = options.map(({ name: option, about }) => ({ word: `--${option}`, about }));
  return `    ${quoted(name)}) list=${listOf(words)} ;;`;
}

function listOf(words: readonly CompletedWord[]): string {
  return quoted(words.map(({ word, about }) => `${word}\t${about}`).join("\n"));
}
