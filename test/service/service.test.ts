// What a service is called and what is written down of it, when it begins again, and what is asked of the system.

import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { systemClock } from "../../src/base/clock.ts";
import type { FileLock } from "../../src/base/file-lock.ts";
import {
  definitionText,
  filesOf,
  filesOfDefinition,
  isServiceName,
  readDefinition,
  serviceNameFor,
} from "../../src/service/definition.ts";
import { agentState, launchdManager } from "../../src/service/manager/launchd.ts";
import { systemManager } from "../../src/service/manager/system-manager.ts";
import { stateOf, systemdManager } from "../../src/service/manager/systemd.ts";
import { taskSchedulerManager, taskState } from "../../src/service/manager/task-scheduler.ts";
import type { ManagerParts, RunTool, ToolEnd } from "../../src/service/manager.ts";
import { readRunState, restartPauseMs, startsInVain } from "../../src/service/restart-pause.ts";
import { isRun, lockRun, noteRun } from "../../src/service/run-lock.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";

let folder: TempFolder;
beforeEach(async () => {
  folder = await tempFolder();
});
afterEach(async () => await folder[Symbol.asyncDispose]());

const definition = {
  name: "runs",
  server: "lab",
  folder: "/data/runs\n2",
  words: ["--unit=folder", "lab", "/data/runs\n2"],
  variables: { DYNC_PORT: "9000" },
  installedAt: "2026-11-27T08:00:00.000Z",
};
const done: ToolEnd = { code: 0, stdout: "", stderr: "" };

test("a service is named after its folder, with what a name may have", () => {
  expect(["/data/NovaSeq 6000", "D/Läufe", "/日本", "/", "/x/--"].map(serviceNameFor)).toEqual([
    "NovaSeq-6000",
    "Laufe",
    "watch",
    "watch",
    "watch",
  ]);
  expect(serviceNameFor(`/${"a".repeat(80)}`)).toHaveLength(48);
  for (const name of ["", "-a", "a b", "a/b", "a.b", "ä", "a".repeat(49)])
    expect(isServiceName(name)).toBe(false);
});

test("a definition is read as it was written, and nothing else is one", () => {
  expect(readDefinition("runs", definitionText(definition))).toEqual(definition);
  for (const text of ["", "{}", "[]", definitionText(definition).replace('"schema": 1', '"schema": 2')])
    expect(readDefinition("runs", text)).toBeNull();
  const files = filesOf("/home/u/.dync", "runs");
  expect(filesOfDefinition(files.definition)).toEqual(files);
});

test("one crash costs nothing, pauses grow to five minutes, and who ran for long or was asked to end begins at once", () => {
  expect([0, 1, 2, 3, 4, 20, 1e9].map(restartPauseMs)).toEqual([
    0, 0, 10_000, 20_000, 40_000, 300_000, 300_000,
  ]);
  expect(startsInVain(null, 0)).toBe(0);
  expect(startsInVain({ inVain: 3, isEnded: false }, 60_000)).toBe(4);
  expect(startsInVain({ inVain: 3, isEnded: true }, 60_000)).toBe(0);
  expect(startsInVain({ inVain: 3, isEnded: false }, 11 * 60_000)).toBe(0);
  // A clock that was set back says nothing of how long it ran.
  expect(startsInVain({ inVain: 3, isEnded: false }, -1)).toBe(0);
  expect(readRunState("{")).toBeNull();
});

/** Parts with a system that answers as `answer` says, and what it was asked. */
function parts(answer: (line: string) => Partial<ToolEnd>): ManagerParts & { readonly asked: string[] } {
  const asked: string[] = [];
  const run: RunTool = async (...words) => {
    asked.push(words.join(" "));
    return { ...done, ...answer(words.join(" ")) };
  };
  const user = { name: "mess", uid: 501, home: folder.path };
  return { run, dync: ["/opt/dync"], environment: {}, user, asked };
}

describe("systemd", () => {
  test("is told of a unit, which goes without a trace", async () => {
    const system = parts(() => ({}));
    const manager = systemdManager(system);
    const files = filesOf(folder.file("home"), "runs");
    const file = manager.fileFor(definition, files);
    expect(file.path).toBe(folder.file(".config/systemd/user/dync-runs.service"));
    expect(file.text).toContain(`ExecStart="/opt/dync" "service" "run" "${files.definition}"\n`);
    expect(file.text).toContain('Description=dync: sends what is complete in "/data/runs?2"\n');
    await manager.install(file, "runs");
    await manager.start(files);
    expect(readFileSync(file.path, "utf8")).toBe(file.text);
    await manager.uninstall(files);
    expect(existsSync(file.path)).toBe(false);
    expect(system.asked).toEqual([
      "systemctl --user show -p Version",
      "systemctl --user daemon-reload",
      "systemctl --user enable --quiet dync-runs.service",
      "systemctl --user reset-failed dync-runs.service",
      "systemctl --user start dync-runs.service",
      "systemctl --user disable --quiet --now dync-runs.service",
      "systemctl --user reset-failed dync-runs.service",
      "systemctl --user daemon-reload",
    ]);
  });

  test("that does not answer is said in one line, and nothing is written", async () => {
    const stderr = "Failed to connect to bus: No medium found\n";
    const manager = systemdManager(parts(() => ({ code: 1, stderr })));
    const file = manager.fileFor(definition, filesOf(folder.path, "runs"));
    const failing = manager.install(file, "runs");
    expect(failing).rejects.toThrow(
      "systemd runs no services for this user here: Failed to connect to bus: No medium found",
    );
    expect(failing).rejects.toMatchObject({ hint: expect.stringContaining("log in as mess itself") });
    await failing.catch(() => {});
    expect(existsSync(file.path)).toBe(false);
  });

  test("says what it does with a unit", () => {
    const lines =
      "MainPID=42\nLoadState=loaded\nActiveState=active\nSubState=running\nUnitFileState=enabled\n";
    expect(stateOf(lines)).toEqual({
      isInstalled: true,
      isEnabled: true,
      isRunning: true,
      pid: 42,
      detail: "active (running)",
    });
    const gone = "MainPID=0\nLoadState=not-found\nActiveState=inactive\nSubState=dead\nUnitFileState=\n";
    expect(stateOf(gone)).toMatchObject({
      isInstalled: false,
      isEnabled: false,
      isRunning: false,
      pid: null,
    });
  });
});

