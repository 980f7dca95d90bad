// Key pairs on disk: makes `NAME.key` and `NAME.key_secret`, and loads them again. Refuses, like ssh, a secret
// key that others can read. What is authorised on a server is in `authorized-clients.ts`.

import { randomBytes } from "node:crypto";
import { constants, type Stats } from "node:fs";
import { type FileHandle, link, lstat, mkdir, open, readFile, rename, unlink } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { DyncError, messageOf, systemCode } from "../base/error.ts";
import { fileNameFault } from "../base/file-name.ts";
import { syncFolder } from "../base/write-whole.ts";
import {
  type Certificate,
  certificateBytesMax,
  parseCertificate,
  publicCertificateText,
  secretCertificateText,
} from "./certificate.ts";
import { generateKeyPair, type KeyPair, type PublicKey } from "./key.ts";
import { othersAllowed, restrictToUser } from "./windows-acl.ts";

const empty = new Uint8Array(0);
const isWindows = process.platform === "win32";

/** Folder of keys and state: `DYNC_HOME`, or `.dync` in the user's home. */
export function dyncHome(environment: Readonly<Record<string, string | undefined>> = process.env): string {
  return environment.DYNC_HOME || join(homedir(), ".dync");
}

export interface NewKeyFiles {
  /** Where to put them; made (0700) when it is not there. */
  readonly folder: string;
  /** `client`, `server` or another file name without ending. */
  readonly name: string;
  readonly date: Date;
  /** Written into the metadata: as which user a server knows the key. */
  readonly userId?: string;
  /** Make new ones where keys are there; the old ones stay beside them, named with the date. */
  readonly force?: boolean;
  /** Name of a copy of the public file, to be handed over. */
  readonly handOver?: string;
}

export interface KeyFiles {
  readonly keys: KeyPair;
  readonly publicFile: string;
  readonly secretFile: string;
  /** What is to be handed over: the copy that was asked for, else the public file. */
  readonly handOverFile: string;
  /** Where the keys are now that were there before. */
  readonly keptFiles: readonly string[];
}

/**
 * Makes a key pair and its files, durably, the secret one readable by its owner alone.
 *
 * @throws DyncError "configuration" when a file is there already and `force` is not set, or on a file error.
 */
export async function createKeyFiles(options: NewKeyFiles): Promise<KeyFiles> {
  const { folder, name, userId, date, force = false } = options;
  const handOver = options.handOver ?? `${name}.key`;
  for (const file of [name, handOver]) {
    const nameFault = fileNameFault(file);
    if (nameFault !== null) throw new DyncError("configuration", `The name of the key ${nameFault}`);
  }
  const userFault = userId === undefined ? null : fileNameFault(userId);
  if (userFault !== null) throw new DyncError("configuration", `The user id ${userFault}`);
  const publicFile = join(folder, `${name}.key`);
  const secretFile = join(folder, `${name}.key_secret`);
  const handOverFile = join(folder, handOver);
  const keys = generateKeyPair();
  const metadata = new Map(userId === undefined ? [] : [["user_id", userId]]);
  const publicText = publicCertificateText(keys.publicKey, { date, metadata });
  // The secret first: a public key whose secret is lost is worse than one that is not there yet.
  const files: NewFile[] = [
    { file: secretFile, content: secretCertificateText(keys, { date, metadata }), mode: 0o600 },
    { file: publicFile, content: publicText, mode: 0o644 },
  ];
  if (handOverFile !== publicFile) files.push({ file: handOverFile, content: publicText, mode: 0o644 });
  try {
    await makePrivateFolder(folder);
    const paths = files.map(({ file }) => file);
    if (!force) await refuseExisting(paths, publicFile);
    const keptFiles = force ? await keepAside(folder, paths, date) : [];
    await placeAll(folder, files, force);
    await syncFolder(folder);
    return { keys, publicFile, secretFile, handOverFile, keptFiles };
  } catch (cause) {
    if (cause instanceof DyncError) throw cause;
    throw new DyncError("configuration", `The keys could not be written: ${messageOf(cause)}`, { cause });
  }
}

