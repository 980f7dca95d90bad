// What a running server can be asked from beside it, over its control socket (`control/`). Each command is named as the words that
// people type; its arguments are checked here.

import type { ControlCommand } from "../../control/control-server.ts";
import type { PendingKey } from "../../server/pending-keys.ts";
import type { Reload } from "./running-configuration.ts";

/** What the commands act on. */
export interface ControlParts {
  /** Reads configuration and keys again. */
  readonly reload: () => Promise<Reload>;
  readonly pendingKeys: () => readonly PendingKey[];
}

export function controlCommands({ reload, pendingKeys }: ControlParts): ReadonlyMap<string, ControlCommand> {
  return new Map<string, ControlCommand>([
    ["reload", async () => ({ ...(await reload()) })],
    ["clients pending", async () => ({ pending: pendingKeys().map(told) })],
  ]);
}

function told({ key, address, firstAt, lastAt, times }: PendingKey) {
  return {
    ...{ fingerprint: key.fingerprint, publicKey: key.text, address, times },
    ...{ firstAt: firstAt.toISOString(), lastAt: lastAt.toISOString() },
  };
}
