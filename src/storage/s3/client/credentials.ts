// Who the server is to the object store: keys from a file, from the environment, or from the profile that other programs use as well.

import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { DyncError, messageOf, systemCode } from "../../../base/error.ts";

export interface S3Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Of keys that are good for some hours. */
  readonly sessionToken: string | null;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The credentials in `file`, written as the profiles of AWS are; without a file those in `AWS_ACCESS_KEY_ID` and
 * `AWS_SECRET_ACCESS_KEY`, or of the profile `AWS_PROFILE` in `~/.aws/credentials`.
 *
 * @throws DyncError "configuration" when there are none.
 */
export async function findCredentials(file: string | null, environment: Environment): Promise<S3Credentials> {
  const profile = environment.AWS_PROFILE ?? "default";
  if (file !== null) return await fromFile(file, profile);
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey } = environment;
  if (accessKeyId && secretAccessKey)
    return { accessKeyId, secretAccessKey, sessionToken: environment.AWS_SESSION_TOKEN || null };
  const usual = environment.AWS_SHARED_CREDENTIALS_FILE ?? join(homedir(), ".aws", "credentials");
  return await fromFile(usual, profile);
}

async function fromFile(file: string, profile: string): Promise<S3Credentials> {
  const found = parseProfiles(await textOf(file)).get(profile);
  const { aws_access_key_id: accessKeyId, aws_secret_access_key: secretAccessKey } = found ?? {};
  if (accessKeyId && secretAccessKey)
    return { accessKeyId, secretAccessKey, sessionToken: found?.aws_session_token || null };
  const what = found === undefined ? `no profile [${profile}]` : `no keys in its profile [${profile}]`;
  throw new DyncError("configuration", `The credentials of the object store in ${file} have ${what}`, {
    hint: "write aws_access_key_id = … and aws_secret_access_key = … there",
  });
}

async function textOf(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    const isMissing = systemCode(cause) === "ENOENT";
    const text = isMissing
      ? `There are no credentials for the object store: ${file} does not exist`
      : `The credentials of the object store in ${file} cannot be read: ${messageOf(cause)}`;
    const hint =
      "name a file with s3-credentials, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY for dync-server";
    throw new DyncError("configuration", text, { cause, hint });
  }
}

/** What profiles there are in a file of AWS's form, by their names. */
export function parseProfiles(text: string): ReadonlyMap<string, Readonly<Record<string, string>>> {
  const profiles = new Map<string, Record<string, string>>();
  let current: Record<string, string> = {};
  for (const line of text.split(/\r?\n/)) {
    const section = /^\s*\[\s*(?:profile\s+)?([^\]]*?)\s*\]\s*$/.exec(line)?.[1];
    if (section !== undefined) {
      current = profiles.get(section) ?? {};
      profiles.set(section, current);
      continue;
    }
    const [, name, value] = /^\s*([a-z_]+)\s*=\s*(.*?)\s*$/i.exec(line) ?? [];
    if (name !== undefined && value !== undefined) current[name.toLowerCase()] = value;
  }
  return profiles;
}
