// Completions for fish: a line for each word that can come, with the condition under which it can.

import type { CompletedArgument, CompletedCommand, CompletedOption, CompletedProgram } from "./completed.ts";
import template from "./fish.txt" with { type: "text" };
import { filledIn, ownName, writtenForms } from "./script.ts";

export function fishScript(program: CompletedProgram): string {
  const { name: programName, commands, words } = program;
  const own = ownName(program);
  const complete = (condition: string, rest: string): string =>
    `complete -c ${programName} -n ${quotedForFish(condition)} ${rest}`;
  return filledIn(template, program, {
    TAKING: commands.flatMap(takingLines),
    COMMANDS: [commands.map(({ name }) => quotedForFish(name)).join(" ")],
    GROUPS: [
      [...words.keys()]
        .filter((it) => it !== "")
        .map(quotedForFish)
        .join(" "),
    ],
    WORDS: [...words].flatMap(([first, all]) =>
      all.map(({ word, about }) =>
        complete(
          `${own}_wants_command ${first}`.trimEnd(),
          `-a ${quotedForFish(word)} -d ${quotedForFish(about)}`,
        ),
      ),
    ),
    OPTIONS: commands.flatMap(({ name, options }) =>
      options.map((it) => complete(`${own}_in ${quotedForFish(name)}`, optionText(it, own))),
    ),
    ARGUMENTS: commands.flatMap(({ name, arguments: all }) =>
      all.flatMap((it, at) => {
        const place = `${own}_at ${quotedForFish(name)} ${at + 1}${it.repeats ? " or-later" : ""}`;
        const given = argumentText(it, own);
        const file = it.orFile ? [complete(`${place}; and not ${own}_begins`, "-F")] : [];
        return given === null ? file : [complete(place, given), ...file];
      }),
    ),
  });
}

function takingLines({ name, options }: CompletedCommand): readonly string[] {
  const taking = options.filter(({ value }) => value !== null).flatMap(writtenForms);
  const patterns = taking.map((form) => quotedForFish(`${name} ${form}`));
  return patterns.length === 0 ? [] : [`        case ${patterns.join(" ")}`, "            return 0"];
}

function optionText({ name, letter, value, about }: CompletedOption, own: string): string {
  const written = `${letter === null ? "" : `-s ${letter} `}-l ${name} -d ${quotedForFish(about)}`;
  if (value === null) return written;
  if (value.kind === "file") return `${written} -r -F`;
  return `${written} -x${valueText(value, own)}`;
}

/** `null`: nothing can be said of it. */
function argumentText({ value }: CompletedArgument, own: string): string | null {
  if (value.kind === "file") return "-F";
  return valueText(value, own).trim() || null;
}

function valueText({ kind, words }: CompletedArgument["value"], own: string): string {
  if (kind === "words") return ` -a ${quotedForFish(words.join(" "))}`;
  if (kind === "server") return ` -a ${quotedForFish(`(${own}_servers)`)}`;
  return kind === "folder" ? " -a '(__fish_complete_directories (commandline -ct))'" : "";
}

/** Within quotes fish looks at "\" and at "'" alone. */
function quotedForFish(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
