// What a server knows of the settings that it shares with others: its file of them, and beside that what it goes by, and what was the same
// everywhere when that was looked at last.

import { existsSync, readFileSync, renameSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { DyncError, messageOf, systemCode } from "../../base/error.ts";
import { replaceFile } from "../../base/replace-file.ts";
import type { SharedVersion } from "../../config/shared-settings.ts";
import { readSettingsFile } from "../settings-file.ts";
import { fileBytesMax, type SharedText, sharedFile } from "./configuration-files.ts";

const versionSchema = v.object({ version: v.number(), text: v.string() });
const stateSchema = v.object({ same: v.nullable(versionSchema), taken: v.nullable(versionSchema) });

export interface SharedState {
  /** What file and catalogue both were; `null`: nothing yet. */
  readonly same: SharedVersion | null;
  /** What this server goes by, where it took that. */
  readonly taken: SharedVersion | null;
}

const stateFile = (home: string): string => join(home, "shared.state");

/** Throws `DyncError` ("configuration") where it cannot be read. */
export function readSharedState(home: string): SharedState {
  const file = stateFile(home);
  try {
    return v.parse(stateSchema, JSON.parse(readFileSync(file, "utf8")));
  } catch (error) {
    if (systemCode(error) === "ENOENT") return { same: null, taken: null };
    throw new DyncError("configuration", `${file} cannot be read: ${messageOf(error)}`, {
      hint: "remove it: what the other servers have counts then",
    });
  }
}

export function keepSharedState(home: string, state: SharedState): void {
  replaceFile(stateFile(home), `${JSON.stringify(state)}\n`);
}

/** The text of the file, or `null`: it is not there. Throws `DyncError` ("configuration") where it cannot be read. */
export function sharedFileText(home: string): string | null {
  return readSettingsFile(sharedFile(home), fileBytesMax)?.text ?? null;
}

/** What a server that starts, or a command beside it, is to go by; `null`: nothing is shared. Throws as `readSharedState`. */
export function readSharedText(home: string): SharedText | null {
  const text = sharedFileText(home);
  if (text === null) return null;
  const { same, taken } = readSharedState(home);
  if (same?.text !== text) return { text, isTaken: false };
  return { text: taken?.text ?? text, isTaken: true };
}

/** Puts `text` in the place of the file. Throws what the system says. */
export function writeSharedFile(home: string, text: string): void {
  // Who looks after the server edits it, maybe as another user of the group.
  replaceFile(sharedFile(home), text, 0o640);
}

/** Puts the file away under another name, which it returns. Throws what the system says. */
export function putSharedFileAside(home: string): string {
  const path = sharedFile(home);
  const aside = `${path}.aside`;
  if (existsSync(path)) renameSync(path, aside);
  return aside;
}
