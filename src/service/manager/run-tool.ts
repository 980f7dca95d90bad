// Runs programs that belong to the system.

import { execFile } from "node:child_process";
import type { RunTool, ToolEnd } from "../manager.ts";

const toolMsMax = 60_000;
const outputBytesMax = 1024 * 1024;

/** With `environment`, and messages in English. */
export function toolRunner(environment: Readonly<Record<string, string | undefined>>): RunTool {
  const options = {
    env: { ...environment, LC_ALL: "C.UTF-8", SYSTEMD_COLORS: "0", SYSTEMD_PAGER: "cat" },
    timeout: toolMsMax,
    maxBuffer: outputBytesMax,
    windowsHide: true,
  };
  return (program, ...args) =>
    new Promise<ToolEnd>((resolve) => {
      execFile(program, args, options, (error, stdout, stderr) => {
        if (error === null) return resolve({ code: 0, stdout, stderr });
        const code = typeof error.code === "number" ? error.code : null;
        resolve({ code, stdout, stderr: code === null ? `${program}: ${error.message}\n${stderr}` : stderr });
      });
    });
}
