// The servers that this user has names for, and which one is meant where none is named: `DYNC_HOME/client.toml` and
// `DYNC_SERVER`. Read by every command that takes SERVER.

import { join, resolve } from "node:path";
import { DyncError } from "../../base/error.ts";
import { type NamedServer, noClientSettings, readClientSettings } from "../../config/client-settings.ts";
import type { RateLimit } from "../../config/rate-limit.ts";
import type { MemberFault } from "../../config/table.ts";
import { dyncHome } from "../../keys/key-files.ts";
import { throwFaults } from "../command-line-error.ts";
import { printable } from "../printable.ts";
import { readSettingsFile } from "../settings-file.ts";

export interface KnownServers {
  /** The folder of keys and state. */
  readonly home: string;
  /** By alias. */
  readonly named: ReadonlyMap<string, NamedServer>;
  /** An alias or an address, and what says so; `null` where nothing does. */
  readonly default: { readonly text: string; readonly saidBy: string } | null;
  /** What `client.toml` says of how fast everything is sent. */
  readonly limit?: RateLimit | null;
}

const fileName = "client.toml";
// Some thousand servers.
const fileBytesMax = 256 * 1024;

/**
 * What `environment` and the file that it leads to say. Throws `DyncError` ("configuration"): everything that is wrong with
 * the file at once.
 */
export function readKnownServers(environment: Readonly<Record<string, string | undefined>>): KnownServers {
  const home = resolve(dyncHome(environment));
  const file = join(home, fileName);
  const content = readSettingsFile(file, fileBytesMax);
  const reading = content === null ? null : readClientSettings(content.text);
  if (reading !== null && !reading.ok) throwFaults(reading.faults.map((it) => fileError(file, it)));
  const { defaultServer, limit, servers: named } = reading?.ok ? reading.value : noClientSettings;
  const { DYNC_SERVER: chosen } = environment;
  const said = { home, named, limit };
  if (chosen) return { ...said, default: { text: chosen, saidBy: "DYNC_SERVER" } };
  return { ...said, default: defaultServer === null ? null : { text: defaultServer, saidBy: file } };
}

function fileError(file: string, { line, member, text, hint }: MemberFault): DyncError {
  const what = member === "" ? text : `${member}: ${text}`;
  return new DyncError("configuration", printable(`${file}:${line}: ${what}`), { hint });
}
