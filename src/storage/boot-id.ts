// Tells whether the system was restarted since something was noted: a restart may have lost what was written
// but not synced. Called once at the start of a server.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** A text that is the same until the system restarts, or `null` where none can be had. */
export function bootId(): string | null {
  try {
    if (process.platform === "linux")
      return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim() || null;
    if (process.platform !== "darwin") return null;
    const output = execFileSync("/usr/sbin/sysctl", ["-n", "kern.bootsessionuuid"], {
      encoding: "utf8",
      timeout: 5000,
    });
    return output.trim() || null;
  } catch {
    return null;
  }
}
