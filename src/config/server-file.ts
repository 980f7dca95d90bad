// `server.toml`: what a steward writes. Its settings are the rows of `server-settings.ts`; a table is one more member here.

import { resolve } from "node:path";
import * as v from "valibot";
import type { Alarm } from "../alarms/alarm.ts";
import type { LimitEntry } from "../rules/user-limits.ts";
import { type AlarmRow, alarmsFaults, alarmsMembers, alarmsOfRows } from "./alarms-table.ts";
import { type HookRow, hooksFaults, hooksMembers } from "./hooks-table.ts";
import { type LimitsRow, limitEntries, limitsFaults, limitsMembers } from "./limits-table.ts";
import { right } from "./parsed.ts";
import { type Groups, groupFaults, type RuleRow, rulesMembers } from "./rules-table.ts";
import { type SettingValues, serverSettings } from "./server-settings.ts";
import { readInFile, type Setting } from "./setting.ts";
import { isShareable } from "./shared-settings.ts";
import {
  type ProxySignIn,
  proxySignInOf,
  type SignInRow,
  signInFaults,
  signInMembers,
} from "./sign-in-table.ts";
import { checkFile, type FileReading, member, memberFault, table } from "./table.ts";
import { readToml, type TomlReading } from "./toml.ts";

/** What such a file says. */
export interface ServerFile {
  /** By the name of the setting; those that it has. */
  readonly settings: SettingValues;
  /** In their order; `null`: it has none. */
  readonly rules: readonly RuleRow[] | null;
  readonly groups: Groups;
  /** Rules and groups as they were written: the same text as long as they are. */
  readonly rulesText: string;
  /** What some users may have, in its order. */
  readonly limits: readonly LimitEntry[];
  /** As `rulesText`, of limits and groups. */
  readonly limitsText: string;
  readonly hooks: readonly HookRow[];
  /** Hooks and groups, in the same way. */
  readonly hooksText: string;
  readonly alarms: readonly Alarm[];
  /** Alarms and groups, in the same way. */
  readonly alarmsText: string;
  /** Whom a proxy before the status page lets in; `null`: nobody. */
  readonly signIn: ProxySignIn | null;
  /** That table, in the same way. */
  readonly signInText: string;
}

/** Reads `text`; paths in it begin at `folder`, an absolute path. Everything that is wrong with it is told at once. */
export function readServerFile(text: string, folder: string): FileReading<ServerFile> {
  return readTables(readToml(text), table(membersIn(folder)));
}

/** The same of a file whose settings hold for several servers: with what is each one's own in it, it is wrong. */
export function readSharedFile(text: string, folder: string): FileReading<ServerFile> {
  const toml = readToml(text);
  const reading = readTables(toml, table(membersIn(folder)));
  if (!toml.ok) return reading;
  const faults = Object.keys(toml.value)
    .filter((name) => isKnown(name) && !isShareable(name))
    .map((name) => memberFault(toml, [name], "is each server's own, and stands in its server.toml"));
  if (faults.length === 0) return reading;
  return { ok: false, faults: [...faults, ...(reading.ok ? [] : reading.faults)] };
}

/** One of two files that are read as one. */
export interface TextOfFile {
  readonly text: string;
  readonly folder: string;
}

/** What is known of two files. */
export interface BothFiles {
  readonly reading: FileReading<ServerFile>;
  /** What counts of the shared one. */
  readonly shared: ReadonlySet<string>;
  /** What nobody here knows of it: settings of a later version. */
  readonly unknown: readonly string[];
}

/**
 * Reads a server's own file with the one that it shares with others, which was checked where it was written. What stands in both counts as the
 * server's own has it, each setting and each table as a whole.
 */
