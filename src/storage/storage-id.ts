// The name of a data folder among others: a catalogue that lies elsewhere knows by it whose data it is about.

import { randomBytes } from "node:crypto";
import { link, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { DyncError, messageOf, systemCode } from "../base/error.ts";
import { replaceFile } from "../base/replace-file.ts";
import { stateFolder } from "./state-folder.ts";

const pattern = /^[0-9a-f]{32}$/;

/** 32 hex digits, made at the first call; of those who call at once, one makes them. Rejects with a `DyncError`. */
export async function storageId(dataFolder: string): Promise<string> {
  return (await knownStorageId(dataFolder)) ?? (await make(fileIn(dataFolder)));
}

/** Whole from the beginning: it gets its name when it is written. */
async function make(file: string): Promise<string> {
  const id = randomBytes(16).toString("hex");
  const draft = `${file}.${id}`;
  await replaceFile(draft, `${id}\n`);
  try {
    await link(draft, file);
  } catch (cause) {
    // Without links there is nobody beside this server.
    if (systemCode(cause) !== "EEXIST") await rename(draft, file);
  }
  await rm(draft, { force: true });
  return (await readFile(file, "utf8")).trim();
}

/** The same, or `null`: it was never asked for. */
export async function knownStorageId(dataFolder: string): Promise<string | null> {
  const file = fileIn(dataFolder);
  try {
    const text = (await readFile(file, "utf8")).trim();
    if (pattern.test(text)) return text;
    throw new DyncError(
      "configuration",
      `${file} should hold 32 hex digits, found ${JSON.stringify(text.slice(0, 40))}`,
    );
  } catch (cause) {
    if (cause instanceof DyncError) throw cause;
    if (systemCode(cause) === "ENOENT") return null;
    throw new DyncError("configuration", `${file} cannot be read: ${messageOf(cause)}`, { cause });
  }
}

function fileIn(dataFolder: string): string {
  return join(stateFolder(dataFolder), "storage-id");
}
