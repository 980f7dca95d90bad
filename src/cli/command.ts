// What a program and a command are, with the types of what a command line gives them. `run.ts` runs them.

import type { Clock } from "../base/clock.ts";
import type { DyncError } from "../base/error.ts";
import type { Output } from "./output.ts";

/** What every command is given. */
export interface CommandContext {
  /** `dync` or `dync-server`. */
  readonly program: string;
  readonly output: Output;
  /** Aborts at the first SIGINT or SIGTERM; the reason is a `DyncError` ("cancelled"). */
  readonly signal: AbortSignal;
  readonly clock: Clock;
  readonly environment: Environment;
  /** The variables that said what an option did not, by its name. */
  readonly variables: SaidByVariables;
  /** All variables that are there for this program. */
  readonly variablesFound: VariablesFound;
}

/** The variables of a program that say something, for whichever command; and those without a meaning to it. By their names. */
export interface VariablesFound {
  readonly known: readonly Variable[];
  readonly unknown: readonly UnknownVariable[];
}

export interface UnknownVariable {
  readonly name: string;
  /** The known one that is probably meant. */
  readonly near: string | null;
  /** Whether somebody meant it for this program: it is like a known one, or has the name of a command in it. */
  readonly isMeant: boolean;
}

/** A variable that says something. */
export interface Variable {
  readonly name: string;
  readonly text: string;
}

/** By the name of the option. */
export type SaidByVariables = ReadonlyMap<string, Variable>;

/** The variables of this process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * An option, or one of the words that are none ("positional"), in the order of their definitions, or all words behind "--",
 * where the switch `behind` is given ("words").
 */
export interface OptionDef {
  readonly type: "string" | "boolean" | "positional" | "words";
  readonly behind?: string;
  /** One letter. */
  readonly alias?: string;
  readonly required?: boolean;
  /** What to do where an option is missing that is required: the hint of the error. */
  readonly missingHint?: string;
  /** Its values are collected: it may be given several times, or as the last positional argument takes all that follow. */
  readonly repeat?: boolean;
  /** Takes values that are not text (as `systemArguments` writes them): paths of files that are only read. */
  readonly bytes?: boolean;
  /** All values that it takes, where these are few words: offered by shells, and judged where they are read. */
  readonly values?: readonly string[];
  /** What its value is, where the name for it in the help text (FILE, FOLDER, SERVER) does not say so. */
  readonly means?: "file" | "folder" | "server";
  /** It asks about the program and says nothing to it: no variable stands for it. */
  readonly asksOnly?: boolean;
  /** In this command it means something else than in all others: only the variable of the command stands for it. */
  readonly isOwn?: boolean;
  /** A switch that tells "off" (`--no-NAME`) from not being given, which is `undefined`. */
  readonly isThreeWay?: boolean;
}
export type OptionsDef = Readonly<Record<string, OptionDef>>;

/** What was given: an option that was not is `undefined`, a switch `false`, one that may be repeated an empty list. */
export type OptionValues<T extends OptionsDef> = {
  readonly [Name in keyof T]: T[Name] extends { readonly type: "boolean" }
    ? T[Name] extends { readonly isThreeWay: true }
      ? boolean | undefined
      : boolean
    : T[Name] extends { readonly type: "words" }
      ? readonly string[]
      : T[Name] extends { readonly repeat: true }
        ? readonly string[]
        : T[Name] extends { readonly required: true }
          ? string
          : string | undefined;
};

/** A command line as it was found, faulty or not. */
export interface CommandLine {
  /** Values of the options that are not switches, by long name; those that may be given once have at most one. */
  readonly values: Readonly<Record<string, readonly string[] | undefined>>;
  /** The switches that are on, by long name. */
  readonly switches: readonly string[];
  /** Of those, the ones that a variable says and no option. */
  readonly variables: SaidByVariables;
  readonly positionals: readonly string[];
  /** The options, with their values, as they were typed. */
  readonly optionWords: readonly string[];
  /** Whether the command was named, and not only taken because none was. */
  readonly isNamed: boolean;
  /** Whether nothing is wrong with the options: else what seems to be missing may be there. */
  readonly isComplete: boolean;
  /** Whether one of the words may be the value of an option that is none: then no positional arguments are told. */
  readonly isUncertain: boolean;
}

/** What a command finds wrong with its command line beyond its form. */
export interface CommandFaults {
  /** What the positional arguments really are; counts instead of what is wrong with their number. */
  readonly misread: DyncError | null;
  readonly others: readonly DyncError[];
}

/** Exit status where not all of several things are done or as they should be, and each was told. */
export const exitNotAll = 3;

export interface Command {
  /** One word, or two: the name of a group and its own. */
  readonly name: string;
  /** The whole help text, as it is printed. */
  readonly usage: string;
  readonly options: OptionsDef;
  /** Whether it writes into a log what is to be said of unknown variables. */
  readonly logsWarnings?: boolean;
  /** Looks at everything that can be judged before anything is done; changes nothing, and may be left out. */
  readonly check: ((line: CommandLine, environment: Environment) => CommandFaults) | undefined;
  /** Resolves to the exit status; throws `DyncError`. */
  run(values: Readonly<Record<string, unknown>>, context: CommandContext): Promise<number>;
}

/** Commands whose names begin with the same word. */
export interface CommandGroup {
  readonly name: string;
  /** The whole help text, as it is printed. */
  readonly usage: string;
}

/** How the variables of a program are called. */
export interface ProgramVariables {
  /** How all of them begin. */
  readonly prefix: string;
  /** Options that mean the same in each command that has them. */
  readonly shared: readonly string[];
  /** Those that stand for arguments. */
  readonly ofArguments: readonly string[];
  /** Names that begin so and stand for no option. */
  readonly others: readonly string[];
  /** Whether another program may have put one there. */
  isForeign(name: string): boolean;
  /** For the help: sentences about arguments that may be left out, by their names. */
  readonly noneNamed: Readonly<Record<string, string>>;
  /** For the help: what counts where neither options nor variables say anything, in commands with that option or argument. */
  readonly below: { readonly ifHas: string; readonly text: string } | null;
}

export interface Program {
  readonly name: string;
  readonly variables: ProgramVariables;
  /** The whole help text, as it is printed. */
  readonly usage: string;
  readonly commands: readonly Command[];
  /** First words of commands that have two, where such a word is no command by itself. */
  readonly groups?: readonly CommandGroup[];
  /** Name of the command that runs when none is named. */
  readonly defaultCommand: string;
  /** Whether SIGHUP stops it, as SIGTERM does: the terminal that it was started from is gone. */
  readonly endsAtHangup: boolean;
}

/** Defines a command with typed options. */
export function defineCommand<const T extends OptionsDef>(definition: {
  readonly name: string;
  readonly usage: string;
  readonly options: T;
  readonly logsWarnings?: boolean;
  readonly check?: (line: CommandLine, environment: Environment) => CommandFaults;
  run(values: OptionValues<T>, context: CommandContext): Promise<number>;
}): Command {
  return {
    check: undefined,
    ...definition,
    run: (values, context) => definition.run(values as OptionValues<T>, context),
  };
}
