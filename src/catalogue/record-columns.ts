// How the catalogue's records lie in a table of SQL: the column of each member, and what a row says. The same in every database.

import type { UploadRecord } from "./catalogue.ts";

/** The column of each member of a record, as SQL names it. */
export const columnOf: Readonly<Record<keyof UploadRecord, string>> = {
  id: "id",
  identity: "identity",
  user: '"user"',
  origin: "origin",
  name: "name",
  place: "place",
  added: "added",
  form: "form",
  held: "held",
  metadataDigest: "metadata_digest",
  size: "size",
  modified: "modified",
  client: "client",
  wantsReceipt: "wants_receipt",
  state: "state",
  durable: "durable",
  mark: "mark",
  bytes: "bytes",
  sha256: "sha256",
  content: "content",
  receivedAt: "received_at",
  storedAt: "stored_at",
  releasedAt: "released_at",
  amendedAt: "amended_at",
  resumes: "resumes",
  resumedAt: "resumed_at",
  errorCode: "error_code",
  reason: "reason",
  owner: "owner",
  fence: "fence",
  leaseUntil: "lease_until",
  createdAt: "created_at",
  updatedAt: "updated_at",
};
export const members = Object.keys(columnOf) as (keyof UploadRecord)[];

/** Condition on an upload that has not ended. */
export const unfinished = "state IN ('open', 'publishing')";
export const ended = "state IN ('finished', 'failed')";

/** When an upload that is stored was, which other metadata do not change. What an earlier version stored has the time of its last change. */
export const storedAt = "coalesce(stored_at, updated_at)";

export const select = `SELECT ${members.map((member) => `${columnOf[member]} AS "${member}"`).join(", ")} FROM uploads`;

/** Of `uploads u`, where there are others beside it. */
export const columns = members.map((member) => `u.${columnOf[member]} AS "${member}"`).join(", ");

/** A member as its column has it. */
export function columnValue(record: UploadRecord, member: keyof UploadRecord): string | number | null {
  if (member === "place") return placeText(record);
  const value = record[member];
  return typeof value === "boolean" ? Number(value) : value;
}

/** `place` as it is written. */
export function placeText({ place }: UploadRecord): string | null {
  return place === null ? null : JSON.stringify(place);
}

type Row = Omit<UploadRecord, "place" | "wantsReceipt"> & {
  readonly place: string | null;
  readonly wantsReceipt: number;
};

/** What a row says, or `null`: there is none. */
export function recordOf(row: unknown): UploadRecord | null {
  if (row === undefined || row === null) return null;
  // A table holds what was put in: the types are those of the record.
  const { place, wantsReceipt, ...members } = row as Row;
  return {
    ...members,
    place: place === null ? null : JSON.parse(place),
    wantsReceipt: wantsReceipt === 1,
  };
}
