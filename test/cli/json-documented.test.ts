// Each command that prints for programs is in doc/json.md, with the schema of its last line. That its lines are what the schemas say,
// test/e2e/json-lines.test.ts finds out.

import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { dync } from "../../src/cli/dync/main.ts";
import { dyncServer } from "../../src/cli/dync-server/main.ts";

const text = readFileSync(join(import.meta.dir, "../../doc/json.md"), "utf8");
/** Paragraphs before a schema, of the chapter about last lines: "Of `dync trust`, …". */
const said = text
  .slice(text.indexOf("\n## The summary"))
  .split(/\n```json\n.*?\n```\n/s)
  .map((it) => it.trim().split("\n\n").at(-1) ?? "");

const commands = [dync, dyncServer].flatMap((program) =>
  program.commands
    .filter(({ options }) => options.json !== undefined)
    .map(({ name }) => [program.name, name] as const),
);

/** In a list of commands of one program the others are named without it, or by their last word. */
function names(paragraph: string, program: string, command: string): boolean {
  const words = [...paragraph.matchAll(/`([^`]+)`/g)].map(([, it]) => it as string);
  if (words.includes(`${program} ${command}`)) return true;
  const [group = "", last] = command.split(" ");
  const isOfProgram = words.some((it) => it.startsWith(`${program} ${last === undefined ? "" : group}`));
  return isOfProgram && (words.includes(command) || (last !== undefined && words.includes(last)));
}

test.each(commands)("%s %s --json: its last line is in doc/json.md", (program, command) => {
  expect(said.some((it) => names(it, program, command))).toBe(true);
});
