// Lists of uploads out of the SQLite catalogue. Each page looks at a bounded number of records, by the index of when they began.

import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { jsonValue } from "../base/json-text.ts";
import { type FieldValue, hasValue, scalarOf } from "../upload/metadata-field.ts";
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
    if (fields !== undefined) conditions.push(mayHaveAll(fields));
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
  const metadata = jsonValue(text);
  return filter.fields.every((field) => hasValue(metadata, field));
}

/**
 * Holds wherever metadata may have all these values, also where it is not kept: SQLite reads JSON ten times as fast as it comes here, and
 * looks for a text in it ten times as fast as that. It looks into no list, and escapes names its own way.
 */
function mayHaveAll(fields: readonly FieldValue[]): Condition {
  const texts = fields.filter(({ value }) => scalarOf(value) === undefined).map(({ value }) => value);
  const values = fields.map(mayHave).filter((it) => it !== null);
  const lacks = texts.map(() => "instr(metadata.text, ?) = 0");
  return {
    // A text stands there as it is, unless something is escaped. What is no JSON, as a catalogue may have it that somebody changed, ends
    // the question unless it is asked for that first.
    sql: `CASE WHEN metadata.text IS NULL THEN TRUE
      WHEN (${[...lacks, "FALSE"].join(" OR ")}) AND NOT ifnull(metadata.escapes, instr(metadata.text, '\\')) THEN FALSE
      WHEN json_valid(metadata.text) THEN ${[...values.map(({ sql }) => sql), "TRUE"].join(" AND ")}
      ELSE FALSE END`,
    values: [...texts, ...values.flatMap((it) => it.values)],
  };
}

/** The same of one value, in what is JSON; `null`: its path cannot be asked for. */
function mayHave({ path, value }: FieldValue): Condition | null {
  const steps = path.split(".");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: JSON escapes exactly these
  if (steps.some((it) => /["\\\u0000-\u001f]|^\d*$/.test(it))) return null;
  const at = `$${steps.map((it) => `."${it}"`).join("")}`;
  const scalar = scalarOf(value);
  if (scalar === undefined) return { sql: "metadata.text ->> ? = ?", values: [at, value] };
  if (scalar === null)
    return {
      sql: "(metadata.text ->> ? = 'null' OR json_type(metadata.text, ?) = 'null')",
      values: [at, at],
    };
  // As digits too: what JavaScript rounds stands there as it was written.
  return {
    sql: "(metadata.text ->> ? = ? OR CAST(metadata.text ->> ? AS TEXT) = ?)",
    values: [at, Number(scalar), at, value],
  };
}
