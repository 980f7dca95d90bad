// The hooks of a server's file, with what else they name: programs, which have to be there.

import { accessSync, constants, statSync } from "node:fs";
import { whyUnreadable } from "../../base/system-errors.ts";
import type { HookRow } from "../../config/hooks-table.ts";
import { usersOf } from "../../config/rules-table.ts";
import type { ServerFile } from "../../config/server-file.ts";
import type { FileReading, MemberFault } from "../../config/table.ts";
import type { Hook } from "../../hooks/hook.ts";

export interface ReadHooks {
  readonly hooks: readonly Hook[];
  readonly faults: readonly MemberFault[];
  /** Another one whenever the hooks are others. */
  readonly digest: string;
}

export const noHooks: ReadHooks = { hooks: [], faults: [], digest: "" };

const atOnceDefault = 4;
const timeoutMsDefault = { before: 10_000, after: 60_000 } as const;

/** Makes hooks of the rows of a file that was read. */
export function readHooks({
  value: file,
  lineOf,
}: Extract<FileReading<ServerFile>, { ok: true }>): ReadHooks {
  const faults: MemberFault[] = [];
  for (const [index, { command }] of file.hooks.entries()) {
    const fault = programFault(command[0]);
    const text = `${command[0]} cannot be run: ${fault}`;
    if (fault !== null)
      faults.push({ line: lineOf(["hooks", index, "command"]), member: `hooks[${index + 1}].command`, text });
  }
  return { hooks: file.hooks.map((row) => hookOf(row, file)), faults, digest: file.hooksText };
}

function hookOf(row: HookRow, { groups }: ServerFile): Hook {
  const { name, event, command, rules } = row;
  return {
    ...{ name, event, command, rules },
    timeoutMs: row.timeout ?? timeoutMsDefault[event],
    users: usersOf(row, groups),
    atOnce: row["at-once"] ?? atOnceDefault,
    onFailure: row["on-failure"] ?? "refuse",
  };
}

/** Why `path` is no program that can be run, as the end of a sentence, or `null`. */
function programFault(path: string): string | null {
  try {
    if (!statSync(path).isFile()) return "it is no file";
    accessSync(path, constants.X_OK);
    return null;
  } catch (error) {
    return whyUnreadable(error);
  }
}
