// What the record of an unfinished dataset says of what is stored of it: how far its journal goes, the state of the checksum there, and what there is of
// the member whose content begins there. A text of a KiB or less, however many members there are. Pure.

import * as v from "valibot";
import { layouts } from "../../../upload/upload.ts";
import { stateBytes } from "../../sha256/sha256.ts";
import type { StoredNote } from "../../storage.ts";
import { durableOf, markSchema, readMark } from "../ledger.ts";

const version = 1;

const schema = v.object({
  v: v.literal(version),
  layout: v.picklist(layouts),
  /** Up to where in the stream the journal tells of it. */
  at: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  /** State of SHA-256 of the stream there, in base64. */
  state: v.string(),
  /** Name of the last segment of the journal; `null`: there is none. */
  segment: v.nullable(v.string()),
  /** How often somebody asked, by writing it down, whether the upload is still his. */
  asked: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  /** Of the member whose content begins there, as far as it is stored; its state is that of the stream and of the member. */
  member: v.nullable(markSchema),
});
export type DatasetMark = v.InferOutput<typeof schema>;

/** What `mark` says, or `null`: it is none of a dataset in an object store. */
export function parseDatasetMark(mark: string | null): DatasetMark | null {
  return readMark(schema, mark);
}

export function noteOf(mark: Omit<DatasetMark, "v">): StoredNote {
  return { durable: datasetBytes(mark), mark: JSON.stringify({ ...mark, v: version }) };
}

/** How many bytes of the stream `mark` says are stored. */
export function datasetBytes({ at, member }: Pick<DatasetMark, "at" | "member">): number {
  return at + (member === null ? 0 : durableOf(member));
}

/** State of SHA-256 of all these bytes. */
export function streamState({ state, member }: DatasetMark): Uint8Array {
  return Buffer.from(member?.state ?? state, "base64").subarray(0, stateBytes);
}
