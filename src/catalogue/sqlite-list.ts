// Lists of uploads out of the SQLite catalogue. Each page goes along an index of when they began, for as long as it may have the thread.

import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
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
import { recordOf, select } from "./record-columns.ts";
import type { ThreadShare } from "./thread-share.ts";

type ListedUpload = ListPage["uploads"][number];

interface Condition {
  readonly sql: string;
  readonly values: readonly SQLInputValue[];
}

// Before all records.
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
    let from: ListPlace | null = pageBegin(filter, after);
    do {
      const wanted = limit - uploads.length;
      const to: ListPlace | null = isRare ? null : this.#boundAfter(from, filter);
      const shown = meant(candidates(from, to ?? atEnd, wanted), filter, wanted);
      const records = shown.map(({ sequence }) => recordOf(this.#record.get(sequence)) as UploadRecord);
      const step = pageOf(shown, records, filter, { to, limit: wanted });
      uploads.push(...step.uploads);
      from = step.next;
    } while (from !== null && uploads.length < limit && !isOver());
    this.#share.end();
    return { uploads, next: from };
  }

  /** The last one of a step that begins behind `from`; `null`: there are not so many. */
  #boundAfter({ createdAt, order }: ListPlace, { user }: UploadFilter): ListPlace | null {
    const row =
      user === undefined
        ? this.#bound.get(createdAt, order, recordsPerPage - 1)
        : this.#boundOfUser.get(user, createdAt, order, recordsPerPage - 1);
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
      .get(...states, recordsPerPage + 1);
    return Number(rows?.count) <= recordsPerPage;
  }

  /** Looks up those behind `from` up to `to` that may be meant: all of them, or at least `wanted`. */
  #candidates(filter: UploadFilter, isRare: boolean) {
    const { user, states, since, name, nameHas, fields } = filter;
    const conditions: Condition[] = [];
    if (since !== undefined) conditions.push({ sql: "created_at >= ?", values: [since] });
    if (user !== undefined) conditions.push({ sql: "user = ?", values: [user] });
    if (states !== undefined) conditions.push({ sql: among("state", states), values: states });
    if (nameHas !== undefined)
      conditions.push({
        sql: "name LIKE ? ESCAPE '\\'",
        values: [likePattern(nameHas)],
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
      return statement.all(...bounds, ...values, candidatesMax(filter, wanted)) as unknown as Candidate[];
    };
  }
}

function among(column: string, values: readonly string[]): string {
  return `${column} IN (${values.map(() => "?").join(", ")})`;
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
