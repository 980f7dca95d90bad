// What a running server can be asked from beside it, over its control socket (`control/`). Each command is named as the words that
// people type; its arguments are checked here.

import type { ControlCommand } from "../../control/control-server.ts";
import type { PendingKey } from "../../server/pending-keys.ts";
import type { Server } from "../../server/server.ts";
import { hookCommands } from "./hook-commands.ts";
import type { Reload } from "./running-configuration.ts";
import { type UploadCommandParts, uploadCommands } from "./upload-commands.ts";
import { type UserCommandParts, userCommands } from "./user-commands.ts";

/** What the commands act on. */
export interface ControlParts {
  /** Reads configuration and keys again. */
  readonly reload: () => Promise<Reload>;
  readonly server: UploadCommandParts & Pick<Server, "pendingKeys" | "afterHooks">;
  readonly users: UserCommandParts;
}

export function controlCommands({
  reload,
  server,
  users,
}: ControlParts): ReadonlyMap<string, ControlCommand> {
  const { afterHooks } = server;
  return new Map<string, ControlCommand>([
    ["reload", async () => ({ ...(await reload()) })],
    ["clients pending", async () => ({ pending: server.pendingKeys.map(told) })],
    ...uploadCommands(server),
    ...(afterHooks === undefined ? [] : hookCommands(afterHooks)),
    ...userCommands(users),
  ]);
}

function told({ key, address, firstAt, lastAt, times }: PendingKey) {
  return {
    ...{ fingerprint: key.fingerprint, publicKey: key.text, address, times },
    ...{ firstAt: firstAt.toISOString(), lastAt: lastAt.toISOString() },
  };
}
