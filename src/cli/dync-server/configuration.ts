// How a server is to run: what options, variables (DYNC_SERVER_…) and the file (DYNC_HOME/server.toml) say together, and all
// that is wrong with it. Read by `run`, by `config`, and again by a server that is told to.

import { dirname, join, resolve } from "node:path";
import { DyncError } from "../../base/error.ts";
import type { Groups } from "../../config/rules-table.ts";
import { readServerFile, type ServerFile } from "../../config/server-file.ts";
import {
  type Origin,
  type ProcessSettings,
  readServerSettings,
  type SettingFault,
  serverSettings,
  type UserRules,
} from "../../config/server-settings.ts";
import type { Setting } from "../../config/setting.ts";
import { type FileReading, type MemberFault, nearest } from "../../config/table.ts";
import type { Hook } from "../../hooks/hook.ts";
import { dyncHome } from "../../keys/key-files.ts";
import type { LimitEntry } from "../../rules/user-limits.ts";
import type { CommandLine, Environment, OptionDef, OptionsDef, OptionValues } from "../command.ts";
import { throwFaults } from "../command-line-error.ts";
import { optionText, usageError } from "../option-value.ts";
import { printable } from "../printable.ts";
import { readSettingsFile } from "../settings-file.ts";
import { noHooks, readHooks } from "./hooks-read.ts";
import { noRules, readUploadRules } from "./upload-rules.ts";

/** The rows of all settings. */
export const settingRows: readonly Setting<unknown>[] = Object.values(serverSettings);

/** `--config`, and an option for each setting, by its name. */
export const configurationOptions: OptionsDef = { config: { type: "string" }, ...settingOptions() };

/** What a command line says of a configuration. */
export interface GivenOptions {
  /** Absolute path of the file that was named, or `null`. */
  readonly file: string | null;
  /** By the name of the setting. */
  readonly settings: Readonly<Record<string, string>>;
}

export interface Configuration {
  /** Absolute path of the folder of keys and state. */
  readonly home: string;
  /** With the absolute path of the data folder. */
  readonly settings: ProcessSettings;
  /** What every user has whom `limits` grant nothing else. */
  readonly rules: UserRules;
  readonly limits: readonly LimitEntry[];
  /** The same text as long as the limits are as they were written. */
  readonly limitsText: string;
  /** Another one whenever the rules of the file, or what their schemas say, are others. */
  readonly rulesDigest: string;
  /** Patterns of the users of each group, by its name. */
  readonly groups: Groups;
  readonly hooks: readonly Hook[];
  /** Another one whenever the hooks are others. */
  readonly hooksDigest: string;
  /** Absolute path of the file that was read, or `null`: there is none. */
  readonly file: string | null;
  /** What says how each setting is, by its name. */
  readonly origins: ReadonlyMap<string, Origin>;
  /** The line of the file where a setting stands. */
  lineOf(setting: string): number;
  /** What is not wrong, and probably not meant. */
  readonly warnings: readonly string[];
}

// A rule takes some 300 bytes: some thousand rules.
const fileBytesMax = 1024 * 1024;
const prefix = "DYNC_SERVER_";
const configVariable = `${prefix}CONFIG`;

/** The variable of a setting. */
export function variableOf(name: string): string {
  return prefix + name.toUpperCase().replaceAll("-", "_");
}

/** The value that a setting has. */
export function settingValue(
  row: Setting<unknown>,
  { settings, rules }: Pick<Configuration, "settings" | "rules">,
): unknown {
  return { ...settings, ...rules }[keyOf(row) as keyof (ProcessSettings & UserRules)];
}

/** What the program calls a setting. */
export function keyOf({ name }: Setting<unknown>): string {
  return keys.get(name) ?? name;
}

const keys: ReadonlyMap<string, string> = new Map(
  Object.entries(serverSettings).map(([key, { name }]) => [name, key]),
);

/** Where the file is that is read when none is named. */
export function standardFile(environment: Environment): string {
  return join(resolve(dyncHome(environment)), "server.toml");
}

/** What a checked command line gives, besides the options that are no settings. */
export function givenOptions(values: OptionValues<OptionsDef>, environment: Environment): GivenOptions {
  const settings = settingRows.flatMap(({ name }) => {
    const value = values[name];
    return value === undefined ? [] : [[name, String(value)] as const];
  });
  const named = values.config ?? (environment[configVariable] || undefined);
  return {
    file: named === undefined ? null : resolve(String(named)),
    settings: Object.fromEntries(settings),
  };
}

/**
 * What is wrong with each option by itself, in the order of the command line. What it is beside the others and the file,
 * `readConfiguration` finds out.
 */
export function optionFaults({ values }: CommandLine): readonly DyncError[] {
  return Object.entries(values).flatMap(([name, [text = ""] = []]) => {
    const parsed = settingRows.find((row) => row.name === name)?.kind.parse(text);
    return parsed === undefined || parsed.ok ? [] : [usageError(parsed.fault, optionText(name))];
  });
}

