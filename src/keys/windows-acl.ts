// Permissions of key files on Windows, where a file has an access control list instead of a mode. Drives
// `icacls` by security identifiers, because the names of users and groups are translated. Windows only, except
// for the pure parsing.

import { execFile } from "node:child_process";
import { mkdtemp, readFile, rmdir, unlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { DyncError, messageOf } from "../base/error.ts";

// The system itself and its administrators can read everything anyway; taking them out only breaks backups.
const systemSid = "S-1-5-18";
const administratorsSid = "S-1-5-32-544";
const everyoneSid = "S-1-1-0";

/** Gives `path` to the current user alone (and to the system and its administrators). */
export async function restrictToUser(path: string, isFolder: boolean): Promise<void> {
  const inherit = isFolder ? "(OI)(CI)" : "";
  try {
    const user = await currentUser();
    const trusted = [
      user.sid === null ? user.name : `*${user.sid}`,
      `*${systemSid}`,
      `*${administratorsSid}`,
    ];
    const grants = trusted.map((who) => `${who}:${inherit}F`);
    await run("icacls.exe", [path, "/inheritance:r", "/grant:r", ...grants]);
  } catch (cause) {
    throw new DyncError("configuration", `The permissions of ${path} could not be set: ${messageOf(cause)}`, {
      cause,
      hint: "use a folder on a disk with permissions (NTFS)",
    });
  }
}

/** Who else may open `path`, as identifiers; `null` when Windows does not tell. */
export async function othersAllowed(path: string): Promise<readonly string[] | null> {
  const folder = await mkdtemp(join(tmpdir(), "dync-acl-"));
  const file = join(folder, "acl");
  try {
    const { sid } = await currentUser();
    if (sid === null) return null;
    await run("icacls.exe", [path, "/save", file]);
    return strangersInSddl(await readFile(file, "utf16le"), sid);
  } catch {
    return null;
  } finally {
    await unlink(file).catch(() => {});
    await rmdir(folder).catch(() => {});
  }
}

/**
 * Identifiers that the SDDL text of an access control list allows anything, besides the user, the system and
 * its administrators. `null` when the text holds no list.
 */
export function strangersInSddl(text: string, user: string): readonly string[] | null {
  // A file without a list at all is everybody's.
  if (/D:[A-Z]*NO_ACCESS_CONTROL/.test(text)) return [everyoneSid];
  const list = /D:[A-Z]*((?:\([^)]*\))*)/.exec(text)?.[1];
  if (list === undefined) return null;
  const trusted = [user, systemSid, administratorsSid, "SY", "BA", ...aliasesOf(user)];
  const allowed = [...list.matchAll(/\(([^)]*)\)/g)].flatMap(([, entry]) => {
    const [type, flags, , , , sid] = (entry as string).split(";");
    // "IO" entries are only passed on to what lies inside.
    return type === "A" && sid !== undefined && !flags?.includes("IO") ? [sid] : [];
  });
  return allowed.filter((sid) => !trusted.includes(sid));
}

/** The two letters that the text has in place of an identifier that Windows knows. */
function aliasesOf(user: string): readonly string[] {
  if (user === "S-1-5-19") return ["LS"];
  if (user === "S-1-5-20") return ["NS"];
  // The account named Administrator, in whichever language.
  return user.endsWith("-500") ? ["LA"] : [];
}

async function currentUser(): Promise<{ readonly name: string; readonly sid: string | null }> {
  const output = (await run("whoami.exe", ["/user", "/fo", "csv", "/nh"])).trim();
  // `"DOMAIN\\user","S-1-…"`; wine leaves it at the name.
  const name = /^"?([^",]+)/.exec(output)?.[1];
  if (name === undefined) throw new Error("Windows does not tell who the current user is");
  return { name, sid: /S-1-[0-9-]+/.exec(output)?.[0] ?? null };
}

// By full path: a program of the same name in the current folder must not run instead.
async function run(program: string, args: readonly string[]): Promise<string> {
  const path = join(process.env.SystemRoot ?? "C:\\Windows", "System32", program);
  return (await promisify(execFile)(path, [...args], { windowsHide: true, timeout: 30_000 })).stdout;
}
