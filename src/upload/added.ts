// Members of metadata that were not sent, but added by the server's hooks when the upload began: which they are, and what was
// sent. Pure.

import { jsonDigest } from "../base/json-digest.ts";
import { jsonMembers, objectText } from "../base/json-text.ts";

/** Metadata with their additions, as `CompleteUpload` and its record have them. */
export interface WithAdditions {
  /** All of them: a JSON object as text. */
  readonly metadataText: string;
  /** Names of the members that were added, as a JSON list; `null`, or not there: none. */
  readonly added?: string | null | undefined;
}

/** The metadata as they were sent. */
export function sentMetadata({ metadataText, added }: WithAdditions): string {
  if (added == null) return metadataText;
  const names = new Set(JSON.parse(added) as readonly string[]);
  const members = jsonMembers(metadataText);
  return members === null ? metadataText : objectText(members.filter(({ name }) => !names.has(name)));
}

/** `jsonDigest` of the metadata as they were sent. */
export function digestOfSent(metadata: WithAdditions): string | null {
  return jsonDigest(sentMetadata(metadata));
}
