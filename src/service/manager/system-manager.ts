// Which manager this system has.

import { existsSync } from "node:fs";
import { DyncError } from "../../base/error.ts";
import type { ManagerParts, ServiceManager } from "../manager.ts";
import { launchdManager } from "./launchd.ts";
import { systemdManager } from "./systemd.ts";
import { taskSchedulerManager } from "./task-scheduler.ts";

/** Throws `DyncError` ("failed") where there is none. */
export function systemManager(platform: NodeJS.Platform, parts: ManagerParts): ServiceManager {
  if (platform === "darwin") return launchdManager(parts);
  if (platform === "win32") return taskSchedulerManager(parts);
  // Said so by sd_booted(3).
  if (platform === "linux" && existsSync("/run/systemd/system")) return systemdManager(parts);
  const hint =
    'start "dync watch" by what starts programs here, such as cron: @reboot dync watch …, or dync watch --once';
  throw new DyncError("failed", "There is no systemd, launchd or task scheduler here to run a service", {
    hint,
  });
}

/** The variables by which `systemctl --user` finds the manager of a user, where they are missing: `su` and cron leave them out. */
export function withRuntimeFolder(
  environment: ManagerParts["environment"],
  uid: number,
): ManagerParts["environment"] {
  const folder = `/run/user/${uid}`;
  if (environment.XDG_RUNTIME_DIR || !existsSync(folder)) return environment;
  return { ...environment, XDG_RUNTIME_DIR: folder };
}
