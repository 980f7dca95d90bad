// What a program and a command are: citty's definitions, with the types that citty 0.2.2 gets wrong put right
// (an option that was not given is `undefined`, a switch `false`, one that may be repeated a list). `run.ts` runs them.

import { type ArgsDef, runCommand } from "citty";
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
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/**
 * An option of citty's; `repeat` collects the values of an option that is given several times, `bytes` takes values that
 * are not text (as `systemArguments` writes them): paths of files that are only read.
 */
export type OptionDef = ArgsDef[string] & { readonly repeat?: boolean; readonly bytes?: boolean };
export type OptionsDef = Readonly<Record<string, OptionDef>>;

/** The values of options, after the strict pass of `args.ts`. */
export type OptionValues<T extends OptionsDef> = {
  readonly [Name in keyof T]: T[Name] extends { readonly type: "boolean" }
    ? boolean
    : T[Name] extends { readonly repeat: true }
      ? readonly string[]
      : T[Name] extends { readonly required: true }
        ? string
        : string | undefined;
};

/** What the strict pass hands to a command. */
export interface CheckedArguments {
  /** Unambiguous: every option in its long form with `=`, then `--`, then the positional arguments. */
  readonly argv: readonly string[];
  readonly repeated: Readonly<Record<string, readonly string[]>>;
}

/** A command line as it was found, faulty or not. */
export interface CommandLine {
  /** Values of the options that are not switches, by long name; those that may be given once have at most one. */
  readonly values: Readonly<Record<string, readonly string[] | undefined>>;
  readonly positionals: readonly string[];
  /** The options, with their values, as they were typed. */
  readonly optionWords: readonly string[];
  /** Whether the command was named, and not only taken because none was. */
  readonly isNamed: boolean;
  /** Whether nothing is wrong with the options: else what seems to be missing may be there. */
  readonly isComplete: boolean;
}

/** What a command finds wrong with its command line beyond its form. */
export interface CommandFaults {
  /** What the positional arguments really are; counts instead of what is wrong with their number. */
  readonly misread: DyncError | null;
  readonly others: readonly DyncError[];
}

export interface Command {
  readonly name: string;
  /** The whole help text, as it is printed. */
  readonly usage: string;
  readonly options: OptionsDef;
  /** Looks at everything that can be judged before anything is done; changes nothing, and may be left out. */
  readonly check: ((line: CommandLine) => CommandFaults) | undefined;
  /** Resolves to the exit status; throws `DyncError`. */
  run(checked: CheckedArguments, context: CommandContext): Promise<number>;
}

export interface Program {
  readonly name: string;
  /** The whole help text, as it is printed. */
  readonly usage: string;
  readonly commands: readonly Command[];
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
  readonly check?: (line: CommandLine) => CommandFaults;
  run(values: OptionValues<T>, context: CommandContext): Promise<number>;
}): Command {
  const switches = Object.entries(definition.options).filter(([, option]) => option.type === "boolean");
  const switchesOff = Object.fromEntries(switches.map(([name]) => [name, false]));
  return {
    name: definition.name,
    usage: definition.usage,
    options: definition.options,
    check: definition.check,
    async run(checked, context) {
      // The strict pass collected what repeats: citty would miss it.
      const single = Object.entries(definition.options).filter(([, { repeat }]) => !repeat);
      const args: ArgsDef = Object.fromEntries(single);
      const { result } = await runCommand(
        {
          args,
          run: (call) => {
            const values: unknown = { ...switchesOff, ...call.args, ...checked.repeated };
            return definition.run(values as OptionValues<T>, context);
          },
        },
        { rawArgs: [...checked.argv] },
      );
      return result as number;
    },
  };
}
