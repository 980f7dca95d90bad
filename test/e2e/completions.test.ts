// Real shells with the scripts of `completions`: what they offer where the tab key is pressed. PowerShell's is looked at as a text as
// well, for machines that have none.

import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { completionScript } from "../../src/cli/completions/completion-script.ts";
import { type Shell, shells } from "../../src/cli/completions/script.ts";
import { dync } from "../../src/cli/dync/main.ts";
import { dyncServer } from "../../src/cli/dync-server/main.ts";
import { describedOptions } from "../../src/cli/usage-text.ts";
import { askedShells, type Desk, makeDesk, offered, typedInBash } from "../support/completing.ts";
import { executablesMissing } from "../support/executables.ts";
import { runProgram } from "../support/programs.ts";
import { terminalMissing } from "../support/terminal.ts";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

const script = (program: string, shell: Shell): string =>
  completionScript(program === "dync" ? dync : dyncServer, shell);

/** A desk with a file, a folder, and two servers that are known. */
async function newDesk(): Promise<Desk> {
  const folder = mkdtempSync(join(tmpdir(), "dync-test-"));
  folders.push(folder);
  const desk = await makeDesk(folder, script);
  mkdirSync(join(folder, "home/servers"), { recursive: true });
  writeFileSync(join(folder, "home/client.toml"), '[servers.lab]\nhost = "lab.example.org"\n');
  writeFileSync(join(folder, "home/servers/store.example.org_9000.key"), "");
  writeFileSync(join(desk.folder, "run42.raw"), "");
  mkdirSync(join(desk.folder, "run7"));
  return desk;
}

const first = (program: typeof dync): readonly string[] =>
  [...new Set(program.commands.map(({ name }) => name.split(" ")[0] as string))].sort();

const servers = ["lab", "store.example.org:9000"];
/** What is typed, and what is offered then. */
const cases: readonly (readonly [string, readonly string[]])[] = [
  ["dync hist", ["history"]],
  ["dync ", [...first(dync), ...servers].sort()],
  ["dync-server ", first(dyncServer)],
  ["dync-server config ", ["check", "example", "import", "show"]],
  ["dync-server clients a", ["add", "approve"]],
  ["dync-server uploads list --state f", ["failed"]],
  ["dync send la", ["lab"]],
  ["dync run", ["run42.raw", "run7"]],
  ["dync lab run", ["run42.raw", "run7"]],
  ["dync check lab run42", ["run42.raw"]],
  ["dync -q --port 3 check la", ["lab"]],
  ["dync --port check la", ["lab"]],
  ["dync -qm run42.raw la", ["lab"]],
  ["dync -m run", ["run42.raw", "run7"]],
  ["dync trust lab run4", ["run42.raw"]],
  ["dync --links ", ["fail", "follow", "skip"]],
  ["dync check --links=fo", ["follow"]],
  ["dync keygen --folder run", ["run7"]],
  ["dync --retry", ["--retry-for"]],
  ["dync-server run --datasets ", ["bagit", "plain"]],
  ["dync-server --no-tr", ["--no-trust-user-ids"]],
  ["dync completions ", ["bash", "fish", "powershell", "zsh"]],
  ["dync completions po", ["powershell"]],
];

/** A line for each command, at whose end its options are offered, and those. */
const optionCases = [dync, dyncServer].flatMap((program) =>
  program.commands.map(({ name, usage, options }) => {
    const names = describedOptions(usage).flatMap((it) => it.options.map((option) => option.name));
    const off = names.filter((it) => options[it]?.isThreeWay).map((it) => `no-${it}`);
    return [`${program.name} ${name} --`, [...names, ...off].map((it) => `--${it}`).sort()] as const;
  }),
);

describe.each(askedShells)("$shell", ({ shell, missing }) => {
  test.skipIf(missing !== null)(
    `offers commands, servers, files and values (${missing ?? shell})`,
    async () => {
      const found = await offered(
        shell,
        await newDesk(),
        cases.map(([line]) => line),
      );
      expect(cases.map(([line], at) => [line, found[at]])).toEqual(
        cases.map(([line, words]) => [line, [...words]]),
      );
    },
  );

  test.skipIf(missing !== null)(`offers all options of every command (${missing ?? shell})`, async () => {
    const found = await offered(
      shell,
      await newDesk(),
      optionCases.map(([line]) => line),
    );
    expect(optionCases.map(([line], at) => [line, found[at]])).toEqual(optionCases.map((it) => [...it]));
  });
});

const typingMissing = executablesMissing ?? terminalMissing;
test.skipIf(typingMissing !== null)(
  `bash on a terminal puts in what it is sure of, and lists the rest with what it is for (${typingMissing ?? "bash"})`,
  async () => {
    const shown = await typedInBash(await newDesk(), [
      "dync his\t",
      "dync check la\trun4\t",
      "dync --server-key=run4\tsto\t",
      "dync -m run\t42\tlab",
      "dync-server conf\tsh\t--log-le\td\t",
      "dync uploads --\t\tjson",
    ]);
    expect(shown.match(/GOT<.*?>/g)).toEqual([
      "GOT<history>",
      "GOT<check lab run42.raw>",
      "GOT<--server-key=run42.raw store.example.org:9000>",
      "GOT<-m run42.raw lab>",
      "GOT<config show --log-level debug>",
      "GOT<uploads --json>",
    ]);
    expect(shown).toContain("--json  (print JSON lines for programs)");
  },
);

test.skipIf(Bun.which("shellcheck") === null)("shellcheck finds nothing in bash's (shellcheck)", async () => {
  for (const program of ["dync", "dync-server"]) {
    const stdin = new Blob([script(program, "bash")]);
    expect((await runProgram(["shellcheck", "-"], { stdin })).stdout).toBe("");
  }
});

describe.each(shells.map((shell) => [shell]))("the script for %s", (shell) => {
  test.each([["dync"], ["dync-server"]])("of %s is ASCII, and has no place left open", (program) => {
    const text = script(program, shell);
    expect(text).toMatch(/^[\n\t\x20-\x7e]+\n$/);
    expect(text).not.toMatch(/@[A-Z]+@|undefined/);
  });
});

// What can be held to without PowerShell: its tables have as many columns as are read, and no line ends a table early.
test.each([[dync], [dyncServer]])(
  "PowerShell's script has each command, option and argument in its tables",
  (program) => {
    const [options = "", places = "", words = ""] = [
      ...script(program.name, "powershell").matchAll(/@'\n(.*?)\n'@/gs),
    ].map(([, table]) => table as string);
    for (const { name, options: all } of program.commands) {
      const taken = Object.entries(all).filter(([, { type }]) => type === "string");
      for (const [option] of taken) expect(options).toContain(`\n${name}|--${option}|`);
      const positionals = Object.values(all).filter(({ type }) => type === "positional");
      expect(places.split("\n").filter((it) => it.startsWith(`${name}|`))).toHaveLength(positionals.length);
    }
    for (const line of options.split("\n")) expect(line.split("|").length).toBeGreaterThanOrEqual(5);
    for (const line of places.split("\n"))
      expect(line).toMatch(/^[a-z -]+\|\d\+?\|(file|folder|server|text|words [a-z ]+)$/);
    for (const line of words.split("\n")) expect(line).toMatch(/^[a-z-]*\|[a-z-]+\|\S/);
  },
);
