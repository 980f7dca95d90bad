// The checksum of something that is held as a whole.

import { createHash } from "node:crypto";

/** SHA-256 of `data`, of a text in UTF-8, as lower-case hex. */
export function sha256Hex(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}
