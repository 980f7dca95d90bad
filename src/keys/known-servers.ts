// Which key a server must have: looked up by host and port among the files in `DYNC_HOME`, like ssh's known
// hosts. A client never talks to a server whose key is not here.

import { join } from "node:path";
import { DyncError } from "../base/error.ts";
import { formatServerAddress } from "../base/format-server-address.ts";
import type { Places } from "../base/server-place.ts";
import type { PublicKey } from "./key.ts";
import { readCertificate } from "./key-files.ts";

/** A server, and the file with its key, where the user named one. */
export interface ServerChoice extends Places {
  /** Absolute path, or `null`: the key is in the home folder. */
  readonly serverKeyFile: string | null;
}

/**
 * The key that the server must have: from the file that was named, else from `servers/HOST_PORT.key`, `servers/HOST.key` or
 * `server.key` in `home`.
 *
 * @throws DyncError "configuration" when none is there, or the first that is there is no certificate.
 */
export async function serverKeyOf(
  home: string,
  { host, port, serverKeyFile }: ServerChoice,
): Promise<PublicKey> {
  const files = serverKeyFile === null ? serverKeyFiles(home, host, port) : [serverKeyFile];
  for (const file of files) {
    const certificate = await readCertificate(file);
    if (certificate !== null) return certificate.publicKey;
  }
  if (serverKeyFile !== null) throw new DyncError("configuration", `There is no key file ${serverKeyFile}`);
  throw new DyncError(
    "configuration",
    `No key of the server ${host} is known, looked for ${files.join(", ")}`,
    {
      hint: `ask the administrator of the server for its server.key, then: dync trust ${formatServerAddress({ host, port })} server.key`,
    },
  );
}

/** Files that may hold the key of `host`, most specific first. */
export function serverKeyFiles(home: string, host: string, port: number): readonly string[] {
  const general = join(home, "server.key");
  const name = hostInFileName(host);
  if (name === null) return [general];
  return [join(home, "servers", `${name}_${port}.key`), join(home, "servers", `${name}.key`), general];
}

/** What names of files have for `host`, or `null` for what is no host's name. */
export function hostInFileName(host: string): string | null {
  // Colons of IPv6 addresses and zone ids cannot be in file names everywhere.
  const name = host
    .toLowerCase()
    .replace(/^\[(.*)\]$/, "$1")
    .replaceAll(":", "_");
  // Anything else that is no host name must not lead out of the folder.
  return /^[\p{L}\p{N}_%-][\p{L}\p{N}._%-]*$/u.test(name) ? name : null;
}
