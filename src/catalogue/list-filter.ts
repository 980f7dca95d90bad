// Which of the records that a page of a list looks at are listed, and where the next page begins. Pure, and the same for every
// database: what a database cannot judge comes here.

import { jsonValue } from "../base/json-text.ts";
import { hasValue } from "../upload/metadata-field.ts";
import type { ListPage, ListPlace, UploadFilter, UploadRecord } from "./catalogue.ts";

/** What one question looks at: some milliseconds, also where each has metadata to be read. */
export const recordsPerPage = 4000;

/** What is looked at of a record before it is known whether it is listed: no more than that, for there may be very many. */
export interface Candidate {
  readonly sequence: number;
  /** Where names are asked for. */
  readonly name?: string;
  /** Metadata where values are asked for; `null`: it is not kept. */
  readonly text?: string | null;
}

// Behind all records, and the texts of all dates.
const atBegin: ListPlace = { createdAt: ":", order: 0 };

/** Behind which place the records lie that a page looks at first. */
export function pageBegin({ until }: UploadFilter, after: ListPlace | null): ListPlace {
  return after ?? (until === undefined ? atBegin : { createdAt: until, order: 0 });
}

/** How many of a page's records a database may leave out by itself: what is judged here cannot be counted there. */
export function candidatesMax({ name, fields }: UploadFilter, limit: number): number {
  return name === undefined && fields === undefined ? limit : recordsPerPage;
}

/** What `LIKE`, with a backslash to escape, takes for every text that has `part` in it. */
export function likePattern(part: string): string {
  return `%${part.replace(/[%_\\]/g, "\\$&")}%`;
}

/** Of `found`, which a database took for what `filter` may be about, what it is about. */
export function meant<It extends Candidate>(
  found: readonly It[],
  filter: UploadFilter,
  limit: number,
): readonly It[] {
  return found.filter((it) => isMeant(it, filter)).slice(0, limit);
}

function isMeant({ name, text }: Candidate, filter: UploadFilter): boolean {
  if (name !== undefined && filter.name?.(name) === false) return false;
  if (filter.fields === undefined || text === undefined || text === null) return true;
  const metadata = jsonValue(text);
  return filter.fields.every((field) => hasValue(metadata, field));
}

/** The page of `shown`, with their `records`; behind `to` no record was looked at, or there is none where that is `null`. */
export function pageOf(
  shown: readonly Candidate[],
  records: readonly UploadRecord[],
  filter: UploadFilter,
  { to, limit }: { readonly to: ListPlace | null; readonly limit: number },
): ListPage {
  const uploads = shown.map(({ text }, index) => ({
    record: records[index] as UploadRecord,
    isSure: filter.fields === undefined || text !== null,
  }));
  const [last, lastUpload] = [shown.at(-1), uploads.at(-1)];
  if (shown.length === limit && last !== undefined && lastUpload !== undefined)
    return { uploads, next: { createdAt: lastUpload.record.createdAt, order: last.sequence } };
  const isOver = to === null || (filter.since !== undefined && to.createdAt < filter.since);
  return { uploads, next: isOver ? null : { ...to } };
}
