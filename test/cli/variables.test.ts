// Each option of each command is read from its variable: all commands and all options of both programs are gone through.

import { describe, expect, test } from "bun:test";
import { DyncError } from "../../src/base/error.ts";
import { asksForJson, checkArguments } from "../../src/cli/args.ts";
import type { Command, Environment, OptionDef, Program } from "../../src/cli/command.ts";
import { faultsOf } from "../../src/cli/command-line-error.ts";
import { dync } from "../../src/cli/dync/main.ts";
import { dyncServer } from "../../src/cli/dync-server/main.ts";
import { helpText } from "../../src/cli/usage-environment.ts";
import {
  findVariables,
  namingVariables,
  ownVariable,
  sharedVariable,
  unknownMeant,
  variableOptions,
  variablesOf,
} from "../../src/cli/variables.ts";

const programs = [dync, dyncServer];
const commands = programs.flatMap((program) =>
  program.commands.map((command) => [`${program.name} ${command.name}`, command, program] as const),
);

/** A line with all that `command` needs but the option `name`, judged by its form alone. */
function read(
  program: Program,
  command: Command,
  name: string,
  given: readonly string[],
  environment: Environment,
) {
  const needed = Object.entries(command.options).flatMap(([option, { type, required }]) => {
    if (required !== true || option === name) return [];
    return type === "positional" ? ["word"] : type === "string" ? [`--${option}=text`] : [];
  });
  const bare = { ...command, check: undefined };
  return checkArguments(program, bare, [...given, ...needed], { isNamed: true, environment });
}

/** What the option is when `text` says it. */
function meant({ type, repeat }: OptionDef, text: string): unknown {
  if (type === "boolean") return text === "true";
  return repeat ? [text] : text;
}

describe.each(commands)("%s", (_, command, program) => {
  const options = variableOptions(command);

  test.each(options)("--%s is read from its variables, below what is typed", (name, option) => {
    const isSwitch = option.type === "boolean";
    const [first, second, typed] = isSwitch ? ["true", "false", "--no-"] : ["first", "second", "--"];
    const [own, shared] = variablesOf(program, command, name) as [string, string | undefined];
    const valueIn = (environment: Environment, ...given: readonly string[]) =>
      read(program, command, name, given, environment).values[name];
    expect<unknown>(valueIn({ [own]: first })).toEqual(meant(option, first));
    expect(read(program, command, name, [], { [own]: first }).variables.get(name)).toEqual({
      name: own,
      text: first,
    });
    if (shared !== undefined) {
      expect<unknown>(valueIn({ [shared]: first })).toEqual(meant(option, first));
      expect<unknown>(valueIn({ [shared]: first, [own]: second })).toEqual(meant(option, second));
      expect<unknown>(valueIn({ [shared]: first, [own]: "" })).toEqual(meant(option, first));
    }
    const line = isSwitch ? `${typed}${name}` : `${typed}${name}=typed`;
    const both = { [own]: first, ...(shared === undefined ? {} : { [shared]: first }) };
    expect<unknown>(valueIn(both, line)).toEqual(isSwitch ? false : meant(option, "typed"));
    expect(read(program, command, name, [line], both).variables.has(name)).toBe(false);
  });

  test("names its variables in the help, which fits 80 columns", () => {
    const text = helpText(program, command);
    expect(text.includes("\nEnvironment:\n")).toBe(options.length > 0);
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(80);
    const words = text.replace(/\s+/g, " ");
    const example = options.some(([name]) =>
      words.includes(`as ${ownVariable(program, command, name)} is --${name}.`),
    );
    expect(example).toBe(options.length > 0);
  });
});

test("no option is without a variable, but what asks for help and the version", () => {
  for (const [, command] of commands) {
    const all = Object.entries(command.options).filter(
      ([, { type }]) => type === "string" || type === "boolean",
    );
    const without = all.filter(([name]) => !variableOptions(command).some(([it]) => it === name));
    expect(without.map(([name]) => name).filter((name) => name !== "help" && name !== "version")).toEqual([]);
  }
});