/**
 * Loads `NAME.key_secret` (and checks `NAME.key` against it, where that is there).
 *
 * @throws DyncError "configuration": not there, readable by others, somebody else's, or not a key pair.
 */
export async function loadKeyPair(folder: string, name: "client" | "server"): Promise<KeyPair> {
  const program = name === "client" ? "dync" : "dync-server";
  const secretFile = join(folder, `${name}.key_secret`);
  const certificate = await readCertificate(secretFile, refuseLoosePermissions);
  if (certificate === null) {
    throw new DyncError("configuration", `There is no secret key ${secretFile}`, {
      hint: `make one with "${program} keygen"`,
    });
  }
  const { publicKey, secretKey } = certificate;
  if (secretKey === null) {
    throw new DyncError("configuration", `${secretFile} holds no secret key`, {
      hint: `put the right file there, or make new keys with "${program} keygen --force"`,
    });
  }
  if (secretKey.publicKey().text !== publicKey.text) {
    throw new DyncError(
      "configuration",
      `The public and the secret key in ${secretFile} do not belong together`,
      {
        hint: `make new keys with "${program} keygen --force"`,
      },
    );
  }
  const publicFile = join(folder, `${name}.key`);
  const published = await readCertificate(publicFile);
  if (published !== null && published.publicKey.text !== publicKey.text) {
    throw new DyncError("configuration", `${publicFile} and ${secretFile} do not belong together`, {
      hint: `remove ${publicFile} if the secret key is the right one, or restore the pair`,
    });
  }
  return { publicKey, secretKey };
}

/**
 * Reads a certificate file; `null` when there is none. `check` sees the opened file before it is read.
 *
 * @throws DyncError "configuration" for everything that is not a readable certificate.
 */
export async function readCertificate(file: string, check?: FileCheck): Promise<Certificate | null> {
  const text = await readKeyFile(file, certificateBytesMax, check);
  return text === null ? null : parseCertificate(text, file);
}

/** The text of a secret key's file, of `bytesMax` at most; `null` when there is none. Throws as `loadKeyPair`. */
export async function readSecretFile(file: string, bytesMax: number): Promise<string | null> {
  return await readKeyFile(file, bytesMax, refuseLoosePermissions);
}

type FileCheck = (file: string, properties: Stats) => Promise<void>;

