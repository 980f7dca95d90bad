// The life of a service, step by step, wherever a manager of services can be had: in a Debian tree, or on this machine.

import { expect } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { sleep, systemClock } from "../../src/base/clock.ts";
import { documentedValidators } from "./json-schemas.ts";
import type { Lab } from "./lab.ts";
import { jsonLines, type ProgramEnd } from "./programs.ts";

/** A user of a machine with a manager of services. */
export interface ServiceUser {
  /** Runs `dync` as that user. */
  readonly dync: (...args: readonly string[]) => Promise<ProgramEnd>;
  readonly name: string;
  /** The server that it sends to. */
  readonly lab: Lab;
  /** The folder that is watched, as that user sees it. */
  readonly folder: string;
  /** `DYNC_HOME`, and the folder of units, as this process sees them. */
  readonly home: string;
  readonly units: string;
  /** Puts a file into the folder. */
  readonly put: (name: string) => Promise<void>;
  /** Ends a process by SIGKILL, as that user numbers it, where the system then begins it again. */
  readonly kill: (pid: number) => Promise<void>;
  /** Whether the system ends what is stopped without a word. */
  readonly isEndedHard?: boolean;
}

interface Status {
  readonly isRunning: boolean;
  readonly pid?: number;
  readonly entries?: number;
}

const valid = documentedValidators();
const untilMs = 60_000;
// Each question is a program of its own, which takes time from what is waited for.
const askEveryMs = 100;

/** What a line for programs says, which is as doc/json.md documents it. */
function summaryOf({ stdout }: ProgramEnd, schema: string): Readonly<Record<string, unknown>> {
  const summary = jsonLines(stdout).at(-1) ?? {};
  const check = valid.get(schema);
  expect(check?.(summary), JSON.stringify([summary, check?.errors])).toBe(true);
  return summary;
}

export async function statusOf(user: ServiceUser): Promise<Status> {
  const end = await user.dync("service", "status", "--json", user.name);
  const { services } = summaryOf(end, "dync:summary-service-status") as { services?: readonly Status[] };
  return services?.[0] ?? { isRunning: false };
}

/** Asks for the status until it is as `isWanted` says. */
async function until(user: ServiceUser, isWanted: (status: Status) => boolean): Promise<Status> {
  const deadline = performance.now() + untilMs;
  for (;;) {
    const status = await statusOf(user);
    if (isWanted(status)) return status;
    if (performance.now() > deadline) throw new Error(`Still ${JSON.stringify(status)}`);
    await sleep(systemClock, askEveryMs);
  }
}

/** Resolves when the server has a new file, and the service has said so. */
async function send(user: ServiceUser, name: string): Promise<void> {
  await user.put(name);
  await user.lab.server.line(new RegExp(`"Upload finished".*"${name.replace(".", "\\.")}"`), untilMs);
  const deadline = performance.now() + untilMs;
  for (;;) {
    const { stdout } = await user.dync("service", "logs", user.name);
    if (stdout.includes(` Stored "${name}": `)) return;
    if (performance.now() > deadline) throw new Error(`${name} was not said to be stored: ${stdout}`);
    await sleep(systemClock, askEveryMs);
  }
}

/** Installed, sends, killed and there again, stopped, started, its log, uninstalled without a trace. */
export async function liveThrough(user: ServiceUser): Promise<void> {
  const { dync, name } = user;
  const server = `127.0.0.1:${user.lab.port}`;
  // Where there is no folder for units yet, systemd makes one for what is enabled, and leaves it.
  const before = filesBelow(user.units);
  const options = ["--settle", "1s", "-k", 'sample:100 % of "$HOME" \\ ü\n;', "--unit", "file"];
  const shown = await dync("service", "install", "--print", "--json", ...options, server, user.folder);
  summaryOf(shown, "dync:summary-service-print");
  expect(filesBelow(join(user.home, "services"))).toEqual([]);
  const installed = await dync(
    "service",
    "install",
    "--json",
    "--name",
    name,
    ...options,
    server,
    user.folder,
  );
  expect(installed).toMatchObject({ code: 0, stderr: "" });
  expect(summaryOf(installed, "dync:summary-service-install")).toMatchObject({ name, folder: user.folder });
  const first = await until(user, ({ isRunning }) => isRunning);
  await send(user, "one.raw");

  await user.kill(first.pid ?? 0);
  const second = await until(user, ({ isRunning, pid }) => isRunning && pid !== first.pid);
  await send(user, "two.raw");

  // A second run counts what the first sent.
  await until(user, ({ entries }) => entries === 2);

  const double = await dync("service", "install", "--name", `${name}-2`, server, user.folder);
  expect(double).toMatchObject({ code: 2 });
  expect(double.stderr).toContain(`The service "${name}" watches "${user.folder}" already`);
  const beside = await dync("watch", server, user.folder);
  expect(beside).toMatchObject({ code: 1 });
  expect(beside.stderr).toContain("Another dync watches");

  expect(await dync("service", "stop", name)).toMatchObject({ code: 0 });
  expect(await statusOf(user)).toMatchObject({ isRunning: false });
  expect(await dync("service", "status", name)).toMatchObject({ code: 3 });
  const started = await dync("service", "start", "--json", name);
  summaryOf(started, "dync:summary-service");
  await until(user, ({ isRunning, pid }) => isRunning && pid !== second.pid);

  const logs = await dync("service", "logs", name);
  expect(logs.stdout).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d Stored "one\.raw": /m);
  expect(logs.stdout).toMatch(/ Stored "two\.raw": /);
  expect(logs.stdout.includes(" Ended, as it was asked to\n")).toBe(!user.isEndedHard);
  expect(logs.stdout.match(/ begins: dync watch /g)).toHaveLength(3);
  summaryOf(await dync("service", "logs", "--json", "-n", "2", name), "dync:summary-service-logs");

  expect(await dync("service", "uninstall", name)).toMatchObject({ code: 0 });
  expect(filesBelow(user.units)).toEqual(before);
  expect(filesBelow(join(user.home, "services"))).toEqual([]);
  expect(await dync("service", "status", name)).toMatchObject({ code: 2 });
}

function filesBelow(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((it) => !it.isDirectory())
    .map((it) => join(it.parentPath, it.name))
    .toSorted();
}
