// What shells complete of a program: its commands, their options and their values, from the same definitions that the
// program runs by, and the same help texts that people read. Each shell has a file beside this one that writes it as a script. Pure.

import type { Command, OptionDef, Program } from "../command.ts";
import { describedOptions, summaryOf } from "../usage-text.ts";

/** What is completed as the value of an option, or as an argument. */
export interface CompletedValue {
  /** "text": nobody can know. */
  readonly kind: "file" | "folder" | "server" | "words" | "text";
  /** What the help text calls it. */
  readonly placeholder: string;
  /** All that it can be, where its kind is "words". */
  readonly words: readonly string[];
}

export interface CompletedOption {
  /** Without its dashes. */
  readonly name: string;
  readonly letter: string | null;
  /** `null`: a switch. */
  readonly value: CompletedValue | null;
  readonly about: string;
  /** Whether it may be given several times. */
  readonly repeats: boolean;
}

export interface CompletedArgument {
  readonly value: CompletedValue;
  /** Whether a file may stand here as well, as the argument may be left out. */
  readonly orFile: boolean;
  /** Whether it takes all that follow. */
  readonly repeats: boolean;
}

export interface CompletedCommand {
  /** One word, or two. */
  readonly name: string;
  readonly about: string;
  readonly options: readonly CompletedOption[];
  readonly arguments: readonly CompletedArgument[];
}

/** A word that a line may begin with, or that may follow the name of a group. */
export interface CompletedWord {
  readonly word: string;
  readonly about: string;
}

export interface CompletedProgram {
  readonly name: string;
  /** The command that is meant where none is named. */
  readonly defaultCommand: string;
  readonly commands: readonly CompletedCommand[];
  /** The words that may follow another: the first of a line follow "", the second ones of commands that have two follow the first. */
  readonly words: ReadonlyMap<string, readonly CompletedWord[]>;
}

/** What is in all scripts about `program`. */
export function completedProgram(program: Program): CompletedProgram {
  const { name, defaultCommand, groups = [] } = program;
  const descriptions = new Map(program.commands.map((it) => [it.name, aboutsOf(it, program)]));
  const commands = program.commands.map((it) => completedCommand(it, descriptions.get(it.name)!));
  const words = new Map<string, CompletedWord[]>([["", []]]);
  const abouts = groups.map(({ name, usage }) => ({ name, about: oneLine(summaryOf(usage)) }));
  for (const { name: all, about } of [...commands, ...abouts]) {
    const [before, word] = all.includes(" ") ? (all.split(" ") as [string, string]) : ["", all];
    words.set(before, [...(words.get(before) ?? []), { word, about }]);
  }
  return { name, defaultCommand, commands, words };
}

function completedCommand(command: Command, abouts: ReadonlyMap<string, string>): CompletedCommand {
  const described = describedOptions(command.usage).flatMap((it) => it.options);
  const options = Object.entries(command.options).flatMap(([name, option]) => {
    const placeholder = described.find((it) => it.name === name)?.placeholder ?? "VALUE";
    const about = abouts.get(name);
    // What the help does not list (the version, of each command) is not offered either.
    if (about === undefined) return [];
    const { alias = null, repeat = false, isThreeWay = false } = option;
    const value = option.type === "string" ? completedValue(option, placeholder) : null;
    const own = { name, letter: alias, value, about, repeats: repeat };
    return isThreeWay ? [own, { ...own, name: `no-${name}`, about: `without --${name}` }] : [own];
  });
  const positionals = Object.entries(command.options).filter(([, { type }]) => type === "positional");
  return {
    ...{ name: command.name, about: oneLine(summaryOf(command.usage)), options },
    arguments: positionals.map(([name, option], at) => {
      const value = completedValue(option, name.toUpperCase());
      const next = positionals[at + 1];
      const orFile =
        option.required !== true &&
        next !== undefined &&
        completedValue(next[1], next[0].toUpperCase()).kind === "file";
      return { value, orFile: value.kind !== "file" && orFile, repeats: option.repeat === true };
    }),
  };
}

const files = ["FILE", "FILES", "PATH", "DATA"];
const folders = ["FOLDER", "DIR"];

function completedValue({ values = [], means }: OptionDef, placeholder: string): CompletedValue {
  const kindOf = (): CompletedValue["kind"] => {
    if (values.length > 0) return "words";
    if (means !== undefined) return means;
    if (files.includes(placeholder)) return "file";
    if (folders.includes(placeholder)) return "folder";
    return placeholder === "SERVER" ? "server" : "text";
  };
  return { kind: kindOf(), placeholder, words: values };
}

/** What each option of `command` is for. One that is described "as with" another command is what it is there. */
function aboutsOf({ usage }: Command, program: Program): ReadonlyMap<string, string> {
  return new Map(
    describedOptions(usage).flatMap(({ options, about }) => {
      const other = /\bas with "([^"]+)"/.exec(about)?.[1]?.replace(`${program.name} `, "");
      const named = program.commands.find((it) => it.name === other && it.usage !== usage);
      const there = named === undefined ? new Map<string, string>() : aboutsOf(named, program);
      return options.map(({ name }) => [name, there.get(name) ?? oneLine(about)] as const);
    }),
  );
}

// More than that is cut by every terminal.
const charsMax = 72;

/** So much of a description as there is room for in a list, in ASCII: old shells read scripts in whatever encoding. */
function oneLine(text: string): string {
  const plain = text
    .replaceAll("…", "...")
    .replace(/[^\x20-\x7e]/g, "")
    .replace(/; .*$/, "");
  if (plain.length <= charsMax) return plain;
  const [clause = plain] = plain.split(/[:,] /, 1);
  if (clause.length >= charsMax / 4 && clause.length <= charsMax) return clause;
  return `${plain.slice(0, charsMax - 3).replace(/ \S*$/, "")}...`;
}
