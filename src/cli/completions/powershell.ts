// Completions for PowerShell.

import type { CompletedProgram } from "./completed.ts";
import template from "./powershell.txt" with { type: "text" };
import { filledIn, kindText } from "./script.ts";

export function powershellScript(program: CompletedProgram): string {
  const { commands, words } = program;
  return filledIn(template, program, {
    OPTIONS: commands.flatMap(({ name, options }) =>
      options.map(({ name: option, letter, value, about }) => {
        const short = letter === null ? "" : `-${letter}`;
        return [name, `--${option}`, short, value === null ? "" : kindText(value), about].join("|");
      }),
    ),
    ARGUMENTS: commands.flatMap(({ name, arguments: all }) =>
      all.map(({ value, repeats }, at) =>
        [name, `${at + 1}${repeats ? "+" : ""}`, kindText(value)].join("|"),
      ),
    ),
    WORDS: [...words].flatMap(([first, all]) => all.map(({ word, about }) => [first, word, about].join("|"))),
    COMMANDS: [commands.map(({ name }) => `'${name}'`).join(", ")],
  });
}
