// Services under launchd: an agent in `~/Library/LaunchAgents`, and `launchctl`.

import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { launchdAgent } from "../launchd-agent.ts";
import type { ManagerParts, ServiceManager, ServiceState } from "../manager.ts";
import { refusal } from "./refusal.ts";

export function launchdManager({ run, dync, user }: ManagerParts): ServiceManager {
  const labelOf = (name: string): string => `io.github.qbicsoftware.dync.${name}`;
  const path = (name: string): string => join(user.home, "Library/LaunchAgents", `${labelOf(name)}.plist`);
  // Who is logged in at the screen has the first, who came by ssh alone the second.
  const domains = [`gui/${user.uid}`, `user/${user.uid}`];

  async function whereLoaded(name: string): Promise<{ readonly at: string; readonly said: string } | null> {
    for (const domain of domains) {
      const at = `${domain}/${labelOf(name)}`;
      const { code, stdout } = await run("launchctl", "print", at);
      if (code === 0) return { at, said: stdout };
    }
    return null;
  }

  async function unload(name: string): Promise<void> {
    const loaded = await whereLoaded(name);
    if (loaded === null) return;
    const end = await run("launchctl", "bootout", loaded.at);
    // 36: it is on its way.
    if (end.code !== 0 && end.code !== 36) throw refusal(`${labelOf(name)} cannot be stopped`, end);
  }

  return {
    kind: "launchd",
    fileFor: ({ name }, { definition }) => ({
      path: path(name),
      text: launchdAgent({ label: labelOf(name), command: [...dync, "service", "run", definition] }),
    }),
    async install({ path: file, text }) {
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
    },
    async start({ name }) {
      await unload(name);
      let end = await run("launchctl", "bootstrap", domains[0]!, path(name));
      if (end.code !== 0) end = await run("launchctl", "bootstrap", domains[1]!, path(name));
      if (end.code !== 0) throw refusal(`${labelOf(name)} cannot be started`, end);
    },
    stop: ({ name }) => unload(name),
    async uninstall({ name }) {
      await unload(name);
      await rm(path(name), { force: true });
    },
    async state({ name }) {
      const isInstalled = existsSync(path(name));
      return agentState(isInstalled, (await whereLoaded(name))?.said ?? null);
    },
    startsStopped: true,
    runsOnlyAtLogin: {
      text: "It runs while you are logged in, and begins at the next login",
      hint: "log in automatically, where it has to run without anybody (System Settings, Users)",
    },
  };
}

/** What `launchctl print` says of a service that is loaded, or `null`. */
export function agentState(isInstalled: boolean, said: string | null): ServiceState {
  const pid = Number(/^\s*pid = (\d+)$/m.exec(said ?? "")?.[1] ?? 0);
  return {
    isInstalled,
    isEnabled: isInstalled,
    isRunning: pid > 0,
    pid: pid > 0 ? pid : null,
    detail: said === null ? "not loaded" : (/^\s*state = (.+)$/m.exec(said)?.[1] ?? "loaded"),
  };
}
