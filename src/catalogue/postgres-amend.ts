// Other metadata for an upload in PostgreSQL: what becomes of its record, of its names, and of the text.

import {
  type Amended,
  type Amendment,
  type Hold,
  metadataBytesKept,
  type UploadRecord,
} from "./catalogue.ts";
import type { Transaction } from "./postgres-database.ts";
import { jsonList, rowsOf } from "./postgres-records.ts";
import { heldNames, neededNames, Unit } from "./postgres-unit.ts";

const ofUpload = "sequence = (SELECT sequence FROM uploads WHERE id = $1)";
const replaceText = `INSERT INTO metadata (sequence, text) SELECT sequence, $2 FROM uploads WHERE id = $1
  ON CONFLICT (sequence) DO UPDATE SET text = excluded.text`;
const claim = `INSERT INTO names (folder, name, sequence)
  SELECT folder, n.name, sequence FROM ${rowsOf("$2", "n", ["folder", "name"])}, uploads WHERE id = $1`;

/** As `Catalogue.amend`; `judge` says what becomes of the record. */
export async function writeAmendment(
  transaction: Transaction,
  { id }: Hold,
  { metadataText }: Amendment,
  judge: (before: UploadRecord, now: number) => UploadRecord | null,
): Promise<Amended> {
  const unit = new Unit(transaction);
  await unit.load([{ ids: [id] }]);
  const before = unit.get(id);
  const record = before === null ? null : judge(before, unit.now);
  if (before === null || record === null) return { type: "not-now" };
  const isReleased = before.held !== null;
  if (isReleased) {
    const names = neededNames(record);
    await unit.load([{ places: names }]);
    const holders = unit.holders(names).filter((it) => it.id !== id);
    if (holders.length > 0) return { type: "name-taken", holders };
  }
  unit.put(record);
  unit.setMetadata(id, metadataText);
  unit.write();
  if (isReleased) {
    transaction.later(`DELETE FROM names WHERE ${ofUpload}`, [id]);
    transaction.later(claim, [id, jsonList(heldNames(record))]);
  }
  const isKept = record.state !== "finished" || Buffer.byteLength(metadataText) <= metadataBytesKept;
  if (isKept) transaction.later(replaceText, [id, metadataText]);
  else transaction.later(`DELETE FROM metadata WHERE ${ofUpload}`, [id]);
  return { type: "amended", record: unit.get(id) as UploadRecord };
}
