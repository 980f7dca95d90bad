// Where a server's control socket is. On POSIX it is a socket in the folder of keys and state, for the server's own user alone. On
// Windows it is a named pipe with a name that nobody can guess, which a file in that folder tells.

import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync, unlinkSync } from "node:fs";
import type { Server } from "node:net";
import { join } from "node:path";
import { systemCode } from "../base/error.ts";
import { replaceFile } from "../base/replace-file.ts";

const isWindows = process.platform === "win32";

/** The socket, or the file that names the pipe: what is there while a server may be asked. */
export function controlFile(home: string): string {
  return join(home, isWindows ? "server.pipe" : "server.sock");
}

/** What to connect to, or `null` where no server may be asked. */
export function controlAddress(home: string): string | null {
  if (!isWindows) return controlFile(home);
  try {
    return readFileSync(controlFile(home), "utf8").trim();
  } catch (error) {
    if (systemCode(error) === "ENOENT") return null;
    throw error;
  }
}

/** Lets `server` listen, in place of a server that is gone. Rejects with what the system says. */
export async function listenAt(home: string, server: Server): Promise<void> {
  const file = controlFile(home);
  if (isWindows) {
    const pipe = `\\\\.\\pipe\\dync-${randomBytes(16).toString("hex")}`;
    await listening(server, pipe);
    return replaceFile(file, pipe);
  }
  // In a folder that nobody else may enter, until its mode is right: there is no moment at which another user can connect.
  const folder = mkdtempSync(join(home, ".s-"));
  try {
    const socket = join(folder, "s");
    await listening(server, socket);
    chmodSync(socket, 0o600);
    renameSync(socket, file);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Takes away what `listenAt` made. */
export function leave(home: string): void {
  try {
    unlinkSync(controlFile(home));
  } catch (error) {
    if (systemCode(error) !== "ENOENT") throw error;
  }
}

function listening(server: Server, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(address, () => {
      server.off("error", reject);
      resolve();
    });
  });
}
