// Takes all that one catalogue has into another one, as it is: records, what hooks are still to be told, totals, alarms, instruments.
// What is read and written is given from outside, so that this knows no database.

import type { Firing } from "../alarms/alarm.ts";
import type { UploadRecord, UserUsage } from "./catalogue.ts";
import type { Instrument } from "./instruments.ts";
import type { Delivery, ToldHook } from "./outbox.ts";
import { recordOf } from "./record-columns.ts";

export interface CopiedUpload {
  /** Its place among all, in the order in which they were added. */
  readonly sequence: number;
  readonly record: UploadRecord;
  /** Of all of its metadata, also where they are not kept. */
  readonly metadataBytes: number;
  readonly metadataText: string | null;
  /** Which hooks took it. */
  readonly told: readonly ToldHook[];
  /** What it holds: an earlier version left a name to two, of which the newer one has it. */
  readonly names: readonly { readonly folder: string; readonly name: string }[];
}

/** Some uploads as rows of a database: the columns of a record, with what is beside it. */
export type UploadRow = Pick<CopiedUpload, "sequence" | "metadataBytes" | "metadataText">;
/** That a hook took an upload. */
export type ToldRow = ToldHook & { readonly upload: string };
/** A name that the upload at this place holds. */
export type NameRow = CopiedUpload["names"][number] & Pick<CopiedUpload, "sequence">;

/** The uploads of these rows, in their order. */
export function copiedUploads(
  rows: readonly UploadRow[],
  allTold: readonly ToldRow[],
  allNames: readonly NameRow[],
): readonly CopiedUpload[] {
  const toldOf = Map.groupBy(allTold, ({ upload }) => upload);
  const namesOf = Map.groupBy(allNames, ({ sequence }) => sequence);
  return rows.map(({ sequence, metadataBytes, metadataText, ...columns }) => {
    const record = recordOf(columns) as UploadRecord;
    const told = (toldOf.get(record.id) ?? []).map(({ upload: _, ...it }) => it);
    return { sequence, record, metadataBytes, metadataText, told, names: namesOf.get(sequence) ?? [] };
  });
}

export type CopiedDelivery = Delivery & { readonly body: string };

/** What there is little of. */
export interface CopiedRest {
  readonly usages: readonly Pick<UserUsage, "user" | "stored" | "files" | "lastAt" | "countedAt">[];
  readonly alarms: readonly Firing[];
  readonly damaged: readonly { readonly id: string; readonly foundAt: string }[];
  readonly instruments: readonly Instrument[];
}

export interface CopySource {
  /** Behind `after`, in their order; at most `limit`. */
  uploads(after: number, limit: number): Promise<readonly CopiedUpload[]>;
  deliveries(after: number, limit: number): Promise<readonly CopiedDelivery[]>;
  rest(): Promise<CopiedRest>;
}

export interface CopyTarget {
  addUploads(uploads: readonly CopiedUpload[]): Promise<void>;
  addDeliveries(deliveries: readonly CopiedDelivery[]): Promise<void>;
  addRest(rest: CopiedRest): Promise<void>;
}

/** What was copied. */
export interface Copied {
  readonly uploads: number;
  readonly deliveries: number;
}

// With the most that is kept of their metadata some MiB.
const pageRecords = 500;

export async function copyCatalogue(source: CopySource, target: CopyTarget): Promise<Copied> {
  const uploads = await inPages(
    (after) => source.uploads(after, pageRecords),
    ({ sequence }) => sequence,
    (page) => target.addUploads(page),
  );
  const deliveries = await inPages(
    (after) => source.deliveries(after, pageRecords),
    ({ id }) => id,
    (page) => target.addDeliveries(page),
  );
  await target.addRest(await source.rest());
  return { uploads, deliveries };
}

async function inPages<It>(
  read: (after: number) => Promise<readonly It[]>,
  keyOf: (it: It) => number,
  write: (page: readonly It[]) => Promise<void>,
): Promise<number> {
  let count = 0;
  for (let page = await read(0); page.length > 0; page = await read(keyOf(page.at(-1) as It))) {
    await write(page);
    count += page.length;
  }
  return count;
}
