// Lists of uploads out of the PostgreSQL catalogue. Each page looks at a bounded number of records, in the order in which they began.

import { type FieldValue, scalarOf } from "../upload/metadata-field.ts";
import type { ListPage, ListPlace, UploadFilter, UploadRecord } from "./catalogue.ts";
import {
  type Candidate,
  candidatesMax,
  likePattern,
  meant,
  pageBegin,
  pageOf,
  recordsPerPage,
} from "./list-filter.ts";
import type { Session } from "./postgres-database.ts";
import { columns, recordOf } from "./record-columns.ts";

const boundOf = (users: string) => `SELECT created_at AS "createdAt", sequence AS "order" FROM uploads
  WHERE (created_at, sequence) < ($1, $2) ${users} ORDER BY created_at DESC, sequence DESC LIMIT 1 OFFSET $3`;
const recordsOf = `SELECT ${columns}, sequence FROM uploads u WHERE sequence = ANY($1)`;

/** As `Catalogue.listPage`. */
export async function listPage(
  session: Session,
  filter: UploadFilter,
  after: ListPlace | null,
  limit: number,
): Promise<ListPage> {
  const from = pageBegin(filter, after);
  const { user } = filter;
  const values = [from.createdAt, from.order, recordsPerPage - 1, ...(user === undefined ? [] : [user])];
  const bound = boundOf(user === undefined ? "" : 'AND "user" = $4');
  const [to = null] = await session.rows<ListPlace>(bound, values);
  const shown = meant(await candidates(session, filter, { from, to, limit }), filter, limit);
  if (shown.length === 0) return pageOf([], [], filter, { to, limit });
  const sequences = shown.map(({ sequence }) => sequence);
  const rows = await session.rows<UploadRecord & { readonly sequence: number }>(recordsOf, [sequences]);
  const bySequence = new Map(rows.map(({ sequence, ...row }) => [sequence, recordOf(row)]));
  // Some may have been forgotten since.
  const there = shown.filter(({ sequence }) => bySequence.has(sequence));
  const records = there.map(({ sequence }) => bySequence.get(sequence) as UploadRecord);
  const page = pageOf(there, records, filter, { to, limit });
  const last = shown.at(-1);
  if (there.length === shown.length || shown.length < limit || last === undefined) return page;
  return { ...page, next: { createdAt: last.createdAt, order: last.sequence } };
}

interface PlacedCandidate extends Candidate {
  readonly createdAt: string;
}

interface Range {
  readonly from: ListPlace;
  readonly to: ListPlace | null;
  readonly limit: number;
}

/** What may be meant, in the order of the list. */
async function candidates(
  session: Session,
  filter: UploadFilter,
  { from, to, limit }: Range,
): Promise<readonly PlacedCandidate[]> {
  const { user, states, since, name, nameHas, fields } = filter;
  const values: unknown[] = [];
  const value = (it: unknown): string => `$${values.push(it)}`;
  const conditions = [`(created_at, u.sequence) < (${value(from.createdAt)}, ${value(from.order)})`];
  if (to !== null)
    conditions.push(`(created_at, u.sequence) >= (${value(to.createdAt)}, ${value(to.order)})`);
  if (since !== undefined) conditions.push(`created_at >= ${value(since)}`);
  if (user !== undefined) conditions.push(`"user" = ${value(user)}`);
  if (states !== undefined) conditions.push(`state = ANY(${value(states)})`);
  if (nameHas !== undefined) conditions.push(`name ILIKE ${value(likePattern(nameHas))} ESCAPE '\\'`);
  if (fields !== undefined) conditions.push(mayHaveAll(fields, value));
  const wanted = ["u.sequence AS sequence", 'created_at AS "createdAt"'];
  if (name !== undefined) wanted.push("name");
  if (fields !== undefined) wanted.push("m.text AS text");
  const join = fields === undefined ? "" : "LEFT JOIN metadata m USING (sequence)";
  return await session.rows<PlacedCandidate>(
    `SELECT ${wanted.join(", ")} FROM uploads u ${join} WHERE ${conditions.join(" AND ")}
     ORDER BY created_at DESC, u.sequence DESC LIMIT ${value(candidatesMax(filter, limit))}`,
    values,
  );
}

/**
 * Holds wherever metadata may have all these values, also where it is not kept. A name, or a text, stands there as it is unless
 * something is escaped; numbers may be written in more than one way, and are judged by who asks.
 */
function mayHaveAll(fields: readonly FieldValue[], value: (it: unknown) => string): string {
  const texts = fields.flatMap(({ path, value: text }) => {
    const name = `"${path.split(".").at(-1)}"`;
    const isOfList = /^"\d+"$/.test(name);
    return [...(isOfList ? [] : [name]), ...(scalarOf(text) === undefined ? [text] : [])];
  });
  const has = texts.map((text) => `position(${value(text)} in m.text) > 0`);
  return `(m.text IS NULL OR position('\\' in m.text) > 0 OR (${["true", ...has].join(" AND ")}))`;
}
