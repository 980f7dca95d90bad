// Services as scheduled tasks of Windows: `schtasks`, which takes the definition as a file of XML.

import { rm, writeFile } from "node:fs/promises";
import type { ServiceFiles } from "../definition.ts";
import type { ManagerParts, ServiceManager, ServiceState, ToolEnd } from "../manager.ts";
import { scheduledTask } from "../scheduled-task.ts";
import { refusal } from "./refusal.ts";

export function taskSchedulerManager({ run, dync, environment, user }: ManagerParts): ServiceManager {
  const taskOf = (name: string): string => `dync-${name}`;
  const owner = environment.USERDOMAIN ? `${environment.USERDOMAIN}\\${user.name}` : user.name;

  async function schtasks(what: string, ...args: readonly string[]): Promise<ToolEnd> {
    const end = await run("schtasks", ...args);
    if (end.code !== 0) throw refusal(what, end);
    return end;
  }
  const query = (name: string): Promise<ToolEnd> =>
    run("schtasks", "/Query", "/TN", taskOf(name), "/FO", "CSV", "/NH");

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
    async start(name) {
      await schtasks(`${taskOf(name)} cannot be enabled`, "/Change", "/TN", taskOf(name), "/ENABLE");
      await schtasks(`${taskOf(name)} cannot be started`, "/Run", "/TN", taskOf(name));
    },
    async stop(name) {
      // Else it would be started again within minutes.
      await schtasks(`${taskOf(name)} cannot be disabled`, "/Change", "/TN", taskOf(name), "/DISABLE");
      await run("schtasks", "/End", "/TN", taskOf(name));
    },
    async uninstall(name, files) {
      if ((await query(name)).code === 0) {
        await run("schtasks", "/End", "/TN", taskOf(name));
        await schtasks(`${taskOf(name)} cannot be deleted`, "/Delete", "/TN", taskOf(name), "/F");
      }
      await rm(copyOf(files), { force: true });
    },
    state: async (name) => taskState(await query(name)),
    runsOnlyAtLogin: {
      text: "It runs while you are logged in, and begins at the next logon",
      hint: "log on automatically, where it has to run without anybody",
    },
  };
}

/** What `schtasks /Query /FO CSV` says of one task. Its words are those of the language of the system. */
export function taskState({ code, stdout }: ToolEnd): ServiceState {
  const status = [...stdout.matchAll(/"([^"]*)"/g)].map(([, cell]) => cell ?? "").at(2) ?? "";
  const isInstalled = code === 0;
  return {
    isInstalled,
    isEnabled: isInstalled && !/disabled|deaktiviert|désactivé/i.test(status),
    isRunning: isInstalled && /running|wird ausgef|en cours/i.test(status),
    pid: null,
    detail: isInstalled ? status : "not there",
  };
}

function copyOf({ definition }: ServiceFiles): string {
  return definition.replace(/\.json$/, ".xml");
}
