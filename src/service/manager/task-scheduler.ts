// Services as scheduled tasks of Windows: `schtasks`, which takes the definition as a file of XML. What it says of a task is in the
// language of the system, but for that definition: whether a task may begin is read there, and whether it runs is told by the service itself.

import { rm, writeFile } from "node:fs/promises";
import { win32 } from "node:path";
import { systemClock } from "../../base/clock.ts";
import { DyncError } from "../../base/error.ts";
import type { ServiceFiles } from "../definition.ts";
import type { ManagerParts, RunTool, ServiceManager, ServiceState } from "../manager.ts";
import { isRun, isRunOver, lastRunOf } from "../run-lock.ts";
import { scheduledTask } from "../scheduled-task.ts";
import { refusal } from "./refusal.ts";

export function taskSchedulerManager({ run, dync, environment, user }: ManagerParts): ServiceManager {
  const owner = environment.USERDOMAIN ? `${environment.USERDOMAIN}\\${user.name}` : user.name;
  const { schtasks, definitionOf, end } = tool(run, environment);

  return {
    kind: "task scheduler",
    fileFor: ({ name, folder }, files) => ({
      // schtasks has its own copy; this one is for people.
      path: copyOf(files),
      text: scheduledTask({
        description: `dync: sends what is complete in "${folder.replace(/\p{Cc}/gu, "?")}" (${name})`,
        user: owner,
        command: [...dync, "service", "run", files.definition],
      }),
    }),
    async install({ path, text }, name) {
      await writeFile(path, Buffer.from(`\ufeff${text}`, "utf16le"));
      await schtasks(`${taskOf(name)} cannot be made`, "/Create", "/TN", taskOf(name), "/XML", path, "/F");
    },
    async start({ name }) {
      await schtasks(`${taskOf(name)} cannot be enabled`, "/Change", "/TN", taskOf(name), "/ENABLE");
      await schtasks(`${taskOf(name)} cannot be started`, "/Run", "/TN", taskOf(name));
    },
    async stop(files) {
      const task = taskOf(files.name);
      // Else it would be started again within minutes.
      await schtasks(`${task} cannot be disabled`, "/Change", "/TN", task, "/DISABLE");
      await end(files);
    },
    async uninstall(files) {
      const task = taskOf(files.name);
      if ((await definitionOf(files.name)) !== null) {
        await schtasks(`${task} cannot be disabled`, "/Change", "/TN", task, "/DISABLE");
        await end(files);
        await schtasks(`${task} cannot be deleted`, "/Delete", "/TN", task, "/F");
      }
      await rm(copyOf(files), { force: true });
    },
    async state(files) {
      const pid = isRun(files) ? (lastRunOf(files)?.pid ?? null) : undefined;
      return taskState(await definitionOf(files.name), pid);
    },
    startsStopped: false,
    runsOnlyAtLogin: {
      text: "It runs while you are logged in, and begins at the next logon",
      hint: "log on automatically, where it has to run without anybody",
    },
  };
}

function taskOf(name: string): string {
  return `dync-${name}`;
}

/** What `schtasks` is asked for. */
function tool(run: RunTool, { SystemRoot }: ManagerParts["environment"]) {
  // Windows looks for a bare name in the current folder first.
  const program = SystemRoot ? win32.join(SystemRoot, "System32", "schtasks.exe") : "schtasks";
  return {
    async schtasks(what: string, ...args: readonly string[]): Promise<void> {
      const end = await run(program, ...args);
      if (end.code !== 0) throw refusal(what, end);
    },
    /** The definition of the task, as the system has it; `null`: there is none. */
    async definitionOf(name: string): Promise<string | null> {
      const end = await run(program, "/Query", "/TN", taskOf(name), "/XML");
      if (end.code === null) throw refusal("The task scheduler does not answer", end);
      return end.code === 0 && /<Task[\s>]/.test(end.stdout) ? end.stdout : null;
    },
    /** Ends what runs, and waits for that: a start would be ignored meanwhile, and its files could not be deleted. */
    async end(files: ServiceFiles): Promise<void> {
      await run(program, "/End", "/TN", taskOf(files.name));
      if (await isRunOver(files, systemClock)) return;
      const hint = 'end it in the task manager: it is "dync service run"';
      throw new DyncError("failed", `${taskOf(files.name)} does not end`, { hint });
    },
  };
}

/** `definition`: the task's, `null` where there is none; `pid`: of the process that runs, `undefined` where none does. */
export function taskState(definition: string | null, pid: number | null | undefined): ServiceState {
  const isInstalled = definition !== null;
  // Triggers have the same element.
  const settings = /<Settings>[\s\S]*<\/Settings>/.exec(definition ?? "")?.[0] ?? "";
  const isEnabled = isInstalled && !/<Enabled>\s*false\s*<\/Enabled>/.test(settings);
  const isRunning = pid !== undefined;
  const detail = isEnabled ? "its task is ready" : "its task is disabled";
  const said = isRunning ? "running" : detail;
  return { isInstalled, isEnabled, isRunning, pid: pid ?? null, detail: isInstalled ? said : "not there" };
}

function copyOf({ definition }: ServiceFiles): string {
  return definition.replace(/\.json$/, ".xml");
}
