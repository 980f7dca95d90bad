// What of the system keeps services running: the contract. `manager/` implements it for systemd, launchd and the task scheduler.

import type { ServiceDefinition, ServiceFiles } from "./definition.ts";

export interface ServiceState {
  /** The system knows it. */
  readonly isInstalled: boolean;
  /** It is started at logon. */
  readonly isEnabled: boolean;
  readonly isRunning: boolean;
  /** Of the process, where the system tells it. */
  readonly pid: number | null;
  /** What the system says of it, in its own words. */
  readonly detail: string;
}

export interface ServiceManager {
  readonly kind: "systemd" | "launchd" | "task scheduler";
  /** The file that the system reads, and what is in it; throws `DyncError` where it cannot be written. */
  fileFor(definition: ServiceDefinition, files: ServiceFiles): SystemFile;
  /** Makes the system know it, and start it at logon. Throws `DyncError` with what the system said. */
  install(file: SystemFile, name: string): Promise<void>;
  start(files: ServiceFiles): Promise<void>;
  /** Ends it; resolves when it has ended. */
  stop(files: ServiceFiles): Promise<void>;
  /** Ends it, and makes the system forget it. What is not there is no fault. */
  uninstall(files: ServiceFiles): Promise<void>;
  state(files: ServiceFiles): Promise<ServiceState>;
  /** Whether the next login starts what was stopped. */
  readonly startsStopped: boolean;
  /** What somebody has to know for it to run when nobody is logged in; `null`: nothing. */
  readonly runsOnlyAtLogin: LoginNote | null;
}

export interface SystemFile {
  readonly path: string;
  readonly text: string;
}

export interface LoginNote {
  readonly text: string;
  readonly hint: string;
}

export interface ToolEnd {
  /** Exit status; `null`: it could not be run, or a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program of the system, without a shell, to its end. Never rejects. */
export type RunTool = (program: string, ...args: readonly string[]) => Promise<ToolEnd>;

/** What all managers are given. */
export interface ManagerParts {
  readonly run: RunTool;
  /** What `dync` is started by: absolute path of the program, and what stands before its own words. */
  readonly dync: readonly [string, ...string[]];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly user: { readonly name: string; readonly uid: number; readonly home: string };
}
