// What systemd is told of a server that it started: that it takes uploads now. Until then `systemctl start` waits, and says when
// nothing comes of it.

import { spawn } from "node:child_process";
import { messageOf } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import type { Environment } from "../command.ts";

// Neither runtime has datagram sockets with paths, which systemd listens on; this program comes with it.
const program = "systemd-notify";

/**
 * Tells systemd, where it waits for that (`Type=notify`), and resolves when it knows. Never rejects: what went wrong is in the log, and
 * systemd goes on waiting.
 */
export async function tellReady({ NOTIFY_SOCKET, PATH }: Environment, logger: Logger): Promise<void> {
  if (!NOTIFY_SOCKET) return;
  try {
    await run([program, "--ready"], { NOTIFY_SOCKET, ...(PATH === undefined ? {} : { PATH }) });
  } catch (error) {
    logger.log("error", "systemd was not told that the server is ready", {
      reason: messageOf(error),
      hint: "the unit has Type=notify and NotifyAccess=all where systemd-notify can be run, else Type=exec",
    });
  }
}

function run([name = "", ...args]: readonly string[], env: Record<string, string>): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const child = spawn(name, args, { env, stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = (said + text).slice(0, 1000);
  });
  child.on("error", reject);
  child.on("close", (status, signal) => {
    if (status === 0) resolve();
    else reject(new Error(`${name} ended with ${signal ?? status}: ${said.trim()}`));
  });
  return promise;
}
