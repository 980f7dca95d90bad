// By what one copy of rules is told from another. Apart from what writes and reads them (rules-copy.ts), which is more to load.

import { createHash } from "node:crypto";

/** SHA-256 of the text of a copy, lower-case hex. */
export function rulesDigest(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
