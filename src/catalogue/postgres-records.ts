// What the PostgreSQL catalogue asks of its records, and how it is given many of them at once: as one list in JSON, of which the
// database makes rows.

import type { UploadRecord } from "./catalogue.ts";
import { toStored } from "./postgres-text.ts";
import { columnOf, columnValue, ended, members, select, storedAt, unfinished } from "./record-columns.ts";

const numbers: readonly string[] = [
  ...["size", "durable", "bytes", "fence", "was", "lease_until", "metadata_bytes"],
  ...["stored", "files", "next_at", "told_at", "times", "sequence"],
];
const smallNumbers: readonly string[] = ["wants_receipt", "error_code", "attempts", "resumes"];

function typed(column: string): string {
  const type = numbers.includes(column) ? "bigint" : smallNumbers.includes(column) ? "integer" : "text";
  return `${column} ${type}`;
}

/** The time of the database, which is that of all leases: ms since 1970. */
export const nowMs = "floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

/** Until when `uploads u` is its server's: for as long as that is alive, however long ago the record changed; 0 where nobody works on it. */
const leaseNow = `CASE u.lease_until WHEN 0 THEN 0
  ELSE coalesce((SELECT alive_until FROM servers s WHERE s.id = u.owner), u.lease_until) END`;

/** A record of `uploads u` as who changes it sees it. */
export const columnsNow = members
  .map((member) => `${member === "leaseUntil" ? leaseNow : `u.${columnOf[member]}`} AS "${member}"`)
  .join(", ");

/** What a record has beside its members: of its metadata as they were sent. */
export const ownColumns = ["metadata_bytes", "sent_digest"] as const;

const recordColumns = [...members.map((member) => columnOf[member]), ...ownColumns];
const fixed: readonly (keyof UploadRecord)[] = [
  ...(["id", "identity", "user", "origin", "name", "form", "modified", "client"] as const),
  ...(["wantsReceipt", "createdAt"] as const),
];
const changing = [
  ...members.filter((member) => !fixed.includes(member)).map((member) => columnOf[member]),
  ...ownColumns,
];

/** `json_to_recordset` of a parameter, as `alias`. */
export function rowsOf(parameter: string, alias: string, columns: readonly string[]): string {
  return `json_to_recordset(${parameter}::json) AS ${alias}(${columns.map(typed).join(", ")})`;
}

/**
 * Adds the records of $1, with their metadata unless `text` is null, and the names of $2. Returns the ids of those that were not there
 * already.
 */
export const insertRecords = `
  WITH given AS (SELECT * FROM ${rowsOf("$1", "g", [...recordColumns, "text"])}),
  added AS (
    INSERT INTO uploads (${recordColumns.join(", ")}) SELECT ${recordColumns.join(", ")} FROM given
    ON CONFLICT (id) DO NOTHING RETURNING sequence, id),
  texts AS (
    INSERT INTO metadata (sequence, text) SELECT sequence, text FROM given JOIN added USING (id) WHERE text IS NOT NULL),
  held AS (
    INSERT INTO names (folder, name, sequence)
      SELECT folder, n.name, sequence FROM ${rowsOf("$2", "n", ["folder", "name", "id"])} JOIN added USING (id))
  SELECT id FROM added`;

/** Adds the records of $1 with their places among all, and their metadata unless `text` is null; and the names of $2. */
export const copyRecords = `
  WITH given AS (SELECT * FROM ${rowsOf("$1", "g", ["sequence", ...recordColumns, "text"])}),
  added AS (
    INSERT INTO uploads (sequence, ${recordColumns.join(", ")}) SELECT sequence, ${recordColumns.join(", ")} FROM given),
  texts AS (INSERT INTO metadata (sequence, text) SELECT sequence, text FROM given WHERE text IS NOT NULL)
  INSERT INTO names (folder, name, sequence)
    SELECT folder, name, sequence FROM ${rowsOf("$2", "n", ["folder", "name", "sequence"])}`;

/** Writes what may change of the records of $1; each says in `was` which fence it had, and those that have another one stay. */
export const updateRecords = `
  UPDATE uploads u SET ${changing.map((it) => `${it} = g.${it}`).join(", ")}
  FROM ${rowsOf("$1", "g", ["id", ...changing, "was"])}
  WHERE u.id = g.id AND u.fence = g.was`;

