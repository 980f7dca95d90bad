// Which key a server must have, said by a person: written where `known-servers.ts` looks for it. A key that differs from what is
// known already is refused, with both fingerprints, until the person says that it is meant.

import { basename, dirname, join } from "node:path";
import { DyncError } from "../base/error.ts";
import { formatServerAddress } from "../base/format-server-address.ts";
import { publicCertificateText } from "./certificate.ts";
import { PublicKey } from "./key.ts";
import { readCertificate, replacePublicFile } from "./key-files.ts";
import { type ServerChoice, serverKeyFiles } from "./known-servers.ts";
import { keyFilesIn } from "./list-servers.ts";
import { lastReached } from "./reached-servers.ts";

/** What a person says of a server's key: the key itself, or the name by which keys are compared. */
export type GivenKey =
  | { readonly type: "key"; readonly publicKey: PublicKey }
  | { readonly type: "fingerprint"; readonly fingerprint: string };

const fingerprintForm = /^SHA256:[A-Za-z0-9+/]{43}$/;

/** A fingerprint as people write it, with or without what base64 is filled up with. Throws `DyncError` ("usage"). */
export function readFingerprint(text: string): string {
  const fingerprint = text.replace(/=+$/, "");
  if (fingerprintForm.test(fingerprint)) return fingerprint;
  const hint = '"SHA256:" and 43 letters and digits, "+" and "/", as "dync servers" shows it';
  throw new DyncError("usage", `${JSON.stringify(text)} is no fingerprint`, { hint });
}

/**
 * Reads `text`: a key (40 characters), a fingerprint, or the path of a file with a key.
 *
 * @throws DyncError "usage" where it is none of these; "configuration" where a file holds no key, or a secret one.
 */
export async function readGivenKey(text: string): Promise<GivenKey> {
  if (/^SHA256:/i.test(text)) return { type: "fingerprint", fingerprint: readFingerprint(text) };
  const publicKey = PublicKey.parse(text);
  if (publicKey !== null) return { type: "key", publicKey };
  const certificate = await readCertificate(text);
  if (certificate === null) {
    const hint =
      "give the file server.key, or in quotes the 40 characters of the key in it, or its fingerprint, SHA256:…";
    throw new DyncError("usage", `${JSON.stringify(text)} is no key, no fingerprint, and no file`, { hint });
  }
  if (certificate.secretKey === null) return { type: "key", publicKey: certificate.publicKey };
  throw new DyncError("configuration", `${text} holds a secret key, which nobody but its owner may have`, {
    hint: "give the file that ends in .key; a server whose secret key went about needs new keys",
  });
}

/** A file with a server's key. */
interface KeyOnFile {
  readonly file: string;
  readonly publicKey: PublicKey;
}

/** A key that is to be a server's. */
export interface NewTrust {
  readonly home: string;
  readonly server: ServerChoice;
  readonly given: GivenKey;
  /** The one that the given key has to have, where it was told by another way. */
  readonly fingerprint: string | null;
  /** Files that are looked through for a key of which the fingerprint alone was given. */
  readonly otherFiles: readonly string[];
  /** Whether the file is for all ports of the host that have none of their own. */
  readonly isForAllPorts: boolean;
  /** Whether another key that is known may be replaced. */
  readonly replace: boolean;
  readonly date: Date;
}

export interface Trusted extends KeyOnFile {
  /** Whether it was known already, and nothing was written. */
  readonly isKnown: boolean;
  /** Where the key is now that was there before. */
  readonly keptFile: string | null;
}

/**
 * Has `server` known by the given key from now on.
 *
 * @throws DyncError "wrong-server" where another key is known, or the fingerprint is another one; "configuration" where only a
 * fingerprint was given and no key here has it, for what is no server's key, and on file errors.
 */
export async function trustKey(trust: NewTrust): Promise<Trusted> {
  const { home, server, given, date } = trust;
  const known = await knownKeyOf(trust);
  const publicKey = given.type === "key" ? given.publicKey : await keyBehind(given.fingerprint, trust, known);
  await refuseOwnKey(home, publicKey);
  if (trust.fingerprint !== null && publicKey.fingerprint !== trust.fingerprint) {
    const text = `The key that was given is ${publicKey.fingerprint}, and not ${trust.fingerprint}`;
    const hint = "do not use it: ask the administrator of the server for both again";
    throw new DyncError("wrong-server", text, { hint });
  }
  const isSame = known?.publicKey.text === publicKey.text;
  if (known !== null && !isSame && !trust.replace) throw changedKey(server, known, publicKey.fingerprint);
  if (isSame && known.file !== null) return { file: known.file, publicKey, isKnown: true, keptFile: null };
  const file = await placeOf(trust);
  const metadata = new Map([
    ["host", server.host],
    ["port", String(server.port)],
  ]);
  const note = "Key of a dync server, by which this user's programs know it.";
  const text = publicCertificateText(publicKey, { date, metadata, note });
  const keptFile = await replacePublicFile(dirname(file), basename(file), text, date);
  return { file, publicKey, isKnown: false, keptFile };
}

