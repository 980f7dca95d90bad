// Completions for zsh, whose own `_arguments` knows most of what there is to know of options.

import type {
  CompletedArgument,
  CompletedCommand,
  CompletedOption,
  CompletedProgram,
  CompletedValue,
  CompletedWord,
} from "./completed.ts";
import { filledIn, ownName, quoted, writtenForms } from "./script.ts";
import template from "./zsh.txt" with { type: "text" };

export function zshScript(program: CompletedProgram): string {
  const { commands, words } = program;
  const own = ownName(program);
  const fallback = commands.find(({ name }) => name === program.defaultCommand);
  const isServerFirst = fallback?.arguments[0]?.value.kind === "server";
  return filledIn(template, program, {
    FIRST: [isServerFirst ? `${own}_servers` : "false"],
    TAKING: commands.flatMap(takingLines),
    WORDS: [...words].map(
      ([first, words]) => `    ${quoted(first)}) reply=(${words.map(wordText).join(" ")}) ;;`,
    ),
    COMMANDS: [commands.map(({ name }) => quoted(name)).join(" | ")],
    CASES: commands.map((it) => caseLines(it, own)),
  });
}

function takingLines({ name, options }: CompletedCommand): readonly string[] {
  const taking = options.filter(({ value }) => value !== null).flatMap(writtenForms);
  const patterns = taking.map((form) => quoted(`${name} ${form}`));
  return patterns.length === 0 ? [] : [`    ${patterns.join(" | ")}) return 0 ;;`];
}

function wordText({ word, about }: CompletedWord): string {
  return quoted(`${word.replaceAll(":", "\\:")}:${about}`);
}

function caseLines({ name, options, arguments: all }: CompletedCommand, own: string): string {
  const specs = [
    ...options.flatMap((it) => optionSpecs(it, own)),
    ...all.map((it, at) => argumentSpec(it, at, own)),
  ];
  const lines = specs.map((it) => `        ${quoted(it)}`);
  return [
    `    ${quoted(name)})`,
    "      _arguments -s -S : \\",
    `${lines.join(" \\\n")} && ret=0`,
    "      ;;",
  ].join("\n");
}

/** One for each way to write it, each of which excludes the other. */
function optionSpecs(
  { name, letter, value, about, repeats }: CompletedOption,
  own: string,
): readonly string[] {
  const both = letter === null ? `(--${name})` : `(-${letter} --${name})`;
  const before = repeats ? "*" : both;
  const text = `[${about.replace(/[[\]\\]/g, "\\$&")}]`;
  const behind = value === null ? "" : `:${valueSpec(value, own)}`;
  const long = `${before}--${name}${value === null ? "" : "="}${text}${behind}`;
  return letter === null ? [long] : [long, `${before}-${letter}${value === null ? "" : "+"}${text}${behind}`];
}

function argumentSpec({ value, orFile, repeats }: CompletedArgument, at: number, own: string): string {
  const spec = orFile ? `${message(value)}:${own}_servers_or_files` : valueSpec(value, own);
  return repeats ? `*:${spec}` : `${at + 1}::${spec}`;
}

function valueSpec(value: CompletedValue, own: string): string {
  const actions = {
    file: "_files",
    folder: "_files -/",
    server: `${own}_servers`,
    words: `(${value.words.join(" ")})`,
    text: " ",
  };
  return `${message(value)}:${actions[value.kind]}`;
}

function message({ placeholder }: CompletedValue): string {
  return placeholder.replaceAll(":", "\\:");
}
