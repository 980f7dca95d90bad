// Lists of uploads out of the SQLite catalogue. Each page looks at a bounded number of records, by the index of when they began.

import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { type FieldValue, hasValue, parsed, scalarOf } from "../upload/metadata-field.ts";
import type { ListPage, ListPlace, UploadFilter, UploadRecord } from "./catalogue.ts";
import { recordOf, select } from "./sqlite-records.ts";

// What one question looks at: some milliseconds, also where each has metadata to be read.
const recordsPerPage = 4000;

/** What is looked at of a record before it is known whether it is listed: no more than that, for there may be very many. */
interface Candidate {
  readonly sequence: number;
  /** Where names are asked for. */
  readonly name?: string;
  /** Metadata where values are asked for; `null`: it is not kept. */
  readonly text?: string | null;
}

interface Condition {
  readonly sql: string;
  readonly values: readonly SQLInputValue[];
}

// Behind all records, and the texts of all dates.
const atBegin: ListPlace = { createdAt: ":", order: 0 };

export class SqliteList {
  readonly #database: DatabaseSync;
  readonly #bound: StatementSync;
  readonly #record: StatementSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#bound = database.prepare(
      `SELECT created_at AS createdAt, sequence AS "order" FROM uploads INDEXED BY uploads_by_time
       WHERE (created_at, sequence) < (?, ?) ORDER BY created_at DESC, sequence DESC LIMIT 1 OFFSET ?`,
    );
    this.#record = database.prepare(`${select} WHERE sequence = ?`);
  }

  /** As `Catalogue.list`. */
  page(filter: UploadFilter, after: ListPlace | null, limit: number): ListPage {
    const from = after ?? (filter.until === undefined ? atBegin : { createdAt: filter.until, order: 0 });
    const bound = this.#bound.get(from.createdAt, from.order, recordsPerPage - 1);
    const to = bound === undefined || bound === null ? null : (bound as unknown as ListPlace);
    const found = this.#candidates(filter, from, to, limit).filter((it) => isMeant(it, filter));
    const shown = found.slice(0, limit);
    const uploads = shown.map(({ sequence, text }) => ({
      record: recordOf(this.#record.get(sequence)) as UploadRecord,
      isSure: filter.fields === undefined || text !== null,
    }));
    const [last, lastUpload] = [shown.at(-1), uploads.at(-1)];
    if (shown.length === limit && last !== undefined && lastUpload !== undefined)
      return { uploads, next: { createdAt: lastUpload.record.createdAt, order: last.sequence } };
    const isOver = to === null || (filter.since !== undefined && to.createdAt < filter.since);
    return { uploads, next: isOver ? null : { ...to } };
  }

  #candidates(
    { user, states, since, name, nameHas, fields }: UploadFilter,
    from: ListPlace,
    to: ListPlace | null,
    limit: number,
  ): readonly Candidate[] {
    const conditions: Condition[] = [
      { sql: "(created_at, uploads.sequence) < (?, ?)", values: [from.createdAt, from.order] },
    ];
    if (to !== null)
      conditions.push({ sql: "(created_at, uploads.sequence) >= (?, ?)", values: [to.createdAt, to.order] });
    if (since !== undefined) conditions.push({ sql: "created_at >= ?", values: [since] });
    if (user !== undefined) conditions.push({ sql: "user = ?", values: [user] });
    if (states !== undefined)
      conditions.push({ sql: `state IN (${states.map(() => "?").join(", ")})`, values: states });
    if (nameHas !== undefined)
      conditions.push({
        sql: "name LIKE ? ESCAPE '\\'",
        values: [`%${nameHas.replace(/[%_\\]/g, "\\$&")}%`],
      });
    for (const field of fields ?? []) conditions.push(mayHave(field));
    // What is judged here cannot be counted there.
    const most = name === undefined && fields === undefined ? limit : recordsPerPage;
    const columns = ["uploads.sequence AS sequence"];
    if (name !== undefined) columns.push("name");
    if (fields !== undefined) columns.push("metadata.text AS text");
    const join = fields === undefined ? "" : "LEFT JOIN metadata USING (sequence)";
    const statement = this.#database.prepare(
      `SELECT ${columns.join(", ")} FROM uploads INDEXED BY uploads_by_time ${join}
       WHERE ${conditions.map(({ sql }) => sql).join(" AND ")}
       ORDER BY created_at DESC, uploads.sequence DESC LIMIT ?`,
    );
    return statement.all(...conditions.flatMap(({ values }) => values), most) as unknown as Candidate[];
  }
}

function isMeant({ name, text }: Candidate, filter: UploadFilter): boolean {
  if (name !== undefined && filter.name?.(name) === false) return false;
  if (filter.fields === undefined || text === undefined || text === null) return true;
  const metadata = parsed(text);
  return filter.fields.every((field) => hasValue(metadata, field));
}

/**
 * Holds wherever `field` may have its value, also where metadata is not kept: SQLite reads JSON ten times as fast as it comes here. It
 * looks into no list, and escapes names its own way.
 */
function mayHave({ path, value }: FieldValue): Condition {
  const steps = path.split(".");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: JSON escapes exactly these
  if (steps.some((it) => /["\\\u0000-\u001f]|^\d*$/.test(it))) return { sql: "TRUE", values: [] };
  const at = `$${steps.map((it) => `."${it}"`).join("")}`;
  const scalar = scalarOf(value);
  const number = typeof scalar === "boolean" ? Number(scalar) : (scalar ?? null);
  const there = "(metadata.text ->> ?)";
  const isNull = scalar === null ? " OR json_type(metadata.text, ?) = 'null'" : "";
  // A text stands there as it is, unless something is escaped: most need not be read as JSON.
  const isText = scalar === undefined;
  const without = isText
    ? "WHEN instr(metadata.text, ?) = 0 AND instr(metadata.text, '\\') = 0 THEN FALSE"
    : "";
  return {
    // What is no JSON, as a catalogue may have it that somebody changed, ends the question unless it is asked for that first.
    sql: `CASE WHEN metadata.text IS NULL THEN TRUE ${without} WHEN json_valid(metadata.text)
      THEN CAST(${there} AS TEXT) = ? OR ${there} = ?${isNull} ELSE FALSE END`,
    values: [...(isText ? [value] : []), at, value, at, number, ...(scalar === null ? [at] : [])],
  };
}
