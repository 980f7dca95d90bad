// `server.toml`: what a steward writes. Its settings are the rows of `server-settings.ts`; a table is one more member here.

import { resolve } from "node:path";
import * as v from "valibot";
import { right } from "./parsed.ts";
import { type SettingValues, serverSettings } from "./server-settings.ts";
import { readInFile, type Setting } from "./setting.ts";
import { checkFile, type FileReading, member, table } from "./table.ts";
import { readToml } from "./toml.ts";

/** What such a file says. */
export interface ServerFile {
  /** By the name of the setting; those that it has. */
  readonly settings: SettingValues;
}

/** Reads `text`; paths in it begin at `folder`, an absolute path. Everything that is wrong with it is told at once. */
export function readServerFile(text: string, folder: string): FileReading<ServerFile> {
  const reading = checkFile(readToml(text), fileSchema(folder));
  return reading.ok ? { ...reading, value: { settings: reading.value as SettingValues } } : reading;
}

function fileSchema(folder: string) {
  const rows: readonly Setting<unknown>[] = Object.values(serverSettings);
  const settings = rows.map((row) => [row.name, v.optional(settingMember(row, folder))] as const);
  return table({ ...Object.fromEntries(settings) });
}

function settingMember(row: Setting<unknown>, folder: string) {
  return member((value) => {
    const parsed = readInFile(row, value);
    return parsed.ok && row.kind.isPath ? right(resolve(folder, parsed.value as string)) : parsed;
  });
}