test("no variable means two things: of two commands, of both programs, or of something else", () => {
  const meanings = new Map<string, string>();
  const add = (name: string, meaning: string): void => {
    expect([name, meanings.get(name) ?? meaning]).toEqual([name, meaning]);
    meanings.set(name, meaning);
  };
  for (const [title, command, program] of commands) {
    for (const [name, option] of variableOptions(command)) {
      add(ownVariable(program, command, name), `--${name} of ${title}`);
      const shared = sharedVariable(program, name, option);
      if (shared !== null) add(shared, `--${name} of every command of ${program.name}`);
    }
  }
  for (const { variables } of programs)
    for (const name of [...variables.ofArguments, ...variables.others])
      expect(meanings.has(name)).toBe(false);
  // Each program leaves the other's alone.
  for (const [name, meaning] of meanings) {
    const other = meaning.endsWith("dync-server") || meaning.includes("of dync-server ") ? dync : dyncServer;
    expect(findVariables(other, { [name]: "true" })).toEqual({ known: [], unknown: [] });
  }
});

test("an option that has one variable for all commands is the same in all of them", () => {
  for (const program of programs) {
    for (const name of program.variables.shared) {
      const all = program.commands.flatMap(({ options }) => {
        const option = Object.hasOwn(options, name) ? options[name] : undefined;
        if (option === undefined || option.type === "positional" || option.isOwn) return [];
        const { type, alias, repeat } = option;
        return [JSON.stringify({ type, alias, repeat })];
      });
      expect([name, all.length > 0, new Set(all).size]).toEqual([name, true, 1]);
    }
  }
});

const send = dync.commands.find(({ name }) => name === "send")!;
const sendLine = (environment: Environment, ...argv: readonly string[]) =>
  checkArguments(dync, { ...send, check: undefined }, argv, { isNamed: true, environment });

test.each([
  ...["true", "1", "yes", "on", "TRUE", "Yes"].map((text) => [text, true] as const),
  ...["false", "0", "no", "off", "False"].map((text) => [text, false] as const),
])("a switch is %s", (text, expected) => {
  expect(sendLine({ DYNC_QUIET: text }, "host").values.quiet).toBe(expected);
});

test("each line of an option that may be repeated is a value, and what is typed takes the place of all", () => {
  const environment = { DYNC_SEND_KEY_VALUE: 'sample:S-17\r\ntags:=["a, b"]\n\n' };
  expect(sendLine(environment, "host").values["key-value"]).toEqual(["sample:S-17", 'tags:=["a, b"]']);
  expect(sendLine(environment, "-k", "run:7", "host").values["key-value"]).toEqual(["run:7"]);
});

test("a variable may say that a program stands behind --", () => {
  const { values } = sendLine({ DYNC_SEND_STDIN_FROM_COMMAND: "yes" }, "-n", "x", "host", "--", "tar", "-c");
  expect(values).toMatchObject({ command: ["tar", "-c"], server: "host", file: [] });
});

const bad: readonly (readonly [Environment, readonly string[], readonly string[]])[] = [
  [{ DYNC_QUIET: "maybe" }, [], ['Variable DYNC_QUIET needs true or false, found "maybe"']],
  [
    { DYNC_SEND_JOBS: "0", DYNC_JOBS: "3" },
    [],
    ["Variable DYNC_SEND_JOBS needs a whole number from 1 to 64"],
  ],
  [{ DYNC_JOBS: "0" }, ["--jobs=3"], []],
  [{ DYNC_JOBS: "0" }, ["--jobs=0"], ['Option "--jobs" needs']],
  [{ DYNC_PORT: "x" }, [], ['Variable DYNC_PORT needs a whole number from 1 to 65535, found "x"']],
  [{ DYNC_LIMIT: "fast" }, [], ['Variable DYNC_LIMIT needs a rate, found "fast"']],
  [
    { DYNC_SEND_LINKS: "all" },
    ["--dataset"],
    ['Variable DYNC_SEND_LINKS needs follow, skip or fail, found "all"'],
  ],
  [{ DYNC_SEND_KEY_VALUE: "sample" }, [], ["Variable DYNC_SEND_KEY_VALUE needs KEY:VALUE"]],
  [{ DYNC_SEND_NAME: "a/b" }, [], ["DYNC_SEND_NAME"]],
  [{ DYNC_SEND_NULL: "1" }, [], ['Variable DYNC_SEND_NULL needs "--files-from"']],
  [
    { DYNC_SEND_DATASET: "1" },
    ["--unpack"],
    ['Options "--dataset" (DYNC_SEND_DATASET) and "--unpack" are both given'],
  ],
  [{ DYNC_SEND_NAME: "a\ufffdb" }, [], ["Variable DYNC_SEND_NAME has what is not Unicode"]],
];
test.each(bad)("a bad value is refused by its name (%#)", (environment, argv, parts) => {
  const line = ["-k", "a:b", "localhost", import.meta.path];
  const own = environment.DYNC_SEND_KEY_VALUE === undefined ? line : line.slice(2);
  const messages = faultsOf(() =>
    checkArguments(dync, send, [...argv, ...own], {
      isNamed: true,
      environment: { DYNC_HOME: "/nonexistent", ...environment },
    }),
  ).map(({ message }) => message);
  for (const part of parts) expect(messages.join("\n")).toContain(part);
  if (parts.length === 0) expect(messages).toEqual([]);
});

