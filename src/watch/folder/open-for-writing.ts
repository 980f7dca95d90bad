// Which paths a program of this user has open for writing, as Linux tells; other systems tell nothing of that, nor of other users.

import { readdirSync, readFileSync, readlinkSync } from "node:fs";

const writeMode = 0o3;

/** Real paths of all files that other processes have open for writing and that lie in `folder` (absolute, real). */
export function openForWriting(folder: string): ReadonlySet<string> {
  const open = new Set<string>();
  if (process.platform !== "linux") return open;
  for (const pid of namesOf("/proc")) {
    if (!/^\d+$/.test(pid) || Number(pid) === process.pid) continue;
    for (const fd of namesOf(`/proc/${pid}/fd`)) {
      const target = linkOf(`/proc/${pid}/fd/${fd}`);
      if (target?.startsWith(`${folder}/`) && isForWriting(`/proc/${pid}/fdinfo/${fd}`)) open.add(target);
    }
  }
  return open;
}

function isForWriting(info: string): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(info, "utf8"))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & writeMode) !== 0;
  } catch {
    return false;
  }
}

// Processes come and go, and those of others say nothing.
function namesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function linkOf(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}