/** A record as a row of the lists above. */
export function rowOf(
  record: UploadRecord,
  { metadataBytes, sentDigest }: { readonly metadataBytes: number; readonly sentDigest: string | null },
): Readonly<Record<string, unknown>> {
  const named = members.map(
    (member) => [columnOf[member].replaceAll('"', ""), columnValue(record, member)] as const,
  );
  return { ...Object.fromEntries(named), metadata_bytes: metadataBytes, sent_digest: sentDigest };
}

/** A list as JSON that the database reads. */
export function jsonList(rows: readonly object[]): string {
  return JSON.stringify(rows, (_, value) => (typeof value === "string" ? toStored(value) : value));
}

const order = "ORDER BY sequence";
const sequenceOf = (parameter: string) => `(SELECT sequence FROM uploads WHERE id = ${parameter})`;

/** Of one upload, or some of them. */
export const ask = {
  get: `${select} WHERE id = $1`,
  find: `${select} WHERE identity = $1 AND "user" = $2 AND (origin IS NULL OR origin = $3) ${order} DESC LIMIT 1`,
  withContent: `${select} WHERE "user" = $1 AND content = $2 AND state = 'finished'
    ORDER BY metadata_digest = $3 DESC NULLS LAST, sequence DESC LIMIT $4`,
  // Hex digits come before "g".
  withIdPrefix: `${select} WHERE id >= $1 AND id < $1 || 'g' ORDER BY id LIMIT $2`,
  metadata: `SELECT text FROM metadata WHERE sequence = ${sequenceOf("$1")}`,
  unchanged: `${select} WHERE state = $1 AND updated_at < $2 AND (updated_at, id) > ($3, $4)
    ORDER BY updated_at, id LIMIT $5`,
  empty: `${select} WHERE "user" = $1 AND ${unfinished} AND state = 'open' AND durable = 0
    AND sequence > coalesce(${sequenceOf("$2")}, 0) ${order} LIMIT $3`,
  endedOf: `${select} WHERE "user" = $1 AND state = $2 AND ${ended}
    AND (updated_at, sequence) < ($3, coalesce(${sequenceOf("$4")}, 0)) ORDER BY updated_at DESC, sequence DESC LIMIT $5`,
  unfinishedOf: `${select} WHERE "user" = $1 AND ${unfinished}
    AND ($2::text IS NULL OR sequence < ${sequenceOf("$2")}) ${order} DESC LIMIT $3`,
  heldElsewhere: `SELECT count(*) AS uploads FROM uploads u
    WHERE "user" = $1 AND ${unfinished} AND owner <> $2 AND id IS DISTINCT FROM $3 AND ${leaseNow} > ${nowMs}`,
  storedSince: `SELECT count(*) AS uploads FROM (SELECT FROM uploads
    WHERE "user" = $1 AND state = 'finished' AND ${ended} AND updated_at >= $2
      AND ${storedAt} >= $2 LIMIT $3) AS counted`,
  // From each user to the next one along the index, however many uploads each has.
  users: `WITH RECURSIVE found AS (
      (SELECT "user", 1 AS number FROM uploads WHERE "user" > $1 AND ${ended} ORDER BY "user" LIMIT 1)
      UNION ALL
      SELECT next."user", number + 1 FROM found, LATERAL
        (SELECT "user" FROM uploads WHERE "user" > found."user" AND ${ended} ORDER BY "user" LIMIT 1) AS next
      WHERE number < $2)
    SELECT "user" FROM found ORDER BY "user"`,
} as const;

export const change = {
  forget: `DELETE FROM uploads WHERE sequence IN
    (SELECT sequence FROM uploads WHERE ${ended} AND updated_at < $1 LIMIT $2) RETURNING id`,
  trim: `DELETE FROM uploads WHERE sequence IN
    (SELECT sequence FROM uploads WHERE "user" = $1 AND state = $2 AND ${ended}
     ORDER BY updated_at DESC, sequence DESC LIMIT $3 OFFSET $4) RETURNING id`,
} as const;
