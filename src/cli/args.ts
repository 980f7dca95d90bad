// Reads a command line, and the variables that say what it does not, strictly: an unknown option, one that is given twice or has no
// value would send the wrong thing, or send it to the wrong place. Errors are `DyncError` ("usage").

import { closest } from "../base/closest.ts";
import { DyncError } from "../base/error.ts";
import { parseSwitch } from "../config/switch.ts";
import type {
  Command,
  CommandGroup,
  CommandLine,
  Environment,
  OptionDef,
  OptionsDef,
  Program,
  SaidByVariables,
  Variable,
} from "./command.ts";
import { throwFaults } from "./command-line-error.ts";
import { usageError, variableText } from "./option-value.ts";
import { printable } from "./printable.ts";
import { damageIn } from "./system-arguments.ts";
import { namingVariables, variablesFor } from "./variables.ts";

/** Options that every command has. */
export const sharedOptions = {
  help: { type: "boolean", alias: "h", asksOnly: true },
  version: { type: "boolean", alias: "V", asksOnly: true },
} as const satisfies OptionsDef;

/** What a command line asks for. */
export type Request =
  | { readonly type: "help"; readonly command: Pick<Command, "usage"> | null }
  | { readonly type: "version" }
  /** Nothing was given to a program that needs something. */
  | { readonly type: "bare" }
  | {
      readonly type: "run";
      readonly command: Command;
      readonly rest: readonly string[];
      /** Whether the command was named. */
      readonly isNamed: boolean;
    };

/** Finds the command in `argv`; help and version win over everything else on the line. Throws `DyncError` ("usage"). */
export function readRequest(program: Program, argv: readonly string[]): Request {
  const beforeEnd = beforeEndOfOptions(argv);
  const fallback = commandNamed(program, program.defaultCommand)!;
  if (argv.length === 0 && Object.values(fallback.options).some((it) => it.type === "positional"))
    return { type: "bare" };
  const { positionalsAt } = new StrictPass(program, fallback, beforeEnd);
  const words = positionalsAt.map((it) => argv[it] as string);
  if (words[0] === "help") return { type: "help", command: helpOn(program, words.slice(1)) };
  if (beforeEnd.includes("--help") || beforeEnd.includes("-h"))
    return { type: "help", command: helpOn(program, words) };
  if (beforeEnd.includes("--version") || beforeEnd.includes("-V")) return { type: "version" };
  const named = commandOf(program, words);
  if (named === undefined) {
    if (groupOf(program, words) !== undefined) throw notInGroup(program, words);
    return { type: "run", command: fallback, rest: argv, isNamed: false };
  }
  const taken = positionalsAt.slice(0, named.name.split(" ").length);
  return {
    type: "run",
    command: named,
    rest: argv.filter((_, position) => !taken.includes(position)),
    isNamed: true,
  };
}

function commandNamed(program: Program, name: string): Command | undefined {
  return program.commands.find((it) => it.name === name);
}

/** The command that `words` begin with: one of two words (`config show`) before one of one. */
function commandOf(program: Program, words: readonly string[]): Command | undefined {
  return commandNamed(program, words.slice(0, 2).join(" ")) ?? commandNamed(program, words[0] ?? "");
}

function groupOf({ groups = [] }: Program, words: readonly string[]): CommandGroup | undefined {
  return groups.find(({ name }) => name === words[0]);
}

function helpOn(program: Program, words: readonly string[]): Pick<Command, "usage"> | null {
  return commandOf(program, words) ?? groupOf(program, words) ?? null;
}

function notInGroup(program: Program, [group = "", word]: readonly string[]): DyncError {
  const names = program.commands
    .filter(({ name }) => name.startsWith(`${group} `))
    .map(({ name }) => name.slice(group.length + 1));
  if (word === undefined) {
    const hint = `run "${program.name} ${group} --help"`;
    return new DyncError("usage", `"${group}" needs one of ${names.join(", ")}`, { hint });
  }
  const near = closest(word, names);
  const hint =
    near === null ? `known are ${names.join(", ")}` : `did you mean "${program.name} ${group} ${near}"?`;
  return new DyncError("usage", `Unknown command "${group} ${printable(word)}"`, { hint });
}

// Who gives jobs as JSON lines gets such lines back.
const jsonOptions = ["json", "stdin-jobs"];