test("only what a variable said is named by it, and everything else about an error stays", () => {
  const error = new DyncError("usage", 'Option "-p" needs a port, found "x"', { hint: "say --port" });
  const options = { port: { type: "string", alias: "p" }, json: { type: "boolean" } } as const;
  const port = { name: "DYNC_PORT", text: "x" };
  expect(namingVariables(error, options, new Map([["json", port]]))).toBe(error);
  expect(namingVariables(error, options, new Map([["port", port]]))).toMatchObject({
    code: "usage",
    message: 'Variable DYNC_PORT needs a port, found "x"',
    hint: "say --port",
  });
  const other = new DyncError("usage", "The --portable thing fails");
  expect(namingVariables(other, options, new Map([["port", port]]))).toBe(other);
});

test("JSON lines are asked for by a variable as well, where the command has them", () => {
  expect(asksForJson(dync, ["host", "file"], { DYNC_JSON: "true" })).toBe(true);
  expect(asksForJson(dync, ["host", "file", "--no-json"], { DYNC_JSON: "true" })).toBe(false);
  expect(asksForJson(dync, ["servers"], { DYNC_SEND_JSON: "true" })).toBe(false);
  expect(asksForJson(dync, ["servers"], { DYNC_SERVERS_JSON: "1", DYNC_JSON: "0" })).toBe(true);
  expect(asksForJson(dync, ["completions", "bash"], { DYNC_JSON: "true" })).toBe(false);
  expect(asksForJson(dync, ["send", "host"], { DYNC_SEND_STDIN_JOBS: "yes" })).toBe(true);
  expect(asksForJson(dync, ["host"], { DYNC_JSON: "what" })).toBe(false);
  expect(asksForJson(dyncServer, ["users", "list"], { DYNC_SERVER_JSON: "1" })).toBe(true);
});

test("of unknown variables those are told that somebody meant, with what is near", () => {
  const told = (program: Program, ...names: readonly string[]) =>
    unknownMeant(findVariables(program, Object.fromEntries(names.map((name) => [name, "x"]))));
  expect(told(dync, "DYNC_PROT", "DYNC_SEND_RETRYFOR", "DYNC_SEND_COLOUR_OF_IT")).toEqual([
    "Unknown variable DYNC_PROT, did you mean DYNC_PORT?",
    "Unknown variable DYNC_SEND_COLOUR_OF_IT",
    "Unknown variable DYNC_SEND_RETRYFOR, did you mean DYNC_SEND_RETRY_FOR?",
  ]);
  // Scripts have their own, hooks are given some, containers as well, and the other program has its own.
  const theirs = ["DYNC_INCOMING_FOLDER_OF_LAB", "DYNC_HOOK", "DYNC_SERVICE_HOST", "DYNC_PORT_8889_TCP_ADDR"];
  expect(told(dync, ...theirs, "DYNC_SERVER_MAX_UPLOADS", "DYNC_SERVER_MAXUPLOADS", "DYNC_HOME")).toEqual([]);
  expect(told(dyncServer, "DYNC_SERVER_KEY", "DYNC_SERVER_PORT_8889_TCP", "DYNC_PROT", "DYNC_JOBS")).toEqual(
    [],
  );
  expect(told(dyncServer, "DYNC_SERVER_PROT")).toEqual([
    "Unknown variable DYNC_SERVER_PROT, did you mean DYNC_SERVER_PORT?",
  ]);
  const { known, unknown } = findVariables(dync, {
    DYNC_SERVER: "lab",
    DYNC_JOBS: "2",
    DYNC_MINE: "",
    DYNC_X_Y_Z: "1",
  });
  expect(known.map(({ name }) => name)).toEqual(["DYNC_JOBS", "DYNC_SERVER"]);
  expect(unknown.map(({ name }) => name)).toEqual(["DYNC_X_Y_Z"]);
});
