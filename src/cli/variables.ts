// The variables of options: each option of a command has one of its own, `DYNC_WATCH_SETTLE` for `--settle` of "dync watch", and those
// that mean the same in every command have one for all, `DYNC_JOBS`. An option counts before its own variable, that before the one for
// all. Made of the definitions of the commands alone. Pure.

import { closest } from "../base/closest.ts";
import { type DyncError, SeveralErrors } from "../base/error.ts";
import type {
  Command,
  Environment,
  OptionDef,
  OptionsDef,
  Program,
  SaidByVariables,
  UnknownVariable,
  Variable,
  VariablesFound,
} from "./command.ts";
import { CommandLineError } from "./command-line-error.ts";
import { printable } from "./printable.ts";

/** The options of `command` that a variable may say: no argument has one, nor what asks for help or the version. */
export function variableOptions({
  options,
}: Pick<Command, "options">): readonly (readonly [string, OptionDef])[] {
  return Object.entries(options).filter(
    ([, { type, asksOnly }]) => (type === "string" || type === "boolean") && asksOnly !== true,
  );
}

/** The variable of an option of one command. */
export function ownVariable(
  { variables }: Pick<Program, "variables">,
  command: Pick<Command, "name">,
  option: string,
): string {
  return variables.prefix + inCapitals(`${command.name} ${option}`);
}

/** The variable of an option in every command that has it, `null` where there is none. */
export function sharedVariable(
  { variables }: Pick<Program, "variables">,
  option: string,
  { isOwn }: Pick<OptionDef, "isOwn"> = {},
): string | null {
  const { prefix, shared } = variables;
  return isOwn === true || !shared.includes(option) ? null : prefix + inCapitals(option);
}

/** The names of the variables of an option, first the one that counts before the other. */
export function variablesOf(
  program: Pick<Program, "variables">,
  command: Pick<Command, "name" | "options">,
  option: string,
): readonly string[] {
  const definition = command.options[option];
  const shared = definition === undefined ? null : sharedVariable(program, option, definition);
  return [ownVariable(program, command, option), ...(shared === null ? [] : [shared])];
}

function inCapitals(words: string): string {
  return words.toUpperCase().replace(/[ -]/g, "_");
}

/** What variables say of the options of `command`, by the name of the option. An empty one says nothing. */
export function variablesFor(program: Program, command: Command, environment: Environment): SaidByVariables {
  return new Map(
    variableOptions(command).flatMap(([option]) => {
      const name = variablesOf(program, command, option).find((it) => environment[it]);
      return name === undefined ? [] : [[option, { name, text: environment[name] as string }] as const];
    }),
  );
}

/** What of `environment` begins as variables of `program` do. */
export function findVariables(program: Program, environment: Environment): VariablesFound {
  const { prefix, others, isForeign } = program.variables;
  const names = knownNames(program);
  const starts = program.commands.map(({ name }) => `${prefix}${inCapitals(name)}_`);
  const known: Variable[] = [];
  const unknown: UnknownVariable[] = [];
  for (const [name, text] of Object.entries(environment).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (!name.startsWith(prefix) || !text) continue;
    if (names.has(name)) known.push({ name, text });
    else if (!others.includes(name) && !isForeign(name)) {
      const found = closest(
        name.slice(prefix.length),
        [...names].map((it) => it.slice(prefix.length)),
      );
      const near = found === null ? null : prefix + found;
      unknown.push({ name, near, isMeant: near !== null || starts.some((it) => name.startsWith(it)) });
    }
  }
  return { known, unknown };
}

function knownNames(program: Program): ReadonlySet<string> {
  const options = program.commands.flatMap((command) =>
    variableOptions(command).flatMap(([option]) => variablesOf(program, command, option)),
  );
  return new Set([...options, ...program.variables.ofArguments]);
}

/** One line about a variable that is none. */
export function unknownText({ name, near }: UnknownVariable): string {
  return `Unknown variable ${printable(name)}${near === null ? "" : `, did you mean ${near}?`}`;
}

/** One line about each that somebody meant for this program; others may have such names as well. */
export function unknownMeant({ unknown }: VariablesFound): readonly string[] {
  return unknown.filter(({ isMeant }) => isMeant).map(unknownText);
}

/** `error` with the variables that said what options are blamed for. */
export function namingVariables(error: DyncError, options: OptionsDef, said: SaidByVariables): DyncError {
  if (said.size === 0) return error;
  if (error instanceof SeveralErrors)
    return new CommandLineError(error.all.map((it) => namingVariables(it, options, said)));
  let { message } = error;
  for (const [option, variable] of said) message = naming(message, option, options[option]?.alias, variable);
  return message === error.message ? error : error.reworded({ message });
}

function naming(
  message: string,
  option: string,
  alias: string | undefined,
  { name, text }: Variable,
): string {
  const written = [`--${option}`, ...(alias === undefined ? [] : [`-${alias}`])];
  for (const word of written) {
    const blamed = message.replaceAll(`Option "${word}"`, `Variable ${name}`);
    if (blamed !== message) return blamed;
    const mentioned = message.replace(new RegExp(`(?<![\\w-])("?)${word}\\1(?![\\w-])`), `$& (${name})`);
    if (mentioned !== message) return mentioned;
  }
  // What is wrong with a value may be said of the value alone.
  const isQuoted = text.split("\n").some((it) => it !== "" && message.includes(`"${printable(it)}"`));
  return isQuoted && !/^(?:Option|Variable) /.test(message) ? `${message} (${name})` : message;
}
