// What the status page can ask for beside the commands of the control socket: for a person at the command line the same are done
// by the command itself, on files.

import * as v from "valibot";
import type { Clock } from "../../base/clock.ts";
import { DyncError } from "../../base/error.ts";
import type { ControlCommand } from "../../control/control-server.ts";
import { authorize, revoke } from "../../keys/authorize.ts";
import type { AuthorizedKey } from "../../keys/authorized-clients.ts";
import type { Server } from "../../server/server.ts";
import type { RecentRefusals } from "../../web/recent-refusals.ts";
import { stateOf, toldExpiry } from "./client-expiry.ts";
import { read } from "./command-schemas.ts";
import type { KeyFolder } from "./control-commands.ts";

export interface PageParts {
  readonly clock: Clock;
  /** Of authorised keys. */
  readonly folder: string;
  readonly keyFolder: KeyFolder;
  readonly server: Pick<Server, "pendingKeys" | "dismissKey">;
  readonly refusals: RecentRefusals;
}

const approval = v.object({ fingerprint: v.string(), user: v.string() });
const dismissal = v.object({ fingerprint: v.string() });
const removal = v.object({ who: v.string() });

/** By their names, which are those of the commands that do the same. */
export function pageCommands(parts: PageParts): readonly (readonly [string, ControlCommand])[] {
  const { clock, keyFolder, refusals } = parts;
  const shown = (key: AuthorizedKey) => ({ ...told(key), ...stateOf(key, clock.date()) });
  return [
    ["clients list", async () => ({ clients: keyFolder.list().map(shown) })],
    ["clients approve", async ({ arguments: given }) => await approve(read(approval, given), parts)],
    ["clients dismiss", async ({ arguments: given }) => dismiss(read(dismissal, given), parts)],
    ["clients remove", async ({ arguments: given }) => await remove(read(removal, given).who, parts)],
    ["refusals list", async () => ({ refusals: refusals.list().map((it) => ({ ...it })) })],
  ];
}

async function approve({ fingerprint, user }: v.InferOutput<typeof approval>, parts: PageParts) {
  const { clock, folder, keyFolder, server } = parts;
  const pending = server.pendingKeys.find(({ key }) => key.fingerprint === fingerprint);
  if (pending === undefined) throw unknownKey(fingerprint);
  const client = { folder, publicKey: pending.key, user, known: keyFolder.list(), expiresAt: null };
  const added = await authorize({ ...client, date: clock.date() });
  await keyFolder.look();
  return told(added);
}

function dismiss({ fingerprint }: v.InferOutput<typeof dismissal>, { server }: PageParts) {
  if (!server.dismissKey(fingerprint)) throw unknownKey(fingerprint);
  return { fingerprint };
}

function unknownKey(fingerprint: string): DyncError {
  return new DyncError("configuration", `No key ${fingerprint} asks to be let in any more`);
}

async function remove(who: string, { folder, keyFolder }: PageParts) {
  const removed = await revoke(folder, who, keyFolder.list());
  await keyFolder.look();
  return { removed: removed.map(told) };
}

function told(key: AuthorizedKey) {
  const { user, fingerprint, file } = key;
  return { user, fingerprint, file, ...toldExpiry(key) };
}
