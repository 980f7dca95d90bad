// Which settings several servers may share, and whose file counts when they are not the same. Pure.

import { serverSettings } from "./server-settings.ts";
import type { Setting } from "./setting.ts";

/** Tables that name each other, and no machine. */
const tables = ["rules", "groups", "limits", "hooks", "alarms"];
/** What a server takes while it runs, and yet is a machine's own. */
const own = ["downloads", "public-url", "public-address", "log-format", "log-file", "log-level"];

const rows: readonly Setting<unknown>[] = Object.values(serverSettings);

/** The settings that may stand in the file that servers share: what one takes while it runs, and is not about its machine. */
export const shareableSettings: readonly string[] = rows
  .filter(({ name, isLive }) => isLive && !own.includes(name))
  .map(({ name }) => name);

const shareable: ReadonlySet<string> = new Set([...shareableSettings, ...tables]);

export function isShareable(name: string): boolean {
  return shareable.has(name);
}

/** A text of the shared file, and its number: the newer one is larger. */
export interface SharedVersion {
  readonly version: number;
  readonly text: string;
}

export type SettingsMerge =
  /** Nothing is to be done: both have this. */
  | { readonly type: "same"; readonly shared: SharedVersion }
  /** The file is to be shared, which nobody else changed. */
  | { readonly type: "share"; readonly text: string }
  /** What is shared is to be taken. */
  | { readonly type: "take"; readonly shared: SharedVersion }
  /** Both were changed, and the shared one counts. */
  | { readonly type: "conflict"; readonly shared: SharedVersion };

/**
 * What is to be done with the file of a server, `own`, and what all share (`null`: nothing yet), which were `same` once (`null`: never). Who
 * comes with an empty file wants what the others have.
 */
export function mergeSettings(
  same: SharedVersion | null,
  own: string,
  shared: SharedVersion | null,
): SettingsMerge {
  if (shared === null) return { type: "share", text: own };
  if (own === shared.text) return { type: "same", shared };
  if (same === null) return { type: own.trim() === "" ? "take" : "conflict", shared };
  // A catalogue that was put back to an earlier state knows less than this server.
  const isOlder = shared.version < same.version;
  if (own === same.text && !isOlder) return { type: "take", shared };
  const isUnchanged = isOlder || shared.text === same.text;
  return isUnchanged ? { type: "share", text: own } : { type: "conflict", shared };
}
