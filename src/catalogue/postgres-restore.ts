// Records that come into a PostgreSQL catalogue as they are.

import { digestOfSent } from "../upload/added.ts";
import { metadataBytesKept } from "./catalogue.ts";
import type { Transaction } from "./postgres-database.ts";
import { schema } from "./postgres-migrations.ts";
import { insertRecords, jsonList, nowMs, rowOf } from "./postgres-records.ts";
import { addStored } from "./postgres-usage.ts";
import type { EndedUpload } from "./rebuild.ts";
import { StoredTotals } from "./stored-totals.ts";

// A dump of the database may be older than the files: what was under way then is stored by now. Not what a server works on that lives.
const forgetUnfinished = `DELETE FROM ${schema}.uploads WHERE id = ANY ($1) AND state IN ('open', 'publishing')
  AND NOT EXISTS (SELECT FROM ${schema}.servers s
    WHERE s.id = owner AND alive_until > ${nowMs})`;

/** Adds uploads that ended, but for those that are there; of one that is there and did not end this is what became of it. */
export async function restore(transaction: Transaction, uploads: readonly EndedUpload[]): Promise<void> {
  if (uploads.length === 0) return;
  const rows = uploads.map(({ record, metadataText }) => {
    const metadataBytes = Buffer.byteLength(metadataText);
    const sentDigest = digestOfSent({ metadataText, added: record.added });
    const text = metadataBytes <= metadataBytesKept ? metadataText : null;
    return { ...rowOf(record, { metadataBytes, sentDigest }), text };
  });
  await transaction.run(forgetUnfinished, [uploads.map(({ record }) => record.id)]);
  const values = [jsonList(rows), "[]"];
  const added = new Set(
    (await transaction.rows<{ readonly id: string }>(insertRecords, values)).map(({ id }) => id),
  );
  const totals = new StoredTotals();
  for (const { record } of uploads)
    if (record.state === "finished" && added.has(record.id)) totals.add(record);
  addStored(transaction, totals.take());
}
