// The servers that this user has names for, and which one is meant where none is named: `DYNC_HOME/client.toml` and
// `DYNC_SERVER`. Read by every command that takes SERVER.

import { join, resolve } from "node:path";
import { DyncError } from "../../base/error.ts";
import { type NamedServer, noClientSettings, readClientSettings } from "../../config/client-settings.ts";
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
  const { settings, faults } =
    content === null ? { settings: noClientSettings, faults: [] } : readClientSettings(content.text);
  throwFaults(
    faults.map(
      ({ line, text: fault, hint }) =>
        new DyncError("configuration", printable(`${file}:${line}: ${fault}`), { hint }),
    ),
  );
  const { defaultServer, servers: named } = settings;
  const { DYNC_SERVER: chosen } = environment;
  if (chosen) return { home, named, default: { text: chosen, saidBy: "DYNC_SERVER" } };
  const inFile = defaultServer === null ? null : { text: defaultServer, saidBy: file };
  return { home, named, default: inFile };
}