export function readBothFiles(own: TextOfFile, shared: TextOfFile): BothFiles {
  const [here, there] = [readToml(own.text), readToml(shared.text)];
  const none = { shared: new Set<string>(), unknown: [] };
  if (!here.ok || !there.ok) return { reading: readTables(here.ok ? there : here, table({})), ...none };
  const names = Object.keys(there.value);
  const counting = names.filter((name) => isShareable(name) && !(name in here.value));
  const members = Object.fromEntries(counting.map((name) => [name, there.value[name]]));
  const both: TomlReading = {
    ok: true,
    value: { ...members, ...here.value },
    lineOf: (path) => (path[0] !== undefined && path[0] in members ? there : here).lineOf(path),
  };
  const [ownMembers, sharedMembers] = [membersIn(own.folder), membersIn(shared.folder)];
  const entries = {
    ...ownMembers,
    ...Object.fromEntries(counting.map((name) => [name, sharedMembers[name]])),
  };
  const unknown = names.filter((name) => !isKnown(name));
  return {
    reading: readTables(both, table(entries as typeof ownMembers)),
    shared: new Set(counting),
    unknown,
  };
}

function readTables(toml: TomlReading, schema: v.GenericSchema<unknown, unknown>): FileReading<ServerFile> {
  const reading = checkFile(toml, schema);
  if (!reading.ok) return reading;
  const {
    rules = null,
    groups = {},
    limits = [],
    hooks = [],
    alarms = [],
    "sign-in": signIn = null,
    ...settings
  } = reading.value as TablesAndSettings;
  const faults = [
    ...groupFaults("rules", rules ?? [], groups, reading),
    ...limitsFaults(limits, groups, reading),
    ...hooksFaults(hooks, rules ?? [], groups, reading),
    ...alarmsFaults(alarms, hooks, groups, reading),
    ...signInFaults(signIn, reading),
  ].toSorted((a, b) => a.line - b.line);
  if (faults.length > 0) return { ok: false, faults };
  const textOf = (list: "rules" | "limits" | "hooks" | "alarms"): string =>
    toml.ok ? JSON.stringify([toml.value[list], toml.value.groups]) : "";
  const entries = limitEntries(limits, groups);
  const texts = {
    rulesText: textOf("rules"),
    limitsText: limits.length === 0 ? "" : textOf("limits"),
    hooksText: hooks.length === 0 ? "" : textOf("hooks"),
    alarmsText: alarms.length === 0 ? "" : textOf("alarms"),
    signInText: signIn === null || !toml.ok ? "" : JSON.stringify(toml.value["sign-in"]),
  };
  const tables = {
    rules,
    groups,
    limits: entries,
    hooks,
    alarms: alarmsOfRows(alarms, groups),
    signIn: proxySignInOf(signIn),
  };
  return { ...reading, value: { settings, ...tables, ...texts } };
}

type TablesAndSettings = SettingValues & {
  readonly rules?: readonly RuleRow[];
  readonly groups?: Groups;
  readonly limits?: readonly LimitsRow[];
  readonly hooks?: readonly HookRow[];
  readonly alarms?: readonly AlarmRow[];
  readonly "sign-in"?: SignInRow;
};

function membersIn(folder: string): v.ObjectEntries {
  const rows: readonly Setting<unknown>[] = Object.values(serverSettings);
  const settings = rows.map((row) => [row.name, v.optional(settingMember(row, folder))] as const);
  return {
    ...Object.fromEntries(settings),
    ...rulesMembers(folder),
    ...limitsMembers(),
    ...hooksMembers(folder),
    ...alarmsMembers(),
    ...signInMembers(),
  };
}

const known: ReadonlySet<string> = new Set(Object.keys(membersIn("/")));
const isKnown = (name: string): boolean => known.has(name);

function settingMember(row: Setting<unknown>, folder: string) {
  return member((value) => {
    const parsed = readInFile(row, value);
    const isPath = parsed.ok && row.kind.isPath && typeof parsed.value === "string";
    return isPath ? right(resolve(folder, parsed.value as string)) : parsed;
  });
}
