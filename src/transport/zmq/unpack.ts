// Copies the embedded library out of the executable, because systems load libraries from files alone. The copy stays
// for the next start, and is compared with what the executable was built with before each load. Called by library.ts.

import { randomBytes } from "node:crypto";
import {
  closeSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, isAbsolute, join } from "node:path";
import { DyncError, messageOf, systemCode } from "../../base/error.ts";
import { sha256Hex } from "../../base/sha256-hex.ts";

export interface EmbeddedLibrary {
  /** Where its bytes can be read. They are read only when there is no good copy. */
  readonly path: string;
  /** Of its bytes, in hex. */
  readonly sha256: string;
}

/**
 * Sees to it that `library` lies in a folder that belongs to this user alone, under a name with its SHA-256, and
 * returns what `load` makes of that path. A copy that is already there is used when its bytes are right, and
 * replaced when not. Any number of processes may do this at once. Where `load` throws, the next folder is tried,
 * because a whole disk may forbid programs, unless `isFinal` says that every copy would fail. Throws `DyncError`
 * ("configuration") when no folder will do.
 */
export function unpackLibrary<Loaded>(
  library: EmbeddedLibrary,
  environment: NodeJS.ProcessEnv,
  load: (path: string) => Loaded,
  isFinal: (error: unknown) => boolean = () => false,
): Loaded {
  const errors: unknown[] = [];
  const reasons: string[] = [];
  for (const folder of foldersFor(environment)) {
    try {
      return load(unpackInto(folder, library));
    } catch (error) {
      if (isFinal(error)) throw error;
      errors.push(error);
      reasons.push(`${folder}: ${messageOf(error)}`);
    }
  }
  throw new DyncError("configuration", `Cannot unpack libzmq: ${reasons.join("; ")}`, {
    cause: new AggregateError(errors),
    hint: "set XDG_CACHE_HOME to a folder of your own that may hold programs, or DYNC_LIBZMQ to a libzmq",
  });
}

/** Folders to try, best first. */
function foldersFor(environment: NodeJS.ProcessEnv): string[] {
  const { HOME, LOCALAPPDATA, TMPDIR, XDG_RUNTIME_DIR, XDG_CACHE_HOME } = environment;
  if (process.platform === "win32") {
    return [join(LOCALAPPDATA || join(homedir(), "AppData", "Local"), "dync", "lib")];
  }
  const home = HOME || homeOrNone();
  return [
    ...(isUsable(XDG_CACHE_HOME)
      ? [join(XDG_CACHE_HOME, "dync")]
      : home
        ? [join(home, ".cache", "dync")]
        : []),
    ...(isUsable(XDG_RUNTIME_DIR) ? [join(XDG_RUNTIME_DIR, "dync")] : []),
    // For users without a home, such as those of services.
    join(TMPDIR || tmpdir(), `dync-${process.getuid?.() ?? 0}`),
    // In memory, for when every disk is full: then an instrument's data has to be sent most of all.
    ...(process.platform === "linux" ? [join("/dev/shm", `dync-${process.getuid?.() ?? 0}`)] : []),
  ];
}

/** A system that does not know its user has no home for it either. */
function homeOrNone(): string | null {
  try {
    return homedir();
  } catch {
    return null;
  }
}

/** Relative paths in these variables are to be ignored, says the XDG specification. */
function isUsable(folder: string | undefined): folder is string {
  return folder !== undefined && isAbsolute(folder);
}

function unpackInto(folder: string, { path: source, sha256: hash }: EmbeddedLibrary): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  checkFolder(folder);
  const extension = process.platform === "win32" ? "dll" : "so";
  const path = join(folder, `libzmq-${hash}.${extension}`);
  if (holds(path, hash)) return path;
  const temporary = join(folder, `.libzmq-${randomBytes(8).toString("hex")}`);
  try {
    // "wx": fails when there is anything of that name, so no link leads us elsewhere.
    writeFileSync(temporary, readFileSync(source), { flag: "wx", mode: 0o700, flush: true });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    // Windows refuses to replace a library that another process has loaded: then that one was here first.
    if (!holds(path, hash)) throw error;
  }
  if (!holds(path, hash)) throw new Error("what was written there is not what can be read there");
  return path;
}

/** Refuses a folder where somebody else could put a file in place of ours, now or by moving folders above it. */
function checkFolder(folder: string): void {
  const status = lstatSync(folder);
  if (!status.isDirectory()) throw new Error("is not a folder");
  // A profile's folder on Windows is its user's, by an access list that it inherits.
  if (process.platform === "win32") return;
  const user = process.getuid?.();
  if (status.uid !== user) throw new Error("belongs to another user");
  if ((status.mode & 0o022) !== 0) throw new Error("can be written by others");
  // Whoever owns the root may do everything: root itself, or nobody that we know of inside a container.
  const trusted = [user, 0, statSync("/").uid];
  for (let above = dirname(realpathSync(folder)); ; above = dirname(above)) {
    const { uid, mode } = statSync(above);
    if (!trusted.includes(uid)) throw new Error(`${above} belongs to another user`);
    const isSticky = (mode & 0o1000) !== 0;
    if ((mode & 0o022) !== 0 && !isSticky) throw new Error(`${above} can be written by others`);
    if (above === dirname(above)) return;
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
    return isOurs && status.isFile() && sha256Hex(readFileSync(file)) === hash;
  } finally {
    closeSync(file);
  }
}
