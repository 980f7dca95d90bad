// The words behind a command that takes SERVER and then paths: which server they name, by what is known of servers here, and which paths.

import type { NamedServer } from "../../config/client-settings.ts";
import type { ServerChoice } from "../../keys/known-servers.ts";
import type { Environment } from "../command.ts";
import { readKnownServers } from "./known-servers.ts";
import { chosenServer, profileOf, type ServerOptions, tellApart } from "./server-choice.ts";
import { isThere } from "./what-is-there.ts";

export interface ServerWords {
  readonly server: ServerChoice;
  /** What client.toml says of it, where it has a name there. */
  readonly profile: NamedServer | null;
  readonly paths: readonly string[];
}

/** Reads them in the order in which they were written; those that are not there are left out. Throws `DyncError`. */
export function readServerWords(
  words: readonly (string | undefined)[],
  options: ServerOptions,
  environment: Environment,
): ServerWords {
  const known = readKnownServers(environment);
  const given = words.filter((it) => it !== undefined);
  const { server, paths } = tellApart(given, known, isThere);
  return { server: chosenServer(server, options, known), profile: profileOf(server, known), paths };
}
