// Services under systemd's manager of a user: a unit in `~/.config/systemd/user`, and `systemctl --user`.

import { existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { DyncError } from "../../base/error.ts";
import type { ManagerParts, ServiceManager, ServiceState, ToolEnd } from "../manager.ts";
import { systemdUnit } from "../systemd-unit.ts";
import { refusal } from "./refusal.ts";

const lingering = "/var/lib/systemd/linger";

export function systemdManager({ run, dync, environment, user }: ManagerParts): ServiceManager {
  const folder = join(environment.XDG_CONFIG_HOME || join(user.home, ".config"), "systemd/user");
  const unitOf = (name: string): string => `dync-${name}.service`;
  const path = (name: string): string => join(folder, unitOf(name));

  async function systemctl(what: string, ...args: readonly string[]): Promise<ToolEnd> {
    const end = await run("systemctl", "--user", ...args);
    if (end.code === 0) return end;
    throw isWithoutBus(end) ? noManager(user.name, end) : refusal(what, end);
  }

  return {
    kind: "systemd",
    fileFor: ({ name, folder: watched }, { definition }) => ({
      path: path(name),
      text: systemdUnit({
        description: `dync: sends what is complete in "${oneLine(watched)}"`,
        command: [...dync, "service", "run", definition],
      }),
    }),
    async install({ path: file, text }, name) {
      // Before anything is written: without it the file would lie there and do nothing.
      await systemctl("systemd does not answer", "show", "-p", "Version");
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, text);
      await systemctl("systemd does not read units", "daemon-reload");
      await systemctl(`${unitOf(name)} cannot be enabled`, "enable", "--quiet", unitOf(name));
    },
    async start({ name }) {
      await run("systemctl", "--user", "reset-failed", unitOf(name));
      await systemctl(`${unitOf(name)} cannot be started`, "start", unitOf(name));
    },
    async stop({ name }) {
      await systemctl(`${unitOf(name)} cannot be stopped`, "stop", unitOf(name));
    },
    async uninstall({ name }) {
      if (existsSync(path(name)))
        await systemctl(`${unitOf(name)} cannot be disabled`, "disable", "--quiet", "--now", unitOf(name));
      await rm(path(name), { force: true });
      await run("systemctl", "--user", "reset-failed", unitOf(name));
      await systemctl("systemd does not read units", "daemon-reload");
    },
    async state({ name }) {
      const wanted = ["LoadState", "ActiveState", "SubState", "MainPID", "UnitFileState"];
      const end = await systemctl("systemd does not answer", "show", "-p", wanted.join(","), unitOf(name));
      return stateOf(end.stdout);
    },
    startsStopped: true,
    get runsOnlyAtLogin() {
      if (existsSync(join(lingering, user.name))) return null;
      return {
        text: "It runs while you are logged in: it ends with your last session, and begins with the next",
        hint: `"loginctl enable-linger" lets it run from boot on (an administrator: "loginctl enable-linger ${user.name}")`,
      };
    },
  };
}

/** What `systemctl show` says. */
export function stateOf(text: string): ServiceState {
  const said = new Map(
    text.split("\n").map((line) => [line.replace(/=.*/, ""), line.replace(/^[^=]*=/, "")]),
  );
  const active = said.get("ActiveState") ?? "unknown";
  const pid = Number(said.get("MainPID") ?? 0);
  return {
    isInstalled: said.get("LoadState") === "loaded",
    isEnabled: said.get("UnitFileState") === "enabled",
    isRunning: (active === "active" || active === "activating" || active === "reloading") && pid > 0,
    pid: pid > 0 ? pid : null,
    detail: `${active} (${said.get("SubState") ?? "unknown"})`,
  };
}

function isWithoutBus({ stderr }: ToolEnd): boolean {
  return /Failed to connect to (the )?(user scope )?bus|not been booted with systemd/i.test(stderr);
}

function noManager(user: string, end: ToolEnd): DyncError {
  const hint = `log in as ${user} itself (by ssh, at the screen, or "machinectl shell ${user}@"), not by su or sudo`;
  return refusal("systemd runs no services for this user here", end, hint);
}

function oneLine(text: string): string {
  return text.replace(/\p{Cc}|[\u{10fe80}-\u{10feff}]/gu, "?");
}
