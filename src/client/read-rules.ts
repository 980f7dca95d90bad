// Reads a copy of a server's rules, which is somebody else's text: what takes too long is refused.

import type { Clock } from "../base/clock.ts";
import type { PostRules } from "../rules/judge.ts";

const readMsMax = 10_000;

/** As `readRules`, for a limited time. */
export async function readInTime(text: string, clock: Clock): Promise<PostRules> {
  // The expressions of rules are much to load, and nothing else wants them.
  const { readRules } = await import("../rules/rules-copy.ts");
  const until = clock.now() + readMsMax;
  return await readRules(text, () => clock.now() > until);
}
