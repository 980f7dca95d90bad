// Copies the embedded library out of the executable, for systems that cannot load it from where Bun unpacks it:
// Windows, and Linux where the temporary folder forbids it. Called by library.ts.

import { createHash, randomBytes } from "node:crypto";
import {
  closeSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { DyncError, messageOf, systemCode } from "../../base/error.ts";

/**
 * Writes the file at `source` to a folder that belongs to this user alone, under a name with its SHA-256, and
 * returns what `load` makes of that path. A copy that is already there is used when its bytes are right, and
 * replaced when not. Any number of processes may do this at once. Where `load` throws, the next folder is tried:
 * a whole disk may forbid programs. Throws `DyncError` ("configuration") when no folder will do.
 */
export function unpackLibrary<Loaded>(
  source: string,
  environment: NodeJS.ProcessEnv,
  load: (path: string) => Loaded,
): Loaded {
  const bytes = readFileSync(source);
  const reasons: string[] = [];
  for (const folder of foldersFor(environment)) {
    try {
      return load(unpackInto(folder, bytes));
    } catch (error) {
      reasons.push(`${folder}: ${messageOf(error)}`);
    }
  }
  throw new DyncError("configuration", `Cannot unpack libzmq: ${reasons.join("; ")}`, {
    hint: "Set XDG_CACHE_HOME to a folder of your own that may hold programs, or DYNC_LIBZMQ to a libzmq",
  });
}

/** Folders to try, best first. */
function foldersFor(environment: NodeJS.ProcessEnv): string[] {
  const { LOCALAPPDATA, XDG_RUNTIME_DIR, XDG_CACHE_HOME } = environment;
  if (process.platform === "win32") {
    return [join(LOCALAPPDATA || join(homedir(), "AppData", "Local"), "dync", "lib")];
  }
  return [
    XDG_CACHE_HOME ? join(XDG_CACHE_HOME, "dync") : join(homedir(), ".cache", "dync"),
    ...(XDG_RUNTIME_DIR ? [join(XDG_RUNTIME_DIR, "dync")] : []),
  ];
}

function unpackInto(folder: string, bytes: Uint8Array): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  checkFolder(folder);
  const hash = sha256(bytes);
  const extension = process.platform === "win32" ? "dll" : "so";
  const path = join(folder, `libzmq-${hash}.${extension}`);
  if (holds(path, hash)) return path;
  const temporary = join(folder, `.libzmq-${randomBytes(8).toString("hex")}`);
  try {
    writeNew(temporary, bytes);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    // Windows refuses to replace a library that another process has loaded: then that one was here first.
    if (!holds(path, hash)) throw error;
  }
  if (!holds(path, hash)) throw new Error("what was written there is not what can be read there");
  return path;
}

/** Refuses a folder where somebody else could put a file in place of ours. */
function checkFolder(folder: string): void {
  const status = lstatSync(folder);
  if (!status.isDirectory()) throw new Error("is not a folder");
  if (process.platform === "win32") return;
  if (status.uid !== process.getuid?.()) throw new Error("belongs to another user");
  if ((status.mode & 0o022) !== 0) throw new Error("can be written by others");
}

function writeNew(path: string, bytes: Uint8Array): void {
  // "wx": fails when there is anything of that name, so no link leads us elsewhere.
  const file = openSync(path, "wx", 0o700);
  try {
    for (let offset = 0; offset < bytes.length; ) offset += writeSync(file, bytes, offset);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Whether `path` is a plain file of ours with exactly these bytes. */
function holds(path: string, hash: string): boolean {
  let file: number;
  try {
    if (!lstatSync(path).isFile()) return false;
    file = openSync(path, "r");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return false;
    throw error;
  }
  try {
    const status = fstatSync(file);
    const isOurs = process.platform === "win32" || status.uid === process.getuid?.();
    return isOurs && status.isFile() && sha256(readFileSync(file)) === hash;
  } finally {
    closeSync(file);
  }
}

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
