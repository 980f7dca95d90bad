// The servers that are known here, with what is known of the key of each: for people who want to see it. How one server's key is found
// when it is needed is in `known-servers.ts`.

import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { DyncError, messageOf, systemCode } from "../base/error.ts";
import type { PublicKey } from "./key.ts";
import { readCertificate } from "./key-files.ts";
import { hostInFileName, type ServerChoice, serverKeyFiles } from "./known-servers.ts";
import { lastReached, type Reached, reachedEnding, readReached } from "./reached-servers.ts";

/** A file that should hold a server's key, and the key, or why it holds none. */
export interface KeyFound {
  readonly file: string;
  readonly publicKey: PublicKey | null;
  readonly fault: DyncError | null;
}

/** What is known of the key of one server. */
export interface KnownServer extends ServerChoice {
  /** The file that counts; `null`: none is there. */
  readonly key: KeyFound | null;
  /** Files for this server that hold another key, and do not count. */
  readonly others: readonly KeyFound[];
  readonly reached: Reached | null;
}

/** What is known of `server`. Never rejects because of a file: that one is then faulty. */
export async function knownServer(home: string, server: ServerChoice): Promise<KnownServer> {
  const { host, port, serverKeyFile } = server;
  const own = serverKeyFiles(home, host, port);
  const found: KeyFound[] = [];
  for (const file of serverKeyFile === null ? own : [serverKeyFile, ...own]) {
    const key = await keyAt(file);
    if (key !== null && !found.some((it) => it.file === file)) found.push(key);
  }
  const [first = null, ...rest] = found;
  // A file that is named and is not there is no reason to take another one.
  const key = serverKeyFile !== null && first?.file !== serverKeyFile ? missing(serverKeyFile) : first;
  const others = rest.filter(
    ({ file, publicKey }) => file !== own.at(-1) && publicKey?.text !== key?.publicKey?.text,
  );
  return { ...server, key, others, reached: await lastReached(home, server) };
}

async function keyAt(file: string): Promise<KeyFound | null> {
  try {
    const certificate = await readCertificate(file);
    return certificate === null ? null : { file, publicKey: certificate.publicKey, fault: null };
  } catch (error) {
    if (error instanceof DyncError) return { file, publicKey: null, fault: error };
    throw error;
  }
}

function missing(file: string): KeyFound {
  return {
    file,
    publicKey: null,
    fault: new DyncError("configuration", `There is no key file ${file}`),
  };
}

/** The key files in `servers/`, by name. Rejects with `DyncError` where the folder cannot be read. */
export async function keyFilesIn(home: string): Promise<readonly string[]> {
  return (await filesOf(home)).filter((file) => file.endsWith(".key"));
}

/** The key for any server that has none of its own. */
export async function generalKey(home: string): Promise<KeyFound | null> {
  return await keyAt(join(home, "server.key"));
}

/** Hosts and ports that have a file in `servers/`: a key of their own, or a note that they were reached. `null`: any port. */
export async function serversWithFiles(
  home: string,
): Promise<readonly { readonly host: string; readonly port: number | null }[]> {
  const found: { readonly host: string; readonly port: number | null }[] = [];
  for (const file of await filesOf(home)) {
    if (file.endsWith(".key")) found.push(placeIn(basename(file, ".key"), await metadataOf(file)));
    const reached = file.endsWith(reachedEnding) ? await readReached(file) : null;
    if (reached !== null) found.push(reached.place);
  }
  return found;
}

async function filesOf(home: string): Promise<readonly string[]> {
  const folder = join(home, "servers");
  const names = await readdir(folder).catch((error: unknown) => {
    if (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR") return [];
    throw new DyncError("configuration", `Cannot read ${folder}: ${messageOf(error)}`, { cause: error });
  });
  return names
    .filter((name) => !name.startsWith("."))
    .sort()
    .map((name) => join(folder, name));
}

async function metadataOf(file: string): Promise<ReadonlyMap<string, string>> {
  const certificate = await readCertificate(file).catch(() => null);
  return certificate?.metadata ?? new Map();
}

/** What the name of a key file in `servers/` stands for: colons are not in it, and who wrote them down in the file is right. */
function placeIn(
  stem: string,
  metadata: ReadonlyMap<string, string>,
): { readonly host: string; readonly port: number | null } {
  const [, host = stem, port = null] = /^(.+)_(\d{1,5})$/.exec(stem) ?? [];
  const written = metadata.get("host");
  if (written !== undefined && hostInFileName(written) === stem) return { host: written, port: null };
  const isWritten = written !== undefined && hostInFileName(written) === host;
  return { host: isWritten ? written : host, port: port === null ? null : Number(port) };
}
