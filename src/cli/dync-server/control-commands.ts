// What a running server can be asked from beside it, over its control socket (`control/`). Each command is named as the words that
// people type; its arguments are checked here.

import * as v from "valibot";
import type { Clock } from "../../base/clock.ts";
import type { Servers } from "../../catalogue/servers.ts";
import type { ControlCommand } from "../../control/control-server.ts";
import type { AuthorizedKey } from "../../keys/authorized-clients.ts";
import { rotateKey } from "../../receipts/key-file.ts";
import { InstrumentReports } from "../../server/instrument-reports.ts";
import type { PendingKey } from "../../server/pending-keys.ts";
import type { Server } from "../../server/server.ts";
import { type AlarmCommandParts, alarmCommands } from "./alarm-commands.ts";
import { toldExpiry } from "./client-expiry.ts";
import { read } from "./command-schemas.ts";
import { hookCommands } from "./hook-commands.ts";
import { instrumentCommands } from "./instrument-commands.ts";
import type { Reload } from "./running-configuration.ts";
import { type UploadCommandParts, uploadCommands } from "./upload-commands.ts";
import { type UserCommandParts, userCommands } from "./user-commands.ts";
import { type LinkMaker, linkCommand } from "./web-link-command.ts";

/** What the commands act on. */
export interface ControlParts {
  /** Reads configuration and keys again. */
  readonly reload: () => Promise<Reload>;
  readonly server: UploadCommandParts & Pick<Server, "pendingKeys" | "afterHooks" | "drain">;
  /** Those that share the catalogue, and which of them this one is; `null`: it is this server's alone. */
  readonly sharing: { readonly servers: Pick<Servers, "list">; readonly id: string } | null;
  readonly users: UserCommandParts;
  readonly keyFolder: KeyFolder;
  readonly signing: Signing;
  readonly alarming: AlarmCommandParts;
  /** As `linkCommand` wants it. */
  readonly linkMaker: () => LinkMaker | null;
}

/** The key that signs receipts. */
export interface Signing {
  /** Where it lies. */
  readonly home: string;
  readonly clock: Clock;
  /** Resolves when what lies there signs. */
  readonly look: () => Promise<void>;
}

/** The folder of those who may send. */
export interface KeyFolder {
  /** Resolves when all counts that lies there now. */
  readonly look: () => Promise<void>;
  /** Who counts. */
  readonly list: () => readonly AuthorizedKey[];
}

export function controlCommands({
  reload,
  server,
  users,
  keyFolder,
  signing,
  sharing,
  linkMaker,
  alarming,
}: ControlParts): ReadonlyMap<string, ControlCommand> {
  const { afterHooks } = server;
  return new Map<string, ControlCommand>([
    ["reload", async () => ({ ...(await reload()) })],
    ["drain", async () => ({ uploads: await server.drain() })],
    ["servers list", async () => ({ servers: await serversOf(sharing) })],
    ["clients pending", async () => ({ pending: server.pendingKeys.map(told) })],
    ["clients read", readKeys(keyFolder)],
    ["receipts rotate-key", async () => await rotate(signing)],
    linkCommand(linkMaker),
    ...uploadCommands(server),
    ...(afterHooks === undefined ? [] : hookCommands(afterHooks)),
    ...userCommands(users),
    ...alarmCommands(alarming),
    ...instrumentCommands({ ...users, instruments: new InstrumentReports(users) }),
  ]);
}

async function serversOf(sharing: ControlParts["sharing"]) {
  if (sharing === null) return null;
  const servers = await sharing.servers.list();
  return servers.map((it) => ({ ...it, isThis: it.id === sharing.id }));
}

const keysAsked = v.object({ fingerprints: v.array(v.string()) });

/** Reads the folder, and answers which of the keys that are asked about count from now on, and until when. */
function readKeys({ look, list }: KeyFolder): ControlCommand {
  return async ({ arguments: given }) => {
    const asked = new Set(read(keysAsked, given).fingerprints);
    await look();
    const keys = list().filter(({ fingerprint }) => asked.has(fingerprint));
    return {
      keys: keys.map((key) => ({ fingerprint: key.fingerprint, ...toldExpiry(key) })),
    };
  };
}

async function rotate({ home, clock, look }: Signing) {
  const { before, keys } = await rotateKey(home, clock);
  await look();
  return { key: keys.current.kid, before: before.kid };
}

function told({ key, address, firstAt, lastAt, times }: PendingKey) {
  return {
    ...{ fingerprint: key.fingerprint, publicKey: key.text, address, times },
    ...{ firstAt: firstAt.toISOString(), lastAt: lastAt.toISOString() },
  };
}
