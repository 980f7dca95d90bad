// What is made of the help texts (completions, manual pages) is right where each text says of each option what the command takes.

import { describe, expect, test } from "bun:test";
import { checkArguments, readRequest } from "../../src/cli/args.ts";
import type { Command, Program } from "../../src/cli/command.ts";
import { dync } from "../../src/cli/dync/main.ts";
import { commandNames } from "../../src/cli/dync/send-faults.ts";
import { dyncServer } from "../../src/cli/dync-server/main.ts";
import { describedOptions, summaryOf, usageSections } from "../../src/cli/usage-text.ts";

const commands = [dync, dyncServer].flatMap((program) =>
  program.commands.map((command) => [`${program.name} ${command.name}`, command, program] as const),
);

/** The command lines of the section "Examples" that are of `program`, each as its words. */
function examplesIn(usage: string, { name }: Program): readonly (readonly string[])[] {
  const lines =
    usageSections(usage).find(({ title }) => title === "Examples" || title === "Example")?.lines ?? [];
  return lines
    .flatMap((line) =>
      line
        .trim()
        .replace(/ {2,}.*/, "")
        .replace(/^[A-Z_]+=\S+ /, "")
        .split(/ (?:\||&&|>>?) /),
    )
    .map((part) =>
      [...part.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)].map(([word]) => word.replace(/["']/g, "")),
    )
    .filter((words) => words[0] === name)
    .map((words) => words.slice(1));
}

/** `-k, --key-value …` and `-q, --quiet` for what a command takes. The version is the program's: its own help text has it. */
function takenBy({ options, usage }: Command): readonly string[] {
  return Object.entries(options)
    .filter(
      ([name, { type }]) =>
        type === "string" || (type === "boolean" && (name !== "version" || usage.includes("--version"))),
    )
    .map(([name, { alias, type }]) => written(name, alias ?? null, type === "string"))
    .sort();
}

function written(name: string, letter: string | null, hasValue: boolean): string {
  return `${letter === null ? "" : `-${letter}, `}--${name}${hasValue ? " …" : ""}`;
}

describe.each(commands)("%s --help", (_, command, program) => {
  const entries = describedOptions(command.usage);

  test("describes each option that the command takes, and no other", () => {
    const described = entries.flatMap(({ options }) =>
      options.map(({ name, letter, placeholder }) => written(name, letter, placeholder !== null)),
    );
    expect(described.sort()).toEqual([...takenBy(command)]);
  });

  test("says something of each", () => {
    expect(entries.filter(({ about }) => about === "").map(({ head }) => head)).toEqual([]);
  });

  test("has examples, which are command lines that it takes", () => {
    const examples = examplesIn(command.usage, program);
    const requests = examples.map((words) => readRequest(program, words));
    const own = requests.flatMap((it) =>
      it.type === "run" && it.command.usage === command.usage ? [it] : [],
    );
    expect(own.length).toBeGreaterThan(0);
    // What can be judged by the form alone: the files are not here.
    for (const { command: found, rest, isNamed } of own)
      expect(() => checkArguments(program, { ...found, check: undefined }, rest, { isNamed })).not.toThrow();
  });

  test("begins with a sentence", () => {
    expect(summaryOf(command.usage)).toMatch(/^[A-Z].{8,}[^.]$/);
  });
});

const text = `
Do it, or
do it not: as
you like. More.

Usage:
  it [options]

Options:
  -m, --meta FILE, --sidecars
                       as elsewhere
      --links WHAT     "follow" sends them,
                       "skip" does not
      --to-a-long-name NUMBER
                       so many
      --name-form TEXT names of it
  -h, --help           print this text

The rest is text:
not a header.

Exit status: 0 done.
`;

test("a text is read by its sections and its columns", () => {
  expect(summaryOf(text)).toBe("Do it, or do it not: as you like");
  expect(describedOptions(text)).toEqual([
    {
      head: "-m, --meta FILE, --sidecars",
      options: [
        { name: "meta", letter: "m", placeholder: "FILE" },
        { name: "sidecars", letter: null, placeholder: null },
      ],
      about: "as elsewhere",
    },
    {
      head: "--links WHAT",
      options: [{ name: "links", letter: null, placeholder: "WHAT" }],
      about: '"follow" sends them, "skip" does not',
    },
    {
      head: "--to-a-long-name NUMBER",
      options: [{ name: "to-a-long-name", letter: null, placeholder: "NUMBER" }],
      about: "so many",
    },
    {
      head: "--name-form TEXT",
      options: [{ name: "name-form", letter: null, placeholder: "TEXT" }],
      about: "names of it",
    },
    {
      head: "-h, --help",
      options: [{ name: "help", letter: "h", placeholder: null }],
      about: "print this text",
    },
  ]);
  expect(usageSections(text).map(({ title }) => title)).toEqual([null, "Usage", "Options", null]);
  expect(describedOptions("Nothing.\n\nUsage:\n  it\n")).toEqual([]);
});

test("a slip in the name of any command is understood", () => {
  // Of a command of two words the first is what is mistyped.
  const first = new Set(dync.commands.map(({ name }) => name.split(" ")[0] as string));
  expect([...commandNames].sort()).toEqual([...first, "help"].sort());
});
