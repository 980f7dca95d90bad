// How a server is to run: what options, variables (DYNC_SERVER_…) and the file (DYNC_HOME/server.toml) say together, and all
// that is wrong with it. Read by `run`, by `config`, and again by a server that is told to.

import { join, resolve } from "node:path";
import type { Alarm } from "../../alarms/alarm.ts";
import type { DyncError } from "../../base/error.ts";
import type { Groups } from "../../config/rules-table.ts";
import {
  type Origin,
  type ProcessSettings,
  readServerSettings,
  type SettingFault,
  serverSettings,
  type UserRules,
} from "../../config/server-settings.ts";
import type { Setting } from "../../config/setting.ts";
import type { ProxySignIn } from "../../config/sign-in-table.ts";
import { parseSwitch } from "../../config/switch.ts";
import type { Hook } from "../../hooks/hook.ts";
import { dyncHome } from "../../keys/key-files.ts";
import type { LimitEntry } from "../../rules/user-limits.ts";
import type {
  CommandContext,
  CommandLine,
  Environment,
  OptionDef,
  OptionsDef,
  OptionValues,
  Variable,
} from "../command.ts";
import { throwFaults } from "../command-line-error.ts";
import { optionText, usageError, variableText } from "../option-value.ts";
import { serverVariableNames } from "../own-variables.ts";
import { ownVariable, sharedVariable } from "../variables.ts";
import {
  fileError,
  missingFile,
  type OwnText,
  type ReadFiles,
  readFiles,
  readOwnText,
  type SharedText,
  settingFault,
  sharedFile,
} from "./configuration-files.ts";
import { readSharedText } from "./shared-state.ts";

/** The rows of all settings. */
export const settingRows: readonly Setting<unknown>[] = Object.values(serverSettings);

/** `--config`, and an option for each setting, by its name. */
export const configurationOptions: OptionsDef = { config: { type: "string" }, ...settingOptions() };

/** `--config`, and the options of what is said of a catalogue where no server runs. */
export const catalogueOptions: OptionsDef = {
  config: { type: "string" },
  ...Object.fromEntries(["catalogue", "data"].map((name) => [name, configurationOptions[name] as OptionDef])),
};

/** What a command line says of a configuration. */
export interface GivenOptions {
  /** Absolute path of the file that was named, or `null`. */
  readonly file: string | null;
  /** What options say, by the name of the setting. */
  readonly settings: Readonly<Record<string, string>>;
  /** What the variables of one command say, by the name of the setting. */
  readonly variables?: ReadonlyMap<string, Variable>;
}

export interface Configuration {
  /** Absolute path of the folder of keys and state. */
  readonly home: string;
  /** With absolute paths. */
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
  readonly alarms: readonly Alarm[];
  /** The same text as long as the alarms are as they were written. */
  readonly alarmsText: string;
  readonly signIn: ProxySignIn | null;
  /** The same text as long as that is as it was written. */
  readonly signInText: string;
  /** Absolute path of the file that was read, or `null`: there is none. */
  readonly file: string | null;
  /** Absolute path of the one that is shared with other servers, or `null`. */
  readonly sharedFile: string | null;
  /** What says how each setting is, by its name. */
  readonly origins: ReadonlyMap<string, Origin>;
  /** The variables that say settings, by the names of these. */
  readonly variables: ReadonlyMap<string, string>;
  /** Absolute path of the file, and its line, where a setting stands. */
  fileOf(setting: string): string;
  lineOf(setting: string): number;
  /** What it was read of. */
  readonly texts: Required<KnownTexts>;
  /** What is not wrong, and probably not meant. */
  readonly warnings: readonly string[];
}

/** How the variables of the program are called. */
export const variableNames = serverVariableNames(settingRows.map(({ name }) => name));

/** The variable of a setting, for every command. */
export function variableOf(name: string): string {
  return sharedVariable({ variables: variableNames }, name) as string;
}

