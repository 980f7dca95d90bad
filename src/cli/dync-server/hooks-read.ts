// The hooks of a server's file, with what else they name: programs, which have to be there, and secrets.

import { createHash, createHmac } from "node:crypto";
import { accessSync, constants, statSync } from "node:fs";
import { DyncError } from "../../base/error.ts";
import { whyUnreadable } from "../../base/system-errors.ts";
import type { HookRow } from "../../config/hooks-table.ts";
import { usersOf } from "../../config/rules-table.ts";
import type { ServerFile } from "../../config/server-file.ts";
import type { FileReading, MemberFault } from "../../config/table.ts";
import type { Hook, HookTarget } from "../../hooks/hook.ts";
import { readSettingsFile } from "../settings-file.ts";

export interface ReadHooks {
  readonly hooks: readonly Hook[];
  readonly faults: readonly MemberFault[];
  /** Another one whenever the hooks, or their secrets, are others. */
  readonly digest: string;
}

export const noHooks: ReadHooks = { hooks: [], faults: [], digest: "" };

const atOnceDefault = 4;
const timeoutMsDefault = { before: 10_000, after: 60_000, alarm: 60_000 } as const;
const sendmailDefault = "/usr/sbin/sendmail";
const secretBytesMin = 16;
const secretBytesMax = 4096;

/** What is wrong with what a member names. */
class NamedFault extends Error {
  readonly member: "command" | "mail" | "sendmail" | "secret-file";

  constructor(member: NamedFault["member"], text: string) {
    super(text);
    this.member = member;
  }
}

/** Makes hooks of the rows of a file that was read. */
export function readHooks({
  value: file,
  lineOf,
}: Extract<FileReading<ServerFile>, { ok: true }>): ReadHooks {
  if (file.hooks.length === 0) return noHooks;
  const faults: MemberFault[] = [];
  const hooks: Hook[] = [];
  const digest = createHash("sha256").update(file.hooksText);
  for (const [index, row] of file.hooks.entries()) {
    try {
      const target = targetOf(row, (secret) => digest.update(secret));
      hooks.push(hookOf(row, target, file));
    } catch (error) {
      if (!(error instanceof NamedFault)) throw error;
      const { member, message: text } = error;
      const line = lineOf(["hooks", index, member]);
      faults.push({ line, member: `hooks[${index + 1}].${member}`, text });
    }
  }
  return { hooks, faults, digest: digest.digest("hex") };
}

function hookOf(row: HookRow, target: HookTarget, { groups }: ServerFile): Hook {
  const { name, event, rules } = row;
  return {
    ...{ name, event, target, rules },
    timeoutMs: row.timeout ?? timeoutMsDefault[event],
    users: usersOf(row, groups),
    atOnce: row["at-once"] ?? atOnceDefault,
    onFailure: row["on-failure"] ?? "refuse",
  };
}

function targetOf(row: HookRow, onSecret: (secret: string) => void): HookTarget {
  const { command, url = "", headers = {}, mail, from = null, sendmail = sendmailDefault } = row;
  if (command !== undefined) {
    checkProgram("command", command[0]);
    return { type: "program", command };
  }
  if (mail !== undefined) {
    // Who has no other line hears it at the one that is there.
    checkProgram(row.sendmail === undefined ? "mail" : "sendmail", sendmail);
    return { type: "mail", to: mail, from, sendmail };
  }
  const path = row["secret-file"];
  if (path === undefined) return { type: "url", url, headers, sign: null };
  const secret = readSecret(path);
  onSecret(secret);
  // In here, where nothing that shows a hook can show it.
  const sign = (text: string): string => createHmac("sha256", secret).update(text).digest("hex");
  return { type: "url", url, headers, sign };
}

/** Throws `NamedFault` where `path`, which `member` names, is no program that can be run. */
function checkProgram(member: NamedFault["member"], path: string): void {
  const fault = programFault(path);
  if (fault !== null) throw new NamedFault(member, `${path} cannot be run: ${fault}`);
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

/** The text of the file without the line break at its end. Throws `NamedFault`. */
function readSecret(path: string): string {
  const wrong = (text: string) => new NamedFault("secret-file", text);
  try {
    const file = readSettingsFile(path, secretBytesMax);
    if (file === null) throw wrong(`${path} is not there`);
    if (file.isReadByAll) throw wrong(`${path} can be read by everybody on this machine: chmod o-r`);
    const secret = file.text.replace(/\r?\n$/, "");
    if (Buffer.byteLength(secret) < secretBytesMin)
      throw wrong(`${path} needs a secret of at least ${secretBytesMin} bytes`);
    return secret;
  } catch (error) {
    throw error instanceof DyncError ? wrong(error.message) : error;
  }
}
