// `[[hooks]]` of a server's file: what is told about uploads, and of alarms. Whether the programs that they name are there is seen by whoever
// reads this one.

import { isAbsolute, resolve } from "node:path";
import * as v from "valibot";
import { hookEvents } from "../hooks/hook.ts";
import type { Matches } from "../rules/linear-pattern.ts";
import { type Parsed, right, wrong } from "./parsed.ts";
import { type Groups, groupFaults, patterns, type RuleRow, readTexts, unknownName } from "./rules-table.ts";
import { choices, counts, durations, switches } from "./setting.ts";
import { type FileReading, type MemberFault, member, memberFault, ofKind, table } from "./table.ts";
import { isTable, tomlText } from "./toml.ts";

/** A hook as it is written. */
export interface HookRow {
  readonly name: string;
  readonly event: (typeof hookEvents)[number];
  /** It has this one, a URL, or mail addresses. */
  readonly command?: readonly [string, ...string[]] | undefined;
  readonly url?: string | undefined;
  readonly mail?: readonly string[] | undefined;
  readonly from?: string | undefined;
  /** Absolute path of a program. */
  readonly sendmail?: string | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Absolute path of a file. */
  readonly "secret-file"?: string | undefined;
  readonly "allow-http"?: boolean | undefined;
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

/** What `[[hooks]]` may hold; paths begin at `folder`. */
export function hooksMembers(folder: string) {
  return {
    hooks: v.optional(
      v.array(
        table({
          name: member(readHookName),
          event: ofKind(choices("EVENT", hookEvents)),
          command: v.optional(member(readCommand)),
          url: v.optional(member(readUrl)),
          mail: v.optional(member(readMailAddresses)),
          from: v.optional(member(readMailAddress)),
          sendmail: v.optional(member(readProgram)),
          headers: v.optional(member(readHeaders)),
          "secret-file": v.optional(member((value) => readSecretPath(value, folder))),
          "allow-http": v.optional(ofKind(switches)),
          timeout: v.optional(ofKind(durations(timeoutMsMin))),
          users: v.optional(patterns(false, "users")),
          groups: v.optional(member(readTexts)),
          rules: v.optional(member(readTexts)),
          "on-failure": v.optional(ofKind(choices("WHAT", onFailures))),
          "at-once": v.optional(ofKind(counts(1, atOnceMax))),
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
      return [memberFault(reading, ["hooks", index, "rules"], text)];
    }),
  );
  const others = hooks.flatMap((hook, index) =>
    hookFaults(hook).map(([keys, text]) => memberFault(reading, ["hooks", index, ...keys], text)),
  );
  return [...groupFaults("hooks", hooks, groups, reading), ...unknown, ...others];
}

/** What is wrong with the members of a hook beside each other: the member, or none for the hook, and the words. */
function hookFaults(hook: HookRow): readonly (readonly [readonly string[], string])[] {
  const faults: (readonly [readonly string[], string])[] = [];
  if (hook.event !== "before" && hook["on-failure"] !== undefined) {
    const text = 'is for hooks with event = "before": all else is told again until the hook takes it';
    faults.push([["on-failure"], text]);
  }
  const targets = [hook.command, hook.url, hook.mail].filter((it) => it !== undefined);
  if (targets.length !== 1) faults.push([[], 'needs one of "command", "url" and "mail"']);
  if (hook.event !== "alarm" && hook.mail !== undefined)
    faults.push([["mail"], 'is for hooks with event = "alarm"']);
  for (const key of ["from", "sendmail"] as const)
    if (hook.mail === undefined && hook[key] !== undefined)
      faults.push([[key], "is for hooks that have mail"]);
  for (const key of ["users", "groups", "rules"] as const)
    if (hook.event === "alarm" && hook[key] !== undefined)
      faults.push([[key], "is for hooks that are told of uploads: an alarm says whom it is about"]);
  for (const key of ["headers", "secret-file", "allow-http"] as const)
    if (hook.url === undefined && hook[key] !== undefined)
      faults.push([[key], "is for hooks that have a url"]);
  const url = hook.url === undefined ? null : new URL(hook.url);
  if (url?.protocol === "http:" && hook["allow-http"] !== true && !isLoopback(url.hostname)) {
    const text = "goes through the network for everybody to read: use https, or say allow-http = true";
    faults.push([["url"], text]);
  }
  return faults;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "[::1]" || /^127(\.\d+){3}$/.test(host);
}

/** A name that may stand in keys, headers and variables. */
export function readHookName(value: unknown): Parsed<string> {
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

// What any mail system takes, and nothing that could be an option or another header.
const mailForm = /^[A-Za-z0-9][\w.+-]*(@[A-Za-z0-9][A-Za-z0-9.-]*)?$/;

function readMailAddress(value: unknown): Parsed<string> {
  const isAddress = typeof value === "string" && mailForm.test(value) && value.length <= 254;
  return isAddress ? right(value) : wrong('a mail address: "data@example.org"', tomlText(value));
}

function readMailAddresses(value: unknown): Parsed<readonly string[]> {
  const wanted = 'a list of mail addresses: ["data@example.org"]';
  const texts = readTexts(value);
  if (!texts.ok) return wrong(wanted, tomlText(value));
  const other = texts.value.find((it) => !readMailAddress(it).ok);
  return other === undefined ? texts : wrong(wanted, tomlText(other));
}

function readProgram(value: unknown): Parsed<string> {
  const isPath = typeof value === "string" && isAbsolute(value) && !value.includes("\0");
  return isPath
    ? right(value)
    : wrong('a program by its absolute path: "/usr/sbin/sendmail"', tomlText(value));
}

function readUrl(value: unknown): Parsed<string> {
  const wanted = 'the address of a web service: "https://lims.example.org/uploads"';
  if (typeof value !== "string" || !URL.canParse(value)) return wrong(wanted, tomlText(value));
  const { protocol, username, password, hash } = new URL(value);
  if (protocol !== "https:" && protocol !== "http:") return wrong(wanted, tomlText(value));
  if (username !== "" || password !== "")
    return wrong(`${wanted}, without a password in it`, "one", { hint: "write it into headers" });
  return hash === "" ? right(value) : wrong(`${wanted}, without a "#"`, tomlText(value));
}

function readHeaders(value: unknown): Parsed<Readonly<Record<string, string>>> {
  const wanted = 'headers with their texts: { Authorization = "Bearer …" }';
  if (!isTable(value)) return wrong(wanted, tomlText(value));
  for (const [name, text] of Object.entries(value)) {
    if (!/^[A-Za-z0-9-]+$/.test(name) || typeof text !== "string" || !/^[\x20-\x7e]*$/.test(text))
      return wrong(wanted, `${JSON.stringify(name)}, or a text of it, that no header can have`);
    if (ownHeaders.test(name))
      return wrong(`${wanted}, and none that dync-server writes itself`, tomlText(name));
  }
  return right(value as Readonly<Record<string, string>>);
}

const ownHeaders =
  /^(content-(type|length)|host|connection|transfer-encoding|user-agent|idempotency-key|x-dync-.*|x-hub-.*)$/i;

function readSecretPath(value: unknown, folder: string): Parsed<string> {
  const isPath = typeof value === "string" && value !== "" && !value.includes("\0");
  return isPath ? right(resolve(folder, value)) : wrong("the path of a file", tomlText(value));
}
