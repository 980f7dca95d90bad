// The section "Environment" of help texts: which variables a command reads, from the definitions by which it reads them. Pure.

import { wrapText } from "../base/wrap-text.ts";
import type { Command, CommandGroup, Program } from "./command.ts";
import { ownVariable, sharedVariable, variableOptions } from "./variables.ts";

// More of them are no list that somebody reads.
const listedMax = 9;
const indent = "  ";

/** What `--help` prints of a command or a group, or, where that is `null`, of the program. */
export function helpText(program: Program, asked: Pick<Command | CommandGroup, "usage"> | null): string {
  const usage = (asked?.usage ?? program.usage).trim();
  const command =
    program.commands.find((it) => it === asked) ?? program.commands.find((it) => it.usage.trim() === usage);
  const lines = command === undefined ? [] : environmentLines(program, command);
  return lines.length === 0 ? usage : withSection(usage, `Environment:\n${lines.join("\n")}`);
}

/** In front of what comes after all options: exit status and examples. */
function withSection(usage: string, section: string): string {
  const from = Math.max(0, usage.indexOf("\nOptions:\n"));
  const after = /\n\n(?:Exit status|Examples?:)/.exec(usage.slice(from));
  const at = after === null ? usage.length : from + after.index;
  return `${usage.slice(0, at)}\n\n${section}${usage.slice(at)}`;
}

function environmentLines(program: Program, command: Command): readonly string[] {
  const options = variableOptions(command);
  const [first] = options;
  if (first === undefined) return [];
  const { noneNamed, below } = program.variables;
  const { shared: order } = program.variables;
  const shared = options
    .toSorted(([a], [b]) => order.indexOf(a) - order.indexOf(b))
    .flatMap(([name, option]) => sharedVariable(program, name, option) ?? []);
  const has = (name: string): boolean => Object.hasOwn(command.options, name);
  const example = options.find(([name, option]) => sharedVariable(program, name, option) === null) ?? first;
  const sentences = [
    `Each option has a variable, as ${ownVariable(program, command, example[0])} is --${example[0]}.`,
    ...(shared.length === 0
      ? []
      : [`${listed(shared)} ${hold(shared)} for every command that has the option.`]),
    ...(options.some(([, { type }]) => type === "boolean") ? ["A switch is true or false."] : []),
    ...(options.some(([, { repeat }]) => repeat)
      ? ["Of an option that may be given many times each line is a value."]
      : []),
    ...Object.entries(noneNamed).flatMap(([argument, text]) =>
      command.options[argument]?.type === "positional" && command.options[argument].required !== true
        ? [text]
        : [],
    ),
    `An option counts before its variable${shared.length === 0 ? "" : ", that before the one for every command"}${
      below !== null && has(below.ifHas) ? `, and all before ${below.text}` : ""
    }.`,
  ];
  return wrapText(sentences.join(" "), indent, indent);
}

function hold(names: readonly string[]): string {
  return names.length === 1 || names.length > listedMax ? "holds" : "hold";
}

function listed(names: readonly string[]): string {
  const [first = ""] = names;
  if (names.length > listedMax) return `One without the command, as ${first},`;
  if (names.length === 1) return first;
  return `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
