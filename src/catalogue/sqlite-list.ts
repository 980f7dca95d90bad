// Lists of uploads out of the SQLite catalogue. Each page goes along an index of when they began, for as long as it may have the thread.

import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { jsonValue } from "../base/json-text.ts";
import { type FieldValue, hasValue, scalarOf } from "../upload/metadata-field.ts";
import type { ListPage, ListPlace, UploadFilter, UploadRecord } from "./catalogue.ts";
import { recordOf, select } from "./record-columns.ts";
import type { ThreadShare } from "./thread-share.ts";

// After so many records it is asked whether the question took long: less than a millisecond of names, some where each has metadata to
// be read. Of a state that has no more they are all looked at, however old.
const recordsPerStep = 4000;

/** What is looked at of a record before it is known whether it is listed: no more than that, for there may be very many. */
interface Candidate {
  readonly sequence: number;
  /** Where names are asked for. */
  readonly name?: string;
  /** Metadata where values are asked for; `null`: it is not kept. */
  readonly text?: string | null;
}

type ListedUpload = ListPage["uploads"][number];

interface Condition {
  readonly sql: string;
  readonly values: readonly SQLInputValue[];
}

// Behind all records, and the texts of all dates; and before them.
const atBegin: ListPlace = { createdAt: ":", order: 0 };
const atEnd: ListPlace = { createdAt: "", order: 0 };

export class SqliteList {
  readonly #database: DatabaseSync;
  readonly #share: ThreadShare;
  readonly #bound: StatementSync;
  readonly #boundOfUser: StatementSync;
  readonly #record: StatementSync;

  constructor(database: DatabaseSync, share: ThreadShare) {
    this.#database = database;
    this.#share = share;
    const bound = (index: string, condition: string): StatementSync =>
      database.prepare(
        `SELECT created_at AS createdAt, sequence AS "order" FROM uploads INDEXED BY ${index}
         WHERE ${condition} (created_at, sequence) < (?, ?) ORDER BY created_at DESC, sequence DESC LIMIT 1 OFFSET ?`,
      );
    this.#bound = bound("uploads_by_time", "");
    this.#boundOfUser = bound("uploads_by_user", "user = ? AND");
    this.#record = database.prepare(`${select} WHERE sequence = ?`);
  }

  /** As `Catalogue.list`. */
  page(filter: UploadFilter, after: ListPlace | null, limit: number): ListPage {
    const isOver = this.#share.begin();
    const isRare = this.#isRare(filter);
    const candidates = this.#candidates(filter, isRare);
    const uploads: ListedUpload[] = [];
    let from: ListPlace | null =
      after ?? (filter.until === undefined ? atBegin : { createdAt: filter.until, order: 0 });
    do {
      const wanted = limit - uploads.length;
      const to: ListPlace | null = isRare ? null : this.#boundAfter(from, filter);
      const found: readonly Candidate[] = candidates(from, to ?? atEnd, wanted).filter((it) =>
        isMeant(it, filter),
      );
      const shown = found.slice(0, wanted);
      uploads.push(...shown.map((it) => this.#listed(it, filter)));
      const [last, lastUpload] = [shown.at(-1), uploads.at(-1)];
      if (shown.length === wanted && last !== undefined && lastUpload !== undefined)
        from = { createdAt: lastUpload.record.createdAt, order: last.sequence };
      else from = to === null || (filter.since !== undefined && to.createdAt < filter.since) ? null : to;
    } while (from !== null && uploads.length < limit && !isOver());
    this.#share.end();
    return { uploads, next: from };
  }

  #listed({ sequence, text }: Candidate, { fields }: UploadFilter): ListedUpload {
    return {
      record: recordOf(this.#record.get(sequence)) as UploadRecord,
      isSure: fields === undefined || text !== null,
    };
  }

  /** The last one of a step that begins behind `from`; `null`: there are not so many. */
  #boundAfter({ createdAt, order }: ListPlace, { user }: UploadFilter): ListPlace | null {
    const row =
      user === undefined
        ? this.#bound.get(createdAt, order, recordsPerStep - 1)
        : this.#boundOfUser.get(user, createdAt, order, recordsPerStep - 1);
    return row === undefined || row === null ? null : { ...(row as unknown as ListPlace) };
  }

  /** Whether so few are in the states that are asked for that all of these are looked at, rather than all that there are. */
  #isRare({ states }: UploadFilter): boolean {
    if (states === undefined) return false;
    const rows = this.#database
      .prepare(
        `SELECT count(*) AS count FROM
           (SELECT 1 FROM uploads INDEXED BY uploads_by_state WHERE ${among("state", states)} LIMIT ?)`,
      )
      .get(...states, recordsPerStep + 1);
    return Number(rows?.count) <= recordsPerStep;
  }

  /** Looks up those behind `from` up to `to` that may be meant: all of them, or at least `wanted`. */
  #candidates({ user, states, since, name, nameHas, fields }: UploadFilter, isRare: boolean) {
    const conditions: Condition[] = [];
    if (since !== undefined) conditions.push({ sql: "created_at >= ?", values: [since] });
    if (user !== undefined) conditions.push({ sql: "user = ?", values: [user] });
    if (states !== undefined) conditions.push({ sql: among("state", states), values: states });
    if (nameHas !== undefined)
      conditions.push({
        sql: "name LIKE ? ESCAPE '\\'",
        values: [`%${nameHas.replace(/[%_\\]/g, "\\$&")}%`],
      });
    if (fields !== undefined) conditions.push(mayHaveAll(fields));
    const columns = ["uploads.sequence AS sequence"];
    if (name !== undefined) columns.push("name");
    if (fields !== undefined) columns.push("metadata.text AS text");
    const join = fields === undefined ? "" : "LEFT JOIN metadata USING (sequence)";
    const index = isRare ? "uploads_by_state" : user === undefined ? "uploads_by_time" : "uploads_by_user";
    const statement = this.#database.prepare(
      `SELECT ${columns.join(", ")} FROM uploads INDEXED BY ${index} ${join}
       WHERE (created_at, uploads.sequence) < (?, ?) AND (created_at, uploads.sequence) >= (?, ?)
         ${conditions.map(({ sql }) => `AND ${sql}`).join(" ")}
       ORDER BY created_at DESC, uploads.sequence DESC LIMIT ?`,
    );
    const values = conditions.flatMap((it) => it.values);
    return (from: ListPlace, to: ListPlace, wanted: number): readonly Candidate[] => {
      const bounds = [from.createdAt, from.order, to.createdAt, to.order];
      // What is judged here cannot be counted there.
      const most = name === undefined && fields === undefined ? wanted : recordsPerStep;
      return statement.all(...bounds, ...values, most) as unknown as Candidate[];
    };
  }
}

function among(column: string, values: readonly string[]): string {
  return `${column} IN (${values.map(() => "?").join(", ")})`;
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