/** Where the key of `server` belongs: the file that counts for it, whether it is there or not. */
async function placeOf({ home, server, isForAllPorts }: NewTrust): Promise<string> {
  const { host, port, serverKeyFile } = server;
  if (serverKeyFile !== null) return serverKeyFile;
  const files = serverKeyFiles(home, host, port);
  if (files.length < 3) throw new DyncError("configuration", `No file can be named after the server ${host}`);
  const [ofPort, ofHost] = files as readonly [string, string];
  return isForAllPorts && (await readCertificate(ofPort).catch(() => "faulty")) === null ? ofHost : ofPort;
}

/** The key by which the server is known up to now. */
interface KnownKey {
  readonly publicKey: PublicKey;
  /** `null`: it was reached with this key, and no file of its own has one. */
  readonly file: string | null;
  /** The end of a sentence. */
  readonly because: string;
}

/** By a file of its own, else by what it was reached with: `server.key` is for any server, and says nothing of this one alone. */
async function knownKeyOf({ home, server }: NewTrust): Promise<KnownKey | null> {
  const { host, port, serverKeyFile } = server;
  const files = serverKeyFile === null ? serverKeyFiles(home, host, port).slice(0, -1) : [serverKeyFile];
  for (const file of files) {
    const found = await keyIn(file);
    if (found === null) continue;
    return { ...found, because: `it is known by ${found.publicKey.fingerprint} (${file})` };
  }
  const reached = await lastReached(home, { host, port });
  if (reached === null) return null;
  const { publicKey, fingerprint, at } = reached;
  return { publicKey, file: null, because: `it was reached on ${at.slice(0, 10)} with ${fingerprint}` };
}

/** One that is no key any more is known by nobody, and can be replaced. */
async function keyIn(file: string): Promise<KeyOnFile | null> {
  const certificate = await readCertificate(file).catch(() => null);
  return certificate === null ? null : { file, publicKey: certificate.publicKey };
}

function changedKey(server: ServerChoice, { because }: KnownKey, fingerprint: string): DyncError {
  const address = formatServerAddress(server);
  const text = `The key of the server ${address} would change: ${because}, and what was given is ${fingerprint}`;
  const hint = `somebody may be posing as the server: ask its administrator by telephone which is right; if it has new keys, give this command again with --replace`;
  return new DyncError("wrong-server", text, { hint });
}

/** The key here that has `fingerprint`: a server does not show its own, so there is no other place to get it from. */
async function keyBehind(
  fingerprint: string,
  { home, server, otherFiles, replace }: NewTrust,
  known: KnownKey | null,
): Promise<PublicKey> {
  const { host, port, serverKeyFile } = server;
  const own = serverKeyFile === null ? [] : [serverKeyFile];
  const files = [...own, ...serverKeyFiles(home, host, port), ...otherFiles, ...(await keyFilesIn(home))];
  for (const file of new Set(files)) {
    const found = await keyIn(file);
    if (found?.publicKey.fingerprint === fingerprint) return found.publicKey;
  }
  if (known !== null && !replace) throw changedKey(server, known, fingerprint);
  throw new DyncError("configuration", `No key that is known here has the fingerprint ${fingerprint}`, {
    hint: `a server does not show its key, so it has to come by another way: dync trust ${formatServerAddress(server)} server.key --fingerprint ${fingerprint}`,
  });
}

/** A client's key is easily taken for a server's: both are called .key. */
async function refuseOwnKey(home: string, publicKey: PublicKey): Promise<void> {
  const own = await keyIn(join(home, "client.key"));
  if (own?.publicKey.text !== publicKey.text) return;
  throw new DyncError("configuration", `That is your own key (${publicKey.fingerprint}), and no server's`, {
    hint: "ask the administrator of the server for its server.key",
  });
}
