// A release in a folder, as `bun run release` made it: what SHA256SUMS names and is there. It is listed when it is read, and only what
// was listed is ever opened.

import { constants, lstatSync, readFileSync, type Stats } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";
import { DyncError } from "../../base/error.ts";
import { sha256Hex } from "../../base/sha256-hex.ts";
import { whyUnreadable } from "../../base/system-errors.ts";
import { type InstallerName, installerNames } from "./installers.ts";

export interface ReleaseFile {
  readonly name: string;
  readonly path: string;
  readonly size: number;
  /** Lower-case hex, as SHA256SUMS says it. */
  readonly sha256: string;
  readonly mark: string;
}

export interface Release {
  readonly folder: string;
  /** What is offered, in the order of the names; the installers are not among it. */
  readonly files: readonly ReleaseFile[];
  /** SHA256SUMS of these. */
  readonly sums: string;
  /** Names all of it: other bytes in any of the files have another one. */
  readonly digest: string;
  /** Their texts, as far as they are there. */
  readonly installers: ReadonlyMap<InstallerName, string>;
}

const sumsName = "SHA256SUMS";
const filesMax = 200;
const textBytesMax = 1024 * 1024;
const digestChars = 16;

/** The release in `folder`. Throws `DyncError` ("configuration") where there is none that could be offered. */
export function readRelease(folder: string): Release {
  const sums = readText(join(folder, sumsName), 'put there what "bun run release" made, with its SHA256SUMS');
  const listed = sums.split("\n").flatMap((line) => {
    const [, sha256, name] = /^([0-9a-f]{64}) [ *]([A-Za-z0-9][A-Za-z0-9._+~-]{0,127})$/.exec(line) ?? [];
    return sha256 === undefined || name === undefined ? [] : [{ sha256, name }];
  });
  if (listed.length === 0 || listed.length > filesMax) {
    const text = `${join(folder, sumsName)} names ${listed.length} files, want 1 to ${filesMax}`;
    throw new DyncError("configuration", text, { hint: 'use the one that "bun run release" made' });
  }
  const installers = new Map<InstallerName, string>();
  const files: ReleaseFile[] = [];
  for (const { name, sha256 } of listed) {
    const path = join(folder, name);
    const found = lstatSync(path, { throwIfNoEntry: false });
    // A link may lead anywhere, and tomorrow elsewhere.
    if (found?.isFile() !== true) continue;
    const installer = installerNames.find((it) => it === name);
    if (installer !== undefined) installers.set(installer, readInstaller(path, sha256));
    else files.push({ name, path, sha256, size: found.size, mark: markOf(found) });
  }
  if (!installers.has("install.sh") || files.length === 0) {
    const text = `${folder} has no install.sh, or no executables, of those that its ${sumsName} names`;
    throw new DyncError("configuration", text, { hint: 'put there all that "bun run release" made' });
  }
  const own = files.map(({ sha256, name }) => `${sha256}  ${name}\n`).join("");
  return { folder, files, sums: own, digest: sha256Hex(own).slice(0, digestChars), installers };
}

/** Opens it, if it is what was listed. Throws `DyncError` ("configuration") where it is not any more. */
export async function openRelease({ path, mark }: ReleaseFile): Promise<FileHandle> {
  const flags = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0);
  const handle = await open(path, flags).catch((cause: unknown) => {
    throw new DyncError("configuration", `${path} cannot be read: ${whyUnreadable(cause)}`, { cause });
  });
  try {
    if (markOf(await handle.stat()) !== mark)
      throw new DyncError("configuration", `${path} was changed since it was listed`, {
        hint: '"dync-server reload" lists the release again',
      });
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function markOf({ ino, size, mtimeMs }: Stats): string {
  return `${ino} ${size} ${mtimeMs}`;
}

function readInstaller(path: string, sha256: string): string {
  const text = readText(path);
  if (sha256Hex(text) === sha256) return text;
  throw new DyncError("configuration", `${path} is not the one that ${sumsName} beside it names`, {
    hint: 'put there all that "bun run release" made, of one run',
  });
}

function readText(path: string, hint?: string): string {
  try {
    const bytes = readFileSync(path);
    if (bytes.length <= textBytesMax) return bytes.toString();
  } catch (cause) {
    throw new DyncError("configuration", `${path} cannot be read: ${whyUnreadable(cause)}`, { cause, hint });
  }
  throw new DyncError("configuration", `${path} has more than ${textBytesMax} bytes`, { hint });
}
