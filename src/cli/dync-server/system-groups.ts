// Groups of the system by their names, as its file and whatever else it asks (a directory of users) have them.

import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { systemCode } from "../../base/error.ts";

const deadlineMs = 10_000;

/** Number of the group `name`, or `null` where the system knows none. */
export async function groupNumber(name: string): Promise<number | null> {
  const inFile = numberIn(await readFile("/etc/group", "utf8").catch(emptyWhenMissing), name);
  // What the file does not have may be in a directory, of which only the system's own library knows.
  return inFile ?? numberIn(await asked(name), name);
}

function emptyWhenMissing(error: unknown): string {
  if (systemCode(error) === "ENOENT") return "";
  throw error;
}

async function asked(name: string): Promise<string> {
  try {
    // Behind "--" no name is taken for an option.
    const { stdout } = await promisify(execFile)("getent", ["group", "--", name], { timeout: deadlineMs });
    return stdout;
  } catch {
    // There is no such group, or no such program: systems without it have their groups in the file alone.
    return "";
  }
}

/** The lines are `NAME:PASSWORD:NUMBER:MEMBERS`. */
function numberIn(text: string, name: string): number | null {
  for (const line of text.split("\n")) {
    const [there, , number] = line.split(":");
    if (there === name && number !== undefined && /^\d+$/.test(number)) return Number(number);
  }
  return null;
}
