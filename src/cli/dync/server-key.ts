// The key that a server must have: the one named on the command line, or the one in the home folder.

import { DyncError } from "../../base/error.ts";
import type { PublicKey } from "../../keys/key.ts";
import { readCertificate } from "../../keys/key-files.ts";
import { findServerKey } from "../../keys/known-servers.ts";

export interface ServerKeyQuestion {
  readonly home: string;
  readonly host: string;
  readonly port: number;
  readonly serverKeyFile: string | null;
}

/** Throws `DyncError` ("configuration") when there is none. */
export async function serverKeyOf({
  home,
  host,
  port,
  serverKeyFile,
}: ServerKeyQuestion): Promise<PublicKey> {
  if (serverKeyFile === null) return (await findServerKey(home, host, port)).publicKey;
  const certificate = await readCertificate(serverKeyFile);
  if (certificate === null) throw new DyncError("configuration", `There is no key file ${serverKeyFile}`);
  return certificate.publicKey;
}
