// Authorises a key, and takes that back: what an administrator would do with files in the folder of authorised keys, without
// the slips. The server that runs beside it looks there by itself (`authorized-clients.ts`).

import { basename } from "node:path";
import { deadlineText } from "../base/deadline.ts";
import { DyncError } from "../base/error.ts";
import { fileNameBytesMax, fileNameFault, foldName } from "../base/file-name.ts";
import type { AuthorizedKey } from "./authorized-clients.ts";
import { expiryMember, publicCertificateText, withMetadata } from "./certificate.ts";
import type { PublicKey } from "./key.ts";
import { changePublicFile, readCertificate, removeKeyFile, writePublicFile } from "./key-files.ts";
import { userOfFile } from "./key-folder.ts";

export interface NewClient {
  /** Of authorised keys. */
  readonly folder: string;
  readonly publicKey: PublicKey;
  readonly user: string;
  /** Those that are authorised. */
  readonly known: readonly AuthorizedKey[];
  readonly date: Date;
  /** Until when it is good; `null`: for ever, or as it is where it is authorised already. */
  readonly expiresAt: Date | null;
}

/** The key as it is authorised, and whether it was already. */
export interface AddedClient extends AuthorizedKey {
  readonly isNew: boolean;
}

/**
 * Puts a public key into the folder as a key of `user`; beside those that the user has.
 *
 * @throws DyncError "configuration": no name for a user, or somebody else's key.
 */
export async function authorize(client: NewClient): Promise<AddedClient> {
  const { folder, publicKey, user, known, date, expiresAt } = client;
  checkUser(user, client);
  const key = publicKey.text;
  const { fingerprint } = publicKey;
  const there = known.find((it) => it.key === key);
  if (there !== undefined) {
    if (there.user === user) {
      if (expiresAt === null) return { ...there, isNew: false };
      const [changed] = await setExpiry(folder, [there], expiresAt);
      return { ...there, ...changed, isNew: false };
    }
    throw new DyncError(
      "configuration",
      `The key ${fingerprint} is ${there.user}'s already (${there.file})`,
      {
        hint: `remove it first: dync-server clients remove ${fingerprint}`,
      },
    );
  }
  const file = freeName(user, known);
  const expiry = expiresAt === null ? [] : [[expiryMember, deadlineText(expiresAt)] as const];
  const text = publicCertificateText(publicKey, { date, metadata: new Map([["user_id", user], ...expiry]) });
  await writePublicFile(folder, file, text);
  return { key, fingerprint, user, file, isNew: true, ...(expiresAt === null ? {} : { expiresAt }) };
}

/** Writes into the files of `keys` until when they are good, `null`: for ever; returns them as they are then. Throws `DyncError`. */
export async function setExpiry(
  folder: string,
  keys: readonly AuthorizedKey[],
  expiresAt: Date | null,
): Promise<readonly AuthorizedKey[]> {
  const value = expiresAt === null ? null : deadlineText(expiresAt);
  for (const { file } of keys)
    await changePublicFile(folder, file, (text) => withMetadata(text, expiryMember, value));
  return keys.map(({ expiresAt: _, ...key }) => ({ ...key, ...(expiresAt === null ? {} : { expiresAt }) }));
}

/**
 * Takes back the keys of a user, or the one with a fingerprint or file name; returns what they were.
 *
 * @throws DyncError "configuration" when there is none.
 */
export async function revoke(
  folder: string,
  who: string,
  known: readonly AuthorizedKey[],
): Promise<readonly AuthorizedKey[]> {
  const meant = keysOf(who, known);
  for (const { file } of meant) await removeKeyFile(folder, file);
  return meant;
}

/** The authorised keys that `who` means: a user, a fingerprint or the name of a file. Throws `DyncError` where none is. */
export function keysOf(who: string, known: readonly AuthorizedKey[]): readonly AuthorizedKey[] {
  const meant = known.filter(({ user, fingerprint, file }) => [user, fingerprint, file].includes(who));
  if (meant.length > 0) return meant;
  throw new DyncError("configuration", `No authorised key is called ${JSON.stringify(who)}`, {
    hint: '"dync-server clients" lists users, fingerprints and files',
  });
}

/** The public key in the file that a user handed over. Throws `DyncError` ("configuration") where there is none. */
export async function readPublicKey(keyFile: string): Promise<PublicKey> {
  const certificate = await readCertificate(keyFile);
  if (certificate === null) throw new DyncError("configuration", `There is no key file ${keyFile}`);
  if (certificate.secretKey === null) return certificate.publicKey;
  throw new DyncError("configuration", `${keyFile} holds a secret key, which nobody but its owner may have`, {
    hint: "have its owner make new keys, and send the file that ends in .key",
  });
}

/** The user that the name of such a file says. Throws `DyncError` ("configuration") where it says none. */
export function userNamedBy(keyFile: string): string {
  const name = basename(keyFile);
  if (name.endsWith(".key") && name !== "client.key") return userOfFile(name);
  throw new DyncError("configuration", `The name of ${keyFile} says no user`, {
    hint: "say one with --user",
  });
}

function checkUser(user: string, { known }: NewClient): void {
  const fault = user.includes("+") ? 'contains "+"' : fileNameFault(user);
  if (fault !== null) throw new DyncError("configuration", `The user ${JSON.stringify(user)} ${fault}`);
  const other = known.find((it) => it.user !== user && foldName(it.user) === foldName(user));
  if (other === undefined) return;
  throw new DyncError(
    "configuration",
    `The user ${JSON.stringify(user)} differs from ${JSON.stringify(other.user)} in case only`,
    { hint: `for a further key of the same user: --user ${other.user}` },
  );
}

/** `USER.key`, or `USER+2.key` and so on. */
function freeName(user: string, known: readonly AuthorizedKey[]): string {
  const taken = new Set(known.map(({ file }) => foldName(file)));
  for (let number = 1; ; number++) {
    const name = number === 1 ? `${user}.key` : `${user}+${number}.key`;
    if (Buffer.byteLength(name) > fileNameBytesMax)
      throw new DyncError("configuration", `The user ${JSON.stringify(user)} has too long a name`);
    if (!taken.has(foldName(name))) return name;
  }
}