/** Whether JSON lines are asked for: before parsing, so that parse errors come in the right form too. */
export function asksForJson(program: Program, argv: readonly string[], environment: Environment): boolean {
  const words = beforeEndOfOptions(argv);
  const said = variablesFor(program, meantCommand(program, words), environment);
  return jsonOptions.some((name) => {
    if (words.includes(`--${name}`)) return true;
    if (words.includes(`--no-${name}`)) return false;
    const variable = said.get(name);
    const parsed = variable === undefined ? null : parseSwitch(variable.text);
    return parsed?.ok === true && parsed.value;
  });
}

/** The command of a line that need not be right. */
function meantCommand(program: Program, words: readonly string[]): Command {
  const fallback = commandNamed(program, program.defaultCommand)!;
  const { positionalsAt } = new StrictPass(program, fallback, words);
  return (
    commandOf(
      program,
      positionalsAt.map((it) => words[it] as string),
    ) ?? fallback
  );
}

function beforeEndOfOptions(argv: readonly string[]): readonly string[] {
  const end = argv.indexOf("--");
  return end < 0 ? argv : argv.slice(0, end);
}

/** What was said to a command. */
export interface CheckedArguments {
  readonly values: Readonly<Record<string, unknown>>;
  /** What of it variables said. */
  readonly variables: SaidByVariables;
}

/**
 * Checks `rest`, and the variables of what it does not say, against the command's options and makes it unambiguous. Throws everything
 * that is wrong at once; `isNamed` tells whether the command was named.
 */
export function checkArguments(
  program: Program,
  command: Command,
  rest: readonly string[],
  { isNamed = false, environment = {} }: { isNamed?: boolean; environment?: Environment } = {},
): CheckedArguments {
  return new StrictPass(program, command, rest).check(isNamed, environment);
}

/** Reads words as a command's options and positional arguments; `check` says what is wrong with them. */
class StrictPass {
  readonly #program: Program;
  readonly #command: Command;
  readonly #options: OptionsDef;
  readonly #words: readonly string[];
  /** Position in `#words` of what is read next. */
  #at = 0;
  /** Positions of the positional arguments before "--". */
  readonly positionalsAt: number[] = [];
  readonly #values = new Map<string, string[]>();
  readonly #switches = new Map<string, boolean>();
  readonly #positionals: string[] = [];
  readonly #optionWords: string[] = [];
  /** The words behind "--". */
  #behind: readonly string[] = [];
  readonly #variables = new Map<string, Variable>();
  readonly #faults: DyncError[] = [];
  /** Whether an option was found of which nobody knows if it takes the next word. */
  #isUncertain = false;

  constructor(program: Program, command: Command, words: readonly string[]) {
    this.#program = program;
    this.#command = command;
    this.#options = command.options;
    this.#words = words;
    while (this.#at < words.length) {
      const from = this.#at++;
      const word = words[from]!;
      if (word === "--") {
        this.#behind = words.slice(this.#at);
        break;
      }
      if (!word.startsWith("-") || word === "-") {
        this.positionalsAt.push(from);
        this.#positionals.push(word);
        continue;
      }
      if (word.startsWith("--")) this.#long(word);
      else this.#short(word);
      this.#optionWords.push(...words.slice(from, this.#at));
    }
  }

  /** What stands behind "--": the words of another program where an option says so. */
  #takeBehind(): void {
    const words = this.#behind;
    if (words.length === 0) return;
    const found = Object.entries(this.#options).find(([, { behind }]) => this.#switches.get(behind ?? ""));
    if (found === undefined) this.#positionals.push(...words);
    else this.#values.set(found[0], [...words]);
  }

