// Tells whether two JSON texts say the same, when one of them is not kept.

import { canonicalJson } from "./json-text.ts";
import { sha256Hex } from "./sha256-hex.ts";

/**
 * SHA-256 (lower-case hex) of what the JSON in `text` says, the same for all texts that `sameJson` takes for the same;
 * `null` when it is no JSON.
 */
export function jsonDigest(text: string): string | null {
  const canonical = canonicalJson(text);
  return canonical === null ? null : sha256Hex(canonical);
}