async function readKeyFile(file: string, bytesMax: number, check?: FileCheck): Promise<string | null> {
  let handle: FileHandle | null = null;
  try {
    // Without O_NONBLOCK a named pipe of that name would hang the program.
    handle = await open(file, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
    const properties = await handle.stat();
    if (!properties.isFile()) throw new DyncError("configuration", `${file} is not a file`);
    await check?.(file, properties);
    const bytes = Buffer.alloc(bytesMax + 1);
    const { bytesRead } = await handle.read(bytes, 0, bytes.length, 0);
    if (bytesRead > bytesMax) throw new DyncError("configuration", `${file} is too large for a key file`);
    return bytes.toString("utf8", 0, bytesRead);
  } catch (cause) {
    if (cause instanceof DyncError) throw cause;
    if (systemCode(cause) === "ENOENT" || systemCode(cause) === "ENOTDIR") return null;
    throw new DyncError("configuration", `${file} could not be read: ${messageOf(cause)}`, { cause });
  } finally {
    await handle?.close();
  }
}

/**
 * Writes `text`, of a public key, to a new file of `folder`, durably and whole; the folder is made (0700) when it is not there.
 *
 * @throws DyncError "configuration" when the file is there already, or on a file error.
 */
export async function writePublicFile(folder: string, name: string, text: string): Promise<void> {
  try {
    await makePrivateFolder(folder);
    await place(folder, { file: join(folder, name), content: text, mode: 0o644 }, false);
    await syncFolder(folder);
  } catch (cause) {
    if (cause instanceof DyncError) throw cause;
    throw new DyncError("configuration", `The key could not be written: ${messageOf(cause)}`, { cause });
  }
}

/** A key file, of its owner alone where it is secret. */
export interface KeyFile {
  readonly name: string;
  readonly text: string;
  readonly isSecret: boolean;
}

/**
 * Writes a key file of `folder`, durably and whole, over what is there where it `replaces`; the folder is made (0700) when it is not there.
 *
 * @throws DyncError "configuration" when the file is there already, or on a file error.
 */
export async function writeKeyFile(folder: string, file: KeyFile, replaces: boolean): Promise<void> {
  const { name, text: content, isSecret } = file;
  try {
    await makePrivateFolder(folder);
    await place(folder, { file: join(folder, name), content, mode: isSecret ? 0o600 : 0o644 }, replaces);
    await syncFolder(folder);
  } catch (cause) {
    if (cause instanceof DyncError) throw cause;
    const text = `The key ${join(folder, name)} could not be written: ${messageOf(cause)}`;
    throw new DyncError("configuration", text, { cause });
  }
}

/**
 * As `writePublicFile`, in the place of a file that is there, which is kept beside it; resolves to that one's new path, `null` where
 * nothing was there.
 *
 * @throws DyncError "configuration" on a file error.
 */
export async function replacePublicFile(
  folder: string,
  name: string,
  text: string,
  date: Date,
): Promise<string | null> {
  const file = join(folder, name);
  try {
    await makePrivateFolder(folder);
    const [kept = null] = await keepAside(folder, [file], date);
    await place(folder, { file, content: text, mode: 0o644 }, true);
    await syncFolder(folder);
    return kept;
  } catch (cause) {
    if (cause instanceof DyncError) throw cause;
    throw new DyncError("configuration", `The key could not be written: ${messageOf(cause)}`, { cause });
  }
}

/**
 * Replaces a public key's file of `folder` by what `change` makes of its text, durably and whole.
 *
 * @throws DyncError "configuration" where it is a link, or on a file error.
 */
export async function changePublicFile(
  folder: string,
  name: string,
  change: (text: string) => string,
): Promise<void> {
  const file = join(folder, name);
  try {
    const properties = await lstat(file);
    if (properties.isSymbolicLink())
      throw new DyncError("configuration", `${file} is a link: change the file that it leads to`);
    const content = change(await readFile(file, "utf8"));
    await place(folder, { file, content, mode: properties.mode & 0o777 }, true);
    await syncFolder(folder);
  } catch (cause) {
    if (cause instanceof DyncError) throw cause;
    throw new DyncError("configuration", `The key ${file} could not be changed: ${messageOf(cause)}`, {
      cause,
    });
  }
}

/** Removes a file of `folder`, durably. Throws `DyncError` ("configuration"). */
export async function removeKeyFile(folder: string, name: string): Promise<void> {
  try {
    await unlink(join(folder, name));
    await syncFolder(folder);
  } catch (cause) {
    const text = `The key ${join(folder, name)} could not be removed: ${messageOf(cause)}`;
    throw new DyncError("configuration", text, { cause });
  }
}

async function refuseLoosePermissions(file: string, properties: Stats): Promise<void> {
  if (isWindows) {
    const others = await othersAllowed(file);
    if (others === null || others.length === 0) return;
    throw new DyncError(
      "configuration",
      `The secret key ${file} can be read by others: ${others.join(", ")}`,
      {
        hint: "take them out in the file's properties (Security, Advanced), or make new keys",
      },
    );
  }
  const user = process.getuid?.();
  if (user !== undefined && properties.uid !== user) {
    throw new DyncError("configuration", `The secret key ${file} belongs to another user`, {
      hint: `chown ${user} '${file}'`,
    });
  }
  if ((properties.mode & 0o077) === 0) return;
  const mode = (properties.mode & 0o777).toString(8).padStart(4, "0");
  throw new DyncError("configuration", `The secret key ${file} can be read by others (mode ${mode})`, {
    hint: `chmod 600 '${file}'`,
  });
}

async function makePrivateFolder(folder: string): Promise<void> {
  // Only what is made here is restricted: an existing folder may be shared on purpose (`keygen --folder .`).
  const created = await mkdir(folder, { recursive: true, mode: 0o700 });
  if (created !== undefined && isWindows) await restrictToUser(folder, true);
}

async function refuseExisting(files: readonly string[], publicFile: string): Promise<void> {
  const there: string[] = [];
  for (const file of files) if (await isThere(file)) there.push(file);
  if (there.length === 0) return;
  const certificate = await readCertificate(publicFile).catch(() => null);
  throw keysExist(there, certificate?.publicKey);
}

/** With the fingerprint, where it is known: whoever asks again may only want to see it. */
function keysExist(files: readonly string[], publicKey?: PublicKey): DyncError {
  const which = publicKey === undefined ? "" : ` (${publicKey.fingerprint})`;
  return new DyncError("configuration", `There are keys already${which}: ${files.join(", ")}`, {
    hint: "use them, choose another name, or make new ones with --force, which keeps these under other names",
  });
}

async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    (error: unknown) => {
      if (systemCode(error) === "ENOENT") return false;
      throw error;
    },
  );
}