  check(isNamed: boolean, environment: Environment): CheckedArguments {
    try {
      return this.#check(isNamed, environment);
    } catch (error) {
      throw error instanceof DyncError ? namingVariables(error, this.#options, this.#variables) : error;
    }
  }

  #check(isNamed: boolean, environment: Environment): CheckedArguments {
    this.#takeVariables(environment);
    this.#takeBehind();
    const line = this.#line(isNamed);
    const { misread, others } = this.#command.check?.(line, environment) ?? { misread: null, others: [] };
    if (misread !== null) this.#faults.push(misread);
    // Where one of them may be the value of an option that is none, nothing can be said of the others.
    else if (!this.#isUncertain) this.#checkPositionals();
    this.#checkOptions();
    throwFaults([...this.#faults, ...others]);
    return { values: this.#result(), variables: this.#variables };
  }

  /** What the line does not say. */
  #takeVariables(environment: Environment): void {
    for (const [name, variable] of variablesFor(this.#program, this.#command, environment)) {
      if (this.#values.has(name) || this.#switches.has(name)) continue;
      const option = this.#options[name]!;
      if (option.type === "boolean") this.#takeSwitch(name, variable);
      else this.#takeValues(name, option, variable);
    }
  }

  #takeSwitch(name: string, variable: Variable): void {
    const parsed = parseSwitch(variable.text);
    if (parsed.ok) {
      this.#switches.set(name, parsed.value);
      this.#variables.set(name, variable);
    } else this.#faults.push(usageError(parsed.fault, variableText(variable.name)));
  }

  #takeValues(name: string, option: OptionDef, variable: Variable): void {
    // Patterns, JSON and paths may have any other character.
    const lines = option.repeat ? variable.text.split(/\r?\n/) : [variable.text];
    const values = lines.filter((it) => it !== "");
    const damage = damageIn(variable.text);
    if (damage !== null) {
      this.#fault(`${variableText(variable.name)} has ${damage}`, "write it in UTF-8");
      return;
    }
    if (values.length > 0) {
      this.#values.set(name, values);
      this.#variables.set(name, variable);
    }
  }

  #line(isNamed: boolean): CommandLine {
    const positionals = this.#isUncertain ? [] : this.#positionals;
    return {
      values: Object.fromEntries(this.#values),
      switches: [...this.#switches].filter(([, isOn]) => isOn).map(([name]) => name),
      positionals,
      optionWords: this.#optionWords,
      variables: this.#variables,
      isNamed,
      isComplete: this.#faults.length === 0,
      isUncertain: this.#isUncertain,
    };
  }

  #long(token: string): void {
    const equals = token.indexOf("=");
    const written = equals < 0 ? token : token.slice(0, equals);
    const inline = equals < 0 ? null : token.slice(equals + 1);
    const name = written.slice(2);
    const negated = name.startsWith("no-") && optionNamed(name.slice(3), this.#options)?.type === "boolean";
    const option = optionNamed(negated ? name.slice(3) : name, this.#options);
    if (option === undefined || option.type === "positional" || option.type === "words") {
      this.#isUncertain ||= inline === null;
      this.#faults.push(this.#unknown(written));
    } else if (option.type === "boolean") {
      if (inline !== null) this.#fault(`Option "${written}" takes no value`);
      this.#switches.set(negated ? name.slice(3) : name, !negated);
    } else {
      this.#take(name, option, written, inline ?? this.#nextValue(written));
    }
  }

  /** `-q`, `-qk a:1`, `-k a:1`, `-ka:1` and `-k=a:1`, as the original program reads them. */
  #short(token: string): void {
    for (let at = 1; at < token.length; at++) {
      const written = `-${token[at]}`;
      const found = Object.entries(this.#options).find(([, option]) => option.alias === token[at]);
      if (found === undefined) {
        this.#isUncertain = true;
        this.#faults.push(this.#unknown(token.length === 2 ? token : written, token));
        return;
      }
      const [name, option] = found;
      if (option.type === "boolean") {
        this.#switches.set(name, true);
        continue;
      }
      const inline = token.slice(at + 1).replace(/^=/, "");
      this.#take(name, option, written, at + 1 < token.length ? inline : this.#nextValue(written));
      return;
    }
  }

  /** Takes the next word as the value of the option `written`; `null` when that is none. */
  #nextValue(written: string): string | null {
    const value = this.#words[this.#at];
    if (value === undefined) {
      this.#fault(`Option "${written}" needs a value`);
      return null;
    }
    if (value.startsWith("-") && value !== "-") {
      const form = written.startsWith("--") ? `${written}=VALUE` : `${written}VALUE`;
      this.#fault(
        `Option "${written}" needs a value, found "${printable(value)}"`,
        `write ${form} when the value starts with a dash`,
      );
      if (!this.#isOption(value)) this.#at++;
      return null;
    }
    this.#at++;
    return value;
  }

  #isOption(word: string): boolean {
    if (word === "--") return true;
    if (word.startsWith("--"))
      return optionNamed(word.slice(2).replace(/=.*/s, ""), this.#options) !== undefined;
    return Object.values(this.#options).some((option) => option.alias === word[1]);
  }

  #take(name: string, option: OptionDef, written: string, value: string | null): void {
    if (value === null) return;
    if (value === "") return this.#fault(`Option "${written}" needs a value, found an empty one`);
    const damage = option.bytes ? null : damageIn(value);
    if (damage !== null) {
      const hint = "write it in UTF-8: the terminal, or the script, uses another encoding";
      return this.#fault(`The value of "${written}", "${printable(value)}", has ${damage}`, hint);
    }
    const values = this.#values.get(name) ?? [];
    if (values.length > 0 && !option.repeat) return this.#fault(`Option "${written}" is given twice`);
    this.#values.set(name, [...values, value]);
  }

  #fault(message: string, hint?: string): void {
    this.#faults.push(this.#usage(message, hint));
  }

  #checkPositionals(): void {
    const expected = Object.entries(this.#options).filter(([, option]) => option.type === "positional");
    const extra = this.#positionals[expected.length];
    // The last one may collect all that follows.
    if (extra !== undefined && !expected.at(-1)?.[1].repeat) {
      const isCommandMissing = expected.length === 0 && this.#command.name === this.#program.defaultCommand;
      const message = `Unexpected argument "${printable(extra)}"`;
      this.#faults.push(isCommandMissing ? this.#unknownCommand(extra) : this.#usage(message));
    }
    expected.forEach(([name, option], index) => {
      const value = this.#positionals[index];
      if (value === "") this.#fault(`${name.toUpperCase()} is empty`);
      if (value === undefined && option.required === true) this.#fault(`${name.toUpperCase()} is missing`);
    });
  }

  #checkOptions(): void {
    for (const [name, { type, required, missingHint }] of Object.entries(this.#options)) {
      if (type === "string" && required === true && !this.#values.has(name))
        this.#fault(`Option --${name} ${name.toUpperCase()} is missing`, missingHint);
    }
  }

  #result(): Readonly<Record<string, unknown>> {
    const positionals = [...this.#positionals];
    const values = Object.entries(this.#options).map(([name, { type, repeat, isThreeWay }]) => {
      if (type === "boolean") return [name, this.#switches.get(name) ?? (isThreeWay ? undefined : false)];
      if (type === "words") return [name, this.#values.get(name) ?? []];
      const given =
        type === "string" ? (this.#values.get(name) ?? []) : positionals.splice(0, repeat ? Infinity : 1);
      return [name, repeat ? given : given[0]];
    });
    return Object.fromEntries(values);
  }

  #unknown(written: string, token = written): DyncError {
    const names = Object.entries(this.#options)
      .filter(([, { type }]) => type !== "positional" && type !== "words")
      .map(([name]) => `--${name}`);
    // "-meta" is a long option with one dash more often than five short ones.
    const near = closest(token.startsWith("--") ? token : `-${token}`, names);
    const within = token === written ? "" : ` in "${printable(token)}"`;
    const guess = near !== null && token.length > 2 ? `did you mean "${near}"? ` : "";
    const hint = `${guess}Run "${this.#help()}" for the options`;
    return this.#usage(`Unknown option "${printable(written)}"${within}`, guess === "" ? undefined : hint);
  }

  #unknownCommand(word: string): DyncError {
    const { commands, groups = [] } = this.#program;
    const near = closest(
      word,
      [...commands, ...groups].map((it) => it.name),
    );
    const hint = near === null ? undefined : `did you mean "${this.#program.name} ${near}"?`;
    return this.#usage(`Unknown command "${printable(word)}"`, hint);
  }

  #help(): string {
    const { name } = this.#command;
    return name === this.#program.defaultCommand
      ? `${this.#program.name} --help`
      : `${this.#program.name} ${name} --help`;
  }

  #usage(message: string, hint?: string): DyncError {
    return new DyncError("usage", message, { hint: hint ?? `run "${this.#help()}"` });
  }
}

/** Not `options[name]` alone: every object has a "constructor". */
function optionNamed(name: string, options: OptionsDef): OptionDef | undefined {
  return Object.hasOwn(options, name) ? options[name] : undefined;
}
