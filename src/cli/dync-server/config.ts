// `dync-server config check | show | example`: the configuration as a steward looks at it.

import { basename, resolve } from "node:path";
import { exampleText } from "../../config/server-example.ts";
import { type Setting, writeInFile } from "../../config/setting.ts";
import { sharedOptions } from "../args.ts";
import { inColumns } from "../columns.ts";
import { defineCommand, type OptionsDef } from "../command.ts";
import { throwFaults } from "../command-line-error.ts";
import { printable } from "../printable.ts";
import {
  type Configuration,
  configurationOptions,
  givenOptions,
  optionFaults,
  readWarned,
  settingRows,
  settingValue,
  standardFile,
} from "./configuration.ts";
import { checkConfigurationFile, fileError } from "./configuration-files.ts";
import { namedTables, namesText } from "./named-tables.ts";
import { configCheckUsage, configExampleUsage, configShowUsage } from "./usage-config.ts";

export const configCheckCommand = defineCommand({
  name: "config check",
  usage: configCheckUsage,
  options: {
    ...sharedOptions,
    config: { type: "string" },
    json: { type: "boolean" },
    file: { type: "positional" },
  },
  async run({ config, file }, context) {
    const { output, environment } = context;
    const named = file ?? givenOptions({ config }, context).file;
    const path = named === null ? standardFile(environment) : resolve(named);
    output.summarise({ file: path });
    const { faults, warnings } = await checkConfigurationFile(path);
    output.summarise({
      faults: faults.map(({ line, member, text, hint }) => ({ line, setting: member, message: text, hint })),
    });
    for (const warning of warnings) output.warn(warning);
    throwFaults(faults.map((it) => fileError(path, it)));
    output.result(`${printable(path)}: OK`);
    return 0;
  },
});

const showOptions: OptionsDef = { ...sharedOptions, ...configurationOptions, json: { type: "boolean" } };

export const configShowCommand = defineCommand({
  name: "config show",
  usage: configShowUsage,
  options: showOptions,
  check: (line) => ({ misread: null, others: optionFaults(line) }),
  async run(values, context) {
    const { output, environment } = context;
    const configuration = await readWarned(values, context);
    const { file } = configuration;
    const standard = standardFile(environment);
    output.result(
      file === null ? `No file: ${printable(standard)} is not there` : `File: ${printable(file)}`,
    );
    if (configuration.sharedFile !== null)
      output.result(`Shared with other servers: ${printable(configuration.sharedFile)}`);
    const rows = settingRows.map((row) => ({ row, ...saidBy(row, configuration) }));
    const shownTables = namedTables(configuration).map((table) => [
      table.name,
      namesText(table),
      table.entries === null ? "default" : placeOf(table.name, configuration),
    ]);
    const table = rows.map(({ row, where }) => [row.name, shownValue(row, configuration), where]);
    for (const line of inColumns([...table, ...shownTables])) output.result(line);
    for (const { row, source } of rows) {
      const value: unknown = JSON.parse(writeInFile(row, settingValue(row, configuration)));
      output.record("setting", { name: row.name, value, ...source, isLive: row.isLive });
    }
    const names = (entries: readonly { readonly name: string }[]) => entries.map(({ name }) => name);
    const { rules, limits, hooks, sharedFile } = configuration;
    output.summarise({
      ...{
        file,
        sharedFile,
        settings: rows.length,
        rules: rules.uploads === null ? null : names(rules.uploads),
      },
      ...{ limits: names(limits), hooks: names(hooks) },
    });
    return 0;
  },
});

export const configExampleCommand = defineCommand({
  name: "config example",
  usage: configExampleUsage,
  options: sharedOptions,
  async run(_values, { output }) {
    output.text(exampleText().trimEnd());
    return 0;
  },
});

/** What says how a setting is, for people and for programs. */
function saidBy(row: Setting<unknown>, configuration: Configuration) {
  const { name } = row;
  const { origins, fileOf, lineOf, variables } = configuration;
  const origin = origins.get(name) ?? "default";
  const isOff = settingValue(row, configuration) === false;
  if (origin === "option") return { where: `--${isOff ? "no-" : ""}${name}`, source: { source: origin } };
  if (origin === "default") return { where: origin, source: { source: origin } };
  const variable = variables.get(name) ?? "";
  if (origin === "variable") return { where: variable, source: { source: origin, variable } };
  const source = { source: origin, file: fileOf(name), line: lineOf(name) };
  return { where: placeOf(name, configuration), source };
}

/** Where a setting stands: the line, and the file where that is not the server's own. */
function placeOf(name: string, { file, fileOf, lineOf }: Configuration): string {
  const path = fileOf(name);
  return `${path === file ? "" : `${basename(path)}, `}line ${lineOf(name)}`;
}

function shownValue(row: Setting<unknown>, configuration: Configuration): string {
  return printable(row.kind.write(settingValue(row, configuration)));
}