interface NewFile {
  readonly file: string;
  readonly content: string | Uint8Array;
  readonly mode: number;
}

/** Copies what is there to files for the owner alone that have `date` in their names; returns these. */
async function keepAside(folder: string, files: readonly string[], date: Date): Promise<readonly string[]> {
  const there: NewFile[] = [];
  for (const file of files) {
    const content = await contentOf(file);
    const isCopy = there.some((other) => Buffer.from(other.content).equals(content ?? empty));
    if (content !== null && !isCopy) there.push({ file, content, mode: 0o600 });
  }
  const stamp = date.toISOString().replace(/[-:]|\.\d+/g, "");
  for (let number = 1; ; number++) {
    const suffix = number === 1 ? stamp : `${stamp}-${number}`;
    // Not "….key" at the end: no program that reads a folder of keys may take them for ones in use.
    const kept = there.map((old) => ({ ...old, file: `${old.file}.${suffix}` }));
    const taken = await Promise.all(kept.map(({ file }) => isThere(file)));
    if (taken.includes(true)) continue;
    await placeAll(folder, kept, false);
    return kept.map(({ file }) => file);
  }
}

/** `null` when there is none, or a link to nothing. */
async function contentOf(file: string): Promise<Uint8Array | null> {
  try {
    return await readFile(file);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return null;
    throw error;
  }
}

/** All of `files`, or, where none may be replaced, none of them. */
async function placeAll(folder: string, files: readonly NewFile[], replace: boolean): Promise<void> {
  const placed: string[] = [];
  try {
    for (const file of files) {
      await place(folder, file, replace);
      placed.push(file.file);
    }
  } catch (error) {
    if (!replace) for (const file of placed) await unlink(file).catch(() => {});
    throw error;
  }
}

// Writes beside the target and moves it there whole, so that no reader and no crash meets half a key.
async function place(folder: string, { file, content, mode }: NewFile, replace: boolean): Promise<void> {
  const temporary = join(folder, `.${randomBytes(8).toString("hex")}.tmp`);
  const handle = await open(temporary, "wx", mode);
  try {
    try {
      // Before the first byte: on Windows the file has inherited its permissions from the folder.
      if (isWindows && mode === 0o600) await restrictToUser(temporary, false);
      await handle.writeFile(content);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (replace) await rename(temporary, file);
    else await moveNew(temporary, file);
  } catch (error) {
    await unlink(temporary).catch(() => {});
    throw error;
  }
}

async function moveNew(temporary: string, file: string): Promise<void> {
  try {
    await link(temporary, file);
  } catch (error) {
    if (systemCode(error) === "EEXIST") throw keysExist([file]);
    // No hard links here (FAT): the check above was all the care that can be taken.
    return rename(temporary, file);
  }
  await unlink(temporary);
}
