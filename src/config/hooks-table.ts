// `[[hooks]]` of a server's file: what is told about uploads. Whether the programs that they name are there is seen by whoever
// reads this one.

import { isAbsolute } from "node:path";
import * as v from "valibot";
import { hookEvents } from "../hooks/hook.ts";
import type { Matches } from "../rules/linear-pattern.ts";
import { type Parsed, right, wrong } from "./parsed.ts";
import { type Groups, groupFaults, patterns, type RuleRow, readTexts, unknownName } from "./rules-table.ts";
import { choices, counts, durations, type Kind, readInFile } from "./setting.ts";
import { type FileReading, type MemberFault, member, table } from "./table.ts";
import { tomlText } from "./toml.ts";

/** A hook as it is written. */
export interface HookRow {
  readonly name: string;
  readonly event: (typeof hookEvents)[number];
  readonly command: readonly [string, ...string[]];
  /** Milliseconds. */
  readonly timeout?: number | undefined;
  readonly users?: readonly Matches[] | undefined;
  /** Names of groups; who is in one of them, or fits `users`, is meant. */
  readonly groups?: readonly string[] | undefined;
  /** Names of rules. */
  readonly rules?: readonly string[] | undefined;
  readonly "at-once"?: number | undefined;
  readonly "on-failure"?: (typeof onFailures)[number] | undefined;
}

const onFailures = ["refuse", "accept"] as const;
const nameLengthMax = 80;
const atOnceMax = 64;
const timeoutMsMin = 1_000;

/** What `[[hooks]]` may hold. */
export function hooksMembers() {
  return {
    hooks: v.optional(
      v.array(
        table({
          name: member(readName),
          event: member((value) => readAs(choices("EVENT", hookEvents), value)),
          command: member(readCommand),
          timeout: v.optional(member((value) => readAs(durations(timeoutMsMin), value))),
          users: v.optional(patterns(false, "users")),
          groups: v.optional(member(readTexts)),
          rules: v.optional(member(readTexts)),
          "on-failure": v.optional(member((value) => readAs(choices("WHAT", onFailures), value))),
          "at-once": v.optional(member((value) => readAs(counts(1, atOnceMax), value))),
        }),
      ),
    ),
  };
}

/** What is wrong with hooks beside each other, and beside rules and groups. */
export function hooksFaults(
  hooks: readonly HookRow[],
  rules: readonly RuleRow[],
  groups: Groups,
  reading: Extract<FileReading<unknown>, { ok: true }>,
): readonly MemberFault[] {
  const known = rules.map(({ name }) => name);
  const unknown = hooks.flatMap((hook, index) =>
    (hook.rules ?? []).flatMap((name) => {
      const text = unknownName(name, known, "[[rules]]");
      if (text === null) return [];
      return [{ line: reading.lineOf(["hooks", index, "rules"]), member: `hooks[${index + 1}].rules`, text }];
    }),
  );
  const misplaced = hooks.flatMap((hook, index) => {
    if (hook.event === "before" || hook["on-failure"] === undefined) return [];
    const text = 'is for hooks with event = "before": what was stored is told again until the hook takes it';
    const line = reading.lineOf(["hooks", index, "on-failure"]);
    return [{ line, member: `hooks[${index + 1}].on-failure`, text }];
  });
  return [...groupFaults("hooks", hooks, groups, reading), ...unknown, ...misplaced];
}

function readName(value: unknown): Parsed<string> {
  const isName =
    typeof value === "string" && /^[A-Za-z0-9][\w.-]*$/.test(value) && value.length <= nameLengthMax;
  return isName
    ? right(value)
    : wrong(`a name of letters, digits, ".", "_" and "-", at most ${nameLengthMax}`, tomlText(value));
}

function readCommand(value: unknown): Parsed<HookRow["command"]> {
  const wanted = 'a program by its absolute path, and its arguments: ["/usr/local/bin/index", "all"]';
  const texts = readTexts(value);
  if (!texts.ok || texts.value.some((it) => it.includes("\0"))) return wrong(wanted, tomlText(value));
  const [program = "", ...args] = texts.value;
  return isAbsolute(program) ? right([program, ...args]) : wrong(wanted, tomlText(program));
}

function readAs<T>(kind: Kind<T>, value: unknown): Parsed<T> {
  return readInFile({ kind }, value);
}
