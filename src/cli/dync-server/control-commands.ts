// What a running server can be asked from beside it, over its control socket (`control/`). Each command is named as the words that
// people type; its arguments are checked here.

import type { ControlCommand } from "../../control/control-server.ts";
import type { AfterHooks } from "../../server/after-hooks.ts";
import type { PendingKey } from "../../server/pending-keys.ts";
import { hookCommands } from "./hook-commands.ts";
import type { Reload } from "./running-configuration.ts";
import { type UploadCommandParts, uploadCommands } from "./upload-commands.ts";
import { type UserCommandParts, userCommands } from "./user-commands.ts";

/** What the commands act on. */
export interface ControlParts extends UploadCommandParts, UserCommandParts {
  /** Reads configuration and keys again. */
  readonly reload: () => Promise<Reload>;
  readonly pendingKeys: () => readonly PendingKey[];
  readonly afterHooks: AfterHooks | undefined;
}

export function controlCommands(parts: ControlParts): ReadonlyMap<string, ControlCommand> {
  const { reload, pendingKeys, afterHooks } = parts;
  return new Map<string, ControlCommand>([
    ["reload", async () => ({ ...(await reload()) })],
    ["clients pending", async () => ({ pending: pendingKeys().map(told) })],
    ...uploadCommands(parts),
    ...(afterHooks === undefined ? [] : hookCommands(afterHooks)),
    ...userCommands(parts),
  ]);
}

function told({ key, address, firstAt, lastAt, times }: PendingKey) {
  return {
    ...{ fingerprint: key.fingerprint, publicKey: key.text, address, times },
    ...{ firstAt: firstAt.toISOString(), lastAt: lastAt.toISOString() },
  };
}
