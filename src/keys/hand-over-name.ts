// What the key file is called that a user hands over: every lab's own is `client.key`, and an administrator who gets
// two of these cannot tell them apart.

import { homedir, hostname } from "node:os";
import { basename } from "node:path";

/** Name of the key file for the administrator: `USER@HOST.key`, of `user` or of the account that runs this. */
export function handOverName(
  user: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  // The host's own name is enough, and shorter in a file name than with its domain.
  return `${handOverStem(user ?? accountName(environment), hostname().split(".")[0] ?? "")}.key`;
}

/**
 * `USER@HOST` from any two texts, safe as the beginning of a file name on every system. The administrator's server
 * takes it for the user's name as it is: so no "+", which would make it a further key of another user.
 */
export function handOverStem(user: string, host: string): string {
  return `${safe(user) || "user"}@${safe(host) || "host"}`;
}

// Each part; both together stay far below what a file name may have.
const partCharactersMax = 50;

function safe(text: string): string {
  return [...text.normalize("NFC").replace(/[^\p{L}\p{N}._-]+/gu, "-")]
    .slice(0, partCharactersMax)
    .join("")
    .replace(/^[.-]+|[.-]+$/g, "");
}

/**
 * Name of the account that runs this. Bun's `userInfo` knows no more than the environment, and calls an account without it "unknown".
 */
export function accountName({
  USER,
  LOGNAME,
  USERNAME,
}: Readonly<Record<string, string | undefined>>): string {
  return USER || LOGNAME || USERNAME || basename(homedir());
}
