// The digest of metadata in a file, as receipts have it: of what a sender wrote, or of what a server laid beside the data.

import { jsonDigest } from "../base/json-digest.ts";
import { readJson } from "../base/json-text.ts";
import { digestOfSent } from "../upload/added.ts";
import { parseSidecar } from "../upload/sidecar.ts";

/** `null` where `text` is no JSON object. Of what a server added to a sender's metadata nothing counts. */
export function metadataDigestOf(text: string): string | null {
  const sidecar = parseSidecar(text);
  if (sidecar !== null) return digestOfSent(sidecar);
  const reading = readJson(text);
  return reading.type === "json" && reading.content.members !== null ? jsonDigest(text) : null;
}
