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
import {
  type ProxySignIn,
  proxySignInOf,
  type SignInRow,
  signInFaults,
  signInMembers,
} from "./sign-in-table.ts";
import { checkFile, type FileReading, member, table } from "./table.ts";
import { readToml } from "./toml.ts";

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
  const toml = readToml(text);
  const reading = checkFile(toml, fileSchema(folder));
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

function fileSchema(folder: string) {
  const rows: readonly Setting<unknown>[] = Object.values(serverSettings);
  const settings = rows.map((row) => [row.name, v.optional(settingMember(row, folder))] as const);
  return table({
    ...Object.fromEntries(settings),
    ...rulesMembers(folder),
    ...limitsMembers(),
    ...hooksMembers(folder),
    ...alarmsMembers(),
    ...signInMembers(),
  });
}

function settingMember(row: Setting<unknown>, folder: string) {
  return member((value) => {
    const parsed = readInFile(row, value);
    const isPath = parsed.ok && row.kind.isPath && typeof parsed.value === "string";
    return isPath ? right(resolve(folder, parsed.value as string)) : parsed;
  });
}