/** The variable of a setting for the server that runs: others that ask how it is to run go by it as well. */
function runVariable(name: string): string {
  return ownVariable({ variables: variableNames }, { name: "run" }, name);
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
export function givenOptions(
  values: OptionValues<OptionsDef>,
  { environment, variables }: Pick<CommandContext, "environment" | "variables">,
): GivenOptions {
  const settings = settingRows.flatMap(({ name }) => {
    const value = values[name];
    return value === undefined || variables.has(name) ? [] : [[name, String(value)] as const];
  });
  const named = values.config ?? (environment[runVariable("config")] || undefined);
  return {
    file: named === undefined ? null : resolve(String(named)),
    settings: Object.fromEntries(settings),
    variables,
  };
}

/**
 * What is wrong with each option by itself, in the order of the command line. What it is beside the others, variables and the file,
 * `readConfiguration` finds out.
 */
export function optionFaults({ values, variables }: CommandLine): readonly DyncError[] {
  return Object.entries(values).flatMap(([name, [text = ""] = []]) => {
    const row = settingRows.find((it) => it.name === name);
    const parsed = variables.has(name) ? undefined : row?.kind.parse(text);
    return parsed === undefined || parsed.ok ? [] : [usageError(parsed.fault, optionText(name))];
  });
}

/** What files said when they were read, for who does not want what they say now; see `readConfiguration`. */
export interface KnownTexts {
  readonly own?: OwnText | null;
  /** `null`: nothing is shared. */
  readonly shared?: SharedText | null;
}

/** Rejects with a `DyncError`: everything that is wrong, wherever it stands. */
export async function readConfiguration(
  given: GivenOptions,
  environment: Environment,
  known: KnownTexts = {},
): Promise<Configuration> {
  const home = resolve(dyncHome(environment));
  const path = given.file ?? standardFile(environment);
  const own = known.own === undefined ? readOwnText(path) : known.own;
  if (own === null && given.file !== null) throw missingFile(path);
  const shared = known.shared === undefined ? readSharedText(home) : known.shared;
  const files = await readFiles({ path, home, own, shared });
  const { reading, uploads, hooks } = files;
  const variables = variablesIn(environment, given);
  const settings = readServerSettings({
    option: given.settings,
    variable: Object.fromEntries([...variables].map(([name, { text }]) => [name, text])),
    file: reading?.value.settings ?? {},
  });
  throwFaults([...files.faults, ...settings.faults.map((it) => settingError(it, files, variables))]);
  const { origins } = settings;
  const rules = { ...settings.rules, uploads: uploads.rules };
  const file = reading?.value;
  return {
    home,
    settings: { ...settings.process, ...absolutePaths(settings.process, origins, home) },
    rules,
    limits: file?.limits ?? [],
    limitsText: file?.limitsText ?? "",
    rulesDigest: uploads.digest,
    groups: file?.groups ?? {},
    hooks: hooks.hooks,
    hooksDigest: hooks.digest,
    alarms: file?.alarms ?? [],
    alarmsText: file?.alarmsText ?? "",
    signIn: file?.signIn ?? null,
    signInText: file?.signInText ?? "",
    file: own === null ? null : path,
    sharedFile: shared === null ? null : sharedFile(home),
    origins,
    fileOf: files.fileOf,
    lineOf: (name) => reading?.lineOf([name]) ?? 1,
    variables: new Map([...variables].map(([name, variable]) => [name, variable.name])),
    texts: { own, shared },
    warnings: files.warnings,
  };
}

/** The same of a command line, which says what is only worth a warning. */
export async function readWarned(
  values: OptionValues<OptionsDef>,
  context: CommandContext,
): Promise<Configuration> {
  const configuration = await readConfiguration(givenOptions(values, context), context.environment);
  for (const warning of configuration.warnings) context.output.warn(warning);
  return configuration;
}

/** The paths among `settings`: what is said begins at the folder of this process, and a default at `home`. */
function absolutePaths(
  settings: ProcessSettings,
  origins: Configuration["origins"],
  home: string,
): Partial<ProcessSettings> {
  const paths = settingRows.flatMap((row) => {
    const key = keyOf(row) as keyof ProcessSettings;
    const path = row.kind.isPath ? settings[key] : null;
    if (typeof path !== "string") return [];
    return [[key, resolve(origins.get(row.name) === "default" ? home : ".", path)]];
  });
  return Object.fromEntries(paths);
}

function settingError(
  said: SettingFault,
  { fileOf, reading }: ReadFiles,
  variables: ReadonlyMap<string, Variable>,
): DyncError {
  const { name, origin, fault } = said;
  if (origin === "option") return usageError(fault, optionText(name));
  if (origin === "variable") return usageError(fault, variableText(variables.get(name)?.name ?? name));
  return fileError(fileOf(name), settingFault(said, reading));
}

function settingOptions(): OptionsDef {
  const optionOf = ({ kind }: Setting<unknown>): OptionDef =>
    kind.placeholder === null
      ? { type: "boolean", isThreeWay: true }
      : { type: "string", ...(kind.words === undefined ? {} : { values: kind.words }) };
  return Object.fromEntries(settingRows.map((row) => [row.name, optionOf(row)]));
}

/** What says settings: a variable of the command, else of the server that is to run, else of all commands. An empty one says nothing. */
function variablesIn(
  environment: Environment,
  { variables = new Map() }: GivenOptions,
): ReadonlyMap<string, Variable> {
  return new Map(
    settingRows.flatMap((row) => {
      const own = variables.get(row.name);
      const names = [runVariable(row.name), variableOf(row.name)];
      const name =
        own !== undefined && !names.includes(own.name) ? own.name : names.find((it) => environment[it]);
      const text = name === undefined ? undefined : (environment[name] ?? own?.text);
      return name === undefined || !text ? [] : [[row.name, { name, text: asOption(row, text) }] as const];
    }),
  );
}

/** What `text` is as an option: a variable may say in more words than "true" and "false" what a switch is. */
function asOption({ kind }: Setting<unknown>, text: string): string {
  const parsed = kind.placeholder === null ? parseSwitch(text) : null;
  return parsed?.ok ? String(parsed.value) : text;
}
