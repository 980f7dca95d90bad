// Fetches the rules of a server that concern this user, part by part, to be kept and judged by without it. What comes is somebody
// else's: nothing of it is believed before its checksum is that which the server names, and it can be judged by.

import { inflateRawSync } from "node:zlib";
import type { Clock } from "../base/clock.ts";
import { DyncError, messageOf } from "../base/error.ts";
import { sha256Hex } from "../base/sha256-hex.ts";
import { limits } from "../protocol/limits.ts";
import type { Asker } from "./ask.ts";
import { readInTime } from "./read-rules.ts";

/** Rules of a server as they were fetched. */
export interface FetchedRules {
  /** Whom the server takes this client for. */
  readonly user: string;
  /** See `rules/rules-copy.ts`. */
  readonly text: string;
  /** SHA-256 of `text`, lower-case hex. */
  readonly digest: string;
}

// A steward may take other rules meanwhile, but not all the time.
const attemptsMax = 3;

/** Rejects with `DyncError`, such as "too-large" where the server does not give that much away. */
export async function fetchRules(
  asker: Pick<Asker, "rulesFrom">,
  clock: Clock,
  signal: AbortSignal,
): Promise<FetchedRules> {
  for (let attempt = 0; attempt < attemptsMax; attempt++) {
    const fetched = await fetchOnce(asker, signal);
    if (fetched === null) continue;
    const text = inflated(fetched.bytes);
    if (sha256Hex(text) !== fetched.digest)
      throw damaged("they are not those of which it tells the checksum");
    try {
      await readInTime(text, clock);
    } catch (cause) {
      throw new DyncError("failed", `The rules that the server gives ${messageOf(cause)}`, { cause });
    }
    return { user: fetched.user, text, digest: fetched.digest };
  }
  throw damaged("they change all the time");
}

/** `null`: they were others in between. */
async function fetchOnce(
  asker: Pick<Asker, "rulesFrom">,
  signal: AbortSignal,
): Promise<{ readonly user: string; readonly digest: string; readonly bytes: Uint8Array } | null> {
  const parts: Uint8Array[] = [];
  let digest: string | null = null;
  for (let from = 0; ; ) {
    const { code, text, info } = await asker.rulesFrom(from, signal);
    const { rules, rulesSize: size, rulesPart, user } = info;
    if (code !== "unknown-upload") throw new DyncError(code, text);
    if (rules === undefined || size === undefined || rulesPart === undefined || user === undefined)
      throw damaged("a part of them is none");
    if (digest !== null && digest !== rules) return null;
    digest = rules;
    // What is compressed is no longer than what is not, but for a few bytes.
    if (size > limits.rulesBytesMax + limits.infoBytesMax)
      throw damaged(`they have ${size} bytes, compressed`);
    const part = Buffer.from(rulesPart, "base64");
    parts.push(part);
    from += part.length;
    if (from === size) return { user, digest, bytes: Buffer.concat(parts) };
    if (part.length === 0 || from > size) throw damaged("a part of them is none");
  }
}

function inflated(bytes: Uint8Array): string {
  try {
    const text = inflateRawSync(bytes, { maxOutputLength: limits.rulesBytesMax });
    return new TextDecoder("utf-8", { fatal: true }).decode(text);
  } catch (cause) {
    throw damaged("they cannot be unpacked", cause);
  }
}

function damaged(reason: string, cause?: unknown): DyncError {
  return new DyncError("failed", `The rules that the server gives cannot be kept: ${reason}`, { cause });
}