test("launchd loads an agent for who is at the screen, else for who came by ssh", async () => {
  const system = parts((line) => ({ code: / gui\/501|print/.test(line) ? 113 : 0 }));
  const manager = launchdManager(system);
  const files = filesOf(folder.path, "runs");
  const file = manager.fileFor(definition, files);
  await manager.install(file, "runs");
  await manager.start(files);
  expect(file.path).toBe(folder.file("Library/LaunchAgents/io.github.qbicsoftware.dync.runs.plist"));
  expect(system.asked.slice(-2)).toEqual([
    `launchctl bootstrap gui/501 ${file.path}`,
    `launchctl bootstrap user/501 ${file.path}`,
  ]);
  expect(agentState(true, "x = {\n\tstate = running\n\n\tpid = 123\n}")).toMatchObject({
    isRunning: true,
    pid: 123,
    detail: "running",
  });
  expect(agentState(true, null)).toMatchObject({ isInstalled: true, isRunning: false });
});

describe("the task scheduler", () => {
  const xml = (settings: string): string =>
    `<?xml version="1.0" encoding="UTF-16"?>\r\n<Task version="1.2"><Triggers><LogonTrigger><Enabled>false</Enabled></LogonTrigger>` +
    `</Triggers><Settings>${settings}</Settings></Task>\r\n`;

  test("gets UTF-16, and a task that is stopped does not begin again by itself", async () => {
    const files = filesOf(folder.path, "runs");
    await Bun.write(files.definition, "");
    let running: FileLock | null = null;
    const system = parts((line) => {
      if (line.includes("/End")) running?.release();
      return { stdout: line.includes("/Query") ? xml("<Enabled>true</Enabled>") : "" };
    });
    const manager = taskSchedulerManager({ ...system, environment: { SystemRoot: "C:\\Windows" } });
    const file = manager.fileFor(definition, files);
    await manager.install(file, "runs");
    const bytes = readFileSync(file.path);
    expect([bytes[0], bytes[1]]).toEqual([0xff, 0xfe]);
    expect(bytes.toString("utf16le").slice(1)).toBe(file.text);
    expect(await manager.state(files)).toMatchObject({
      isInstalled: true,
      isEnabled: true,
      isRunning: false,
    });
    running = await lockRun(files, systemClock, AbortSignal.timeout(60_000));
    noteRun(files, { pid: 42, startedAt: "", inVain: 0, pausedUntil: null, isEnded: false });
    expect(await manager.state(files)).toMatchObject({ isRunning: true, pid: 42, detail: "running" });
    await manager.stop(files);
    expect(system.asked.slice(-2)).toEqual([
      "C:\\Windows\\System32\\schtasks.exe /Change /TN dync-runs /DISABLE",
      "C:\\Windows\\System32\\schtasks.exe /End /TN dync-runs",
    ]);
    expect(await manager.state(files)).toMatchObject({ isRunning: false, pid: null });
    await manager.uninstall(files);
    expect(existsSync(file.path)).toBe(false);
  });

  test("is understood whatever its language: of what it says only the definition is read", async () => {
    expect(taskState(xml(""), undefined)).toMatchObject({ isInstalled: true, isEnabled: true });
    const disabled = xml("<Hidden>false</Hidden><Enabled>false</Enabled>");
    expect(taskState(disabled, undefined)).toMatchObject({ isInstalled: true, isEnabled: false });
    expect(taskState(null, undefined)).toMatchObject({ isInstalled: false, isEnabled: false });
    const files = filesOf(folder.path, "runs");
    const absent = taskSchedulerManager(
      parts(() => ({ code: 1, stderr: "FEHLER: Das System kann die angegebene Datei nicht finden.\r\n" })),
    );
    expect(await absent.state(files)).toMatchObject({ isInstalled: false, isRunning: false });
    const missing = taskSchedulerManager(parts(() => ({ code: null, stderr: "schtasks: ENOENT\n" })));
    expect(missing.state(files)).rejects.toThrow("The task scheduler does not answer: schtasks: ENOENT");
  });
});

test("one process runs a service, and who asks in that moment is no other one", async () => {
  const files = filesOf(folder.path, "runs");
  const signal = AbortSignal.timeout(60_000);
  expect(isRun(files)).toBe(false);
  expect(existsSync(files.lock)).toBe(false);
  const first = await lockRun(files, systemClock, signal);
  expect(isRun(files)).toBe(true);
  const clock = new ManualClock();
  const second = lockRun(files, clock, signal);
  clock.advance(100);
  first?.release();
  for (let turns = 0; turns < 100; turns++) {
    await Promise.resolve();
    clock.advance(100);
  }
  using taken = await second;
  expect(taken).not.toBeNull();
  const third = lockRun(files, clock, signal);
  for (let turns = 0; turns < 100; turns++) {
    await Promise.resolve();
    clock.advance(100);
  }
  expect(await third).toBeNull();
});

test("where nothing runs services a line says so", () => {
  expect(() =>
    systemManager(
      "freebsd",
      parts(() => ({})),
    ),
  ).toThrow("There is no systemd, launchd or task scheduler here to run a service");
});