/** Rejects with a `DyncError`: everything that is wrong, wherever it stands. */
export async function readConfiguration(
  given: GivenOptions,
  environment: Environment,
): Promise<Configuration> {
  const home = resolve(dyncHome(environment));
  const path = given.file ?? standardFile(environment);
  const read = readFile(path);
  if (read === null && given.file !== null) throw missingFile(path);
  const reading = read?.reading ?? null;
  const settings = readServerSettings({
    option: given.settings,
    variable: variablesIn(environment),
    file: reading?.ok ? reading.value.settings : {},
  });
  const uploads = reading?.ok ? await readUploadRules(reading) : noRules;
  const hooks = reading?.ok ? readHooks(reading) : noHooks;
  const inFile = (fault: MemberFault) => fileError(path, fault);
  throwFaults([
    ...(reading?.ok === false ? reading.faults.map(inFile) : []),
    ...settings.faults.map((it) => settingError(it, path, reading)),
    ...[...uploads.faults, ...hooks.faults].map(inFile),
  ]);
  const { origins } = settings;
  const rules = { ...settings.rules, uploads: uploads.rules };
  const { dataFolder, logFile, httpCertificate, httpKey, httpMetricsToken } = settings.process;
  const base = origins.get("data") === "default" ? home : ".";
  const absolute = (file: string | null): string | null => (file === null ? null : resolve(file));
  return {
    home,
    settings: {
      ...settings.process,
      dataFolder: resolve(base, dataFolder),
      logFile: absolute(logFile),
      httpCertificate: absolute(httpCertificate),
      httpKey: absolute(httpKey),
      httpMetricsToken: absolute(httpMetricsToken),
    },
    rules,
    limits: reading?.ok ? reading.value.limits : [],
    limitsText: reading?.ok ? reading.value.limitsText : "",
    rulesDigest: uploads.digest,
    groups: reading?.ok ? reading.value.groups : {},
    hooks: hooks.hooks,
    hooksDigest: hooks.digest,
    file: read === null ? null : path,
    origins,
    lineOf: (name) => (reading?.ok ? reading.lineOf([name]) : 1),
    warnings: [...(read?.warnings ?? []), ...strangeVariables(environment)],
  };
}

/** What was found in a file by itself, with the defaults for all else. */
export interface CheckedFile {
  readonly faults: readonly MemberFault[];
  readonly warnings: readonly string[];
}

/** Rejects with a `DyncError` ("configuration") where there is no such file, or no text in it. */
export async function checkConfigurationFile(path: string): Promise<CheckedFile> {
  const read = readFile(path);
  if (read === null) throw missingFile(path);
  const { reading, warnings } = read;
  if (!reading.ok) return { faults: reading.faults, warnings };
  const settings = readServerSettings({ file: reading.value.settings });
  const { faults } = await readUploadRules(reading);
  const own = settings.faults.map((it) => memberFault(it, reading));
  return { faults: [...own, ...faults, ...readHooks(reading).faults], warnings };
}

interface ReadFile {
  readonly reading: FileReading<ServerFile>;
  readonly warnings: readonly string[];
}

function readFile(path: string): ReadFile | null {
  const content = readSettingsFile(path, fileBytesMax);
  if (content === null) return null;
  const open = `Everybody on this machine may write ${path}, and so change the server: chmod o-w`;
  return {
    reading: readServerFile(content.text, dirname(path)),
    warnings: content.isWrittenByAll ? [open] : [],
  };
}

function missingFile(path: string): DyncError {
  const hint = `"dync-server config example" prints one`;
  return new DyncError("configuration", printable(`There is no configuration file ${path}`), { hint });
}

/** The error, with the file and the line. */
export function fileError(path: string, { line, member, text, hint }: MemberFault): DyncError {
  const what = member === "" ? text : `${member}: ${text}`;
  const all = hint === undefined ? what : `${what}; ${hint}`;
  return new DyncError("configuration", printable(`${path}:${line}: ${all}`));
}

function settingError(
  { name, origin, fault }: SettingFault,
  path: string,
  reading: FileReading<ServerFile> | null,
): DyncError {
  if (origin === "option") return usageError(fault, optionText(name));
  if (origin === "variable") return usageError(fault, `Variable ${variableOf(name)}`);
  return fileError(path, memberFault({ name, origin, fault }, reading));
}

function memberFault({ name, fault }: SettingFault, reading: FileReading<ServerFile> | null): MemberFault {
  const line = reading?.ok ? reading.lineOf([name]) : 1;
  const { wanted, found, hint } = fault;
  return { line, member: name, text: `needs ${wanted}, found ${found}`, hint };
}

function settingOptions(): OptionsDef {
  const optionOf = ({ kind }: Setting<unknown>): OptionDef =>
    kind.placeholder === null
      ? { type: "boolean", isThreeWay: true }
      : { type: "string", ...(kind.words === undefined ? {} : { values: kind.words }) };
  return Object.fromEntries(settingRows.map((row) => [row.name, optionOf(row)]));
}

/** An empty one says nothing. */
function variablesIn(environment: Environment): Readonly<Record<string, string>> {
  return Object.fromEntries(
    settingRows.flatMap(({ name }) => {
      const value = environment[variableOf(name)];
      return value ? [[name, value] as const] : [];
    }),
  );
}

/** Others may use such names as well (Kubernetes does): to have one is no fault. */
function strangeVariables(environment: Environment): readonly string[] {
  const known = [configVariable, ...settingRows.map(({ name }) => variableOf(name))];
  return Object.keys(environment)
    .filter((it) => it.startsWith(prefix) && !known.includes(it))
    .map((it) => {
      const key = (name: string) => name.slice(prefix.length).toLowerCase().replaceAll("_", "-");
      const near = nearest(key(it), known.map(key));
      return `Unknown variable ${printable(it)}${near === null ? "" : `, did you mean ${variableOf(near)}?`}`;
    });
}
