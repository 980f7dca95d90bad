// The files of a configuration: the server's own, and the one that it shares with others, which lies beside its keys. Read as one, with all that
// is wrong with either.

import { basename, dirname, join } from "node:path";
import { DyncError } from "../../base/error.ts";
import {
  type BothFiles,
  readBothFiles,
  readServerFile,
  readSharedFile,
  type ServerFile,
} from "../../config/server-file.ts";
import { readServerSettings, type SettingFault } from "../../config/server-settings.ts";
import type { FileReading, MemberFault } from "../../config/table.ts";
import { printable } from "../printable.ts";
import { readSettingsFile, type SettingsFile } from "../settings-file.ts";
import { noHooks, type ReadHooks, readHooks } from "./hooks-read.ts";
import { noRules, type ReadRules, readUploadRules } from "./upload-rules.ts";

/** Name of the file that servers share, in `DYNC_HOME`. */
const sharedName = "shared.toml";

// A rule takes some 300 bytes: some thousand rules.
export const fileBytesMax = 1024 * 1024;

/** What the server's own file was when it was read. */
export type OwnText = Pick<SettingsFile, "text" | "isWrittenByAll">;

/** What servers share, as one of them goes by it. */
export interface SharedText {
  readonly text: string;
  /** It was checked where it was written, maybe by a later version: what that knows, and nobody here, is passed over. */
  readonly isTaken: boolean;
}

export interface ConfigurationFiles {
  /** Of the server's own file; it need not be there. */
  readonly path: string;
  readonly home: string;
  /** `null`: it is not there. */
  readonly own: OwnText | null;
  readonly shared: SharedText | null;
}

export interface ReadFiles {
  /** `null`: there is no file, or it is wrong. */
  readonly reading: Extract<FileReading<ServerFile>, { ok: true }> | null;
  readonly uploads: ReadRules;
  readonly hooks: ReadHooks;
  readonly faults: readonly DyncError[];
  readonly warnings: readonly string[];
  /** Path of the file in which a setting stands. */
  fileOf(name: string): string;
}

export function sharedFile(home: string): string {
  return join(home, sharedName);
}

/** Rejects with a `DyncError` ("configuration") where it cannot be read; `null`: it is not there. */
export function readOwnText(path: string): OwnText | null {
  return readSettingsFile(path, fileBytesMax);
}

/** Reads both as one. Never rejects for what is wrong with them. */
export async function readFiles(files: ConfigurationFiles): Promise<ReadFiles> {
  const { path, home, own, shared } = files;
  const sharedPath = sharedFile(home);
  const wrong = shared === null || shared.isTaken ? [] : await faultsOfShared(shared.text, home);
  const both = shared === null || wrong.length > 0 ? alone(files) : together(files, shared);
  const { reading } = both;
  const uploads = reading.ok ? await readUploadRules(reading) : noRules;
  const hooks = reading.ok ? readHooks(reading) : noHooks;
  const fileOf = (name: string): string => (both.shared.has(name) ? sharedPath : path);
  const all = [...(reading.ok ? [] : reading.faults), ...uploads.faults, ...hooks.faults];
  // The table in which a fault is says which file.
  const faults = all.map((it) => fileError(fileOf(/^[^.[]*/.exec(it.member)?.[0] ?? ""), it));
  const later = `${sharedPath} has settings of a later version, which do not count here: ${both.unknown.join(", ")}`;
  return {
    ...{ reading: reading.ok ? reading : null, uploads, hooks, fileOf },
    faults: [...faults, ...wrong.map((it) => fileError(sharedPath, it))],
    warnings: [...warningsOf(path, own), ...(both.unknown.length > 0 ? [printable(later)] : [])],
  };
}

function warningsOf(path: string, own: OwnText | null): readonly string[] {
  const open = `Everybody on this machine may write ${path}, and so change the server: chmod o-w`;
  return own?.isWrittenByAll === true ? [open] : [];
}

function alone({ path, own }: ConfigurationFiles): BothFiles {
  const reading = readServerFile(own?.text ?? "", dirname(path));
  return { reading, shared: new Set(), unknown: [] };
}

function together({ path, home, own }: ConfigurationFiles, { text }: SharedText): BothFiles {
  return readBothFiles({ text: own?.text ?? "", folder: dirname(path) }, { text, folder: home });
}

/** What is wrong with the shared one by itself: it has to hold on any server. */
async function faultsOfShared(text: string, home: string): Promise<readonly MemberFault[]> {
  const reading = readSharedFile(text, home);
  if (!reading.ok) return reading.faults;
  return [...(await readUploadRules(reading)).faults, ...readHooks(reading).faults];
}

/** What was found in a file by itself, with the defaults for all else. */
export interface CheckedFile {
  readonly faults: readonly MemberFault[];
  readonly warnings: readonly string[];
}

/** Rejects with a `DyncError` ("configuration") where there is no such file, or no text in it. */
export async function checkConfigurationFile(path: string): Promise<CheckedFile> {
  const content = readOwnText(path);
  if (content === null) throw missingFile(path);
  const isShared = basename(path) === sharedName;
  const reading = (isShared ? readSharedFile : readServerFile)(content.text, dirname(path));
  const warnings = warningsOf(path, content);
  if (!reading.ok) return { faults: reading.faults, warnings };
  const settings = readServerSettings({ file: reading.value.settings });
  const { faults } = await readUploadRules(reading);
  const own = settings.faults.map((it) => settingFault(it, reading));
  return { faults: [...own, ...faults, ...readHooks(reading).faults], warnings };
}

export function missingFile(path: string): DyncError {
  const hint = `"dync-server config example" prints one`;
  return new DyncError("configuration", printable(`There is no configuration file ${path}`), { hint });
}

/** The error, with the file and the line. */
export function fileError(path: string, { line, member, text, hint }: MemberFault): DyncError {
  const what = member === "" ? text : `${member}: ${text}`;
  const all = hint === undefined ? what : `${what}; ${hint}`;
  return new DyncError("configuration", printable(`${path}:${line}: ${all}`));
}

/** What is wrong with a setting, where it stands in the file. */
export function settingFault(
  { name, fault }: SettingFault,
  reading: Pick<Extract<FileReading<ServerFile>, { ok: true }>, "lineOf"> | null,
): MemberFault {
  const { wanted, found, hint } = fault;
  return { line: reading?.lineOf([name]) ?? 1, member: name, text: `needs ${wanted}, found ${found}`, hint };
}
