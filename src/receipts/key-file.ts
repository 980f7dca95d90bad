// The files of a server's keys for receipts, beside its CURVE keys: `receipts.key_secret`, with the key that signs and all that led
// to it, and `receipts.jwks`, which is public and made of the other one.

import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import type { Clock } from "../base/clock.ts";
import { DyncError, systemCode } from "../base/error.ts";
import { FileLock } from "../base/file-lock.ts";
import { jsonValue } from "../base/json-text.ts";
import { readSecretFile, writeKeyFile } from "../keys/key-files.ts";
import { publicKeySet, type SigningKeys, succeeded } from "./key-chain.ts";
import { publicJwkSchema, SigningKey, secretJwkSchema } from "./signing-key.ts";

const secretName = "receipts.key_secret";
export const publicName = "receipts.jwks";
const lockName = "receipts.lock";

// Thousands of changes; each is some 600 bytes.
const fileBytesMax = 4 * 1024 * 1024;

const fileSchema = v.object({
  schema: v.literal(1),
  key: secretJwkSchema,
  earlier: v.array(v.object({ jwk: publicJwkSchema, link: v.string() })),
});

/** The file with the secret key below `home`, DYNC_HOME. */
export function secretKeyFile(home: string): string {
  return join(home, secretName);
}

/** The file with all public keys. */
export function publicKeyFile(home: string): string {
  return join(home, publicName);
}

/** Changes whenever the file with the keys does; `null`: there is none. Throws what the system says. */
export async function signatureOf(home: string): Promise<string | null> {
  try {
    const { dev, ino, size, mtimeMs } = await stat(secretKeyFile(home));
    return `${dev} ${ino} ${size} ${mtimeMs}`;
  } catch (error) {
    if (systemCode(error) === "ENOENT") return null;
    throw error;
  }
}

/**
 * The keys that are there; `null`: none were made.
 *
 * @throws DyncError "configuration": they cannot be read, others can read them, or they are damaged.
 */
export async function readSigningKeys(home: string): Promise<SigningKeys | null> {
  const file = secretKeyFile(home);
  const text = await readSecretFile(file, fileBytesMax);
  if (text === null) return null;
  const reading = v.safeParse(fileSchema, jsonValue(text));
  const current = reading.success ? SigningKey.of(reading.output.key) : null;
  if (current === null || !reading.success)
    throw new DyncError("configuration", `${file} holds no key for receipts`, {
      hint: "restore it; or move it away, and the server makes a new one, which no older key signed over",
    });
  return { current, earlier: reading.output.earlier };
}

/** The keys that are there, or new ones, whose files are made. Throws as `readSigningKeys`, and where they cannot be written. */
export async function signingKeysIn(home: string): Promise<SigningKeys> {
  const there = await readSigningKeys(home);
  if (there !== null) return there;
  const made: SigningKeys = { current: SigningKey.generate(), earlier: [] };
  try {
    await write(home, made, false);
    return made;
  } catch (error) {
    // Another server of this home was faster.
    const other = await readSigningKeys(home).catch(() => null);
    if (other !== null) return other;
    throw error;
  }
}

/** Puts a new key in the place of the one that signs, which signs it over. Returns both. Throws as `signingKeysIn`. */
export async function rotateKey(
  home: string,
  clock: Pick<Clock, "date">,
): Promise<{ readonly before: SigningKey; readonly keys: SigningKeys }> {
  const before = await signingKeysIn(home);
  const lock = FileLock.tryAcquire(join(home, lockName));
  if (lock === null) throw new DyncError("not-ready", "Another process changes the key just now");
  try {
    const there = (await readSigningKeys(home)) ?? before;
    const keys = succeeded(there, SigningKey.generate(), clock.date().toISOString());
    await write(home, keys, true);
    return { before: there.current, keys };
  } finally {
    lock.release();
  }
}

/** Sees to it that the public file says what it should. Throws `DyncError` where it cannot be written. */
export async function publishKeys(home: string, keys: SigningKeys): Promise<void> {
  const text = publicKeySet(keys);
  const there = await readFile(publicKeyFile(home), "utf8").catch(() => null);
  if (there !== text) await writeKeyFile(home, { name: publicName, text, isSecret: false }, true);
}

// The secret first: the other one can be made again.
async function write(home: string, keys: SigningKeys, replaces: boolean): Promise<void> {
  const { current, earlier } = keys;
  const text = `${JSON.stringify({ schema: 1, key: current.reveal(), earlier }, null, 2)}\n`;
  await writeKeyFile(home, { name: secretName, text, isSecret: true }, replaces);
  await publishKeys(home, keys);
}
