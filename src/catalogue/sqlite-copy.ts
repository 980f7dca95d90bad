// A catalogue in SQLite as what is copied, and as what a copy goes into.

import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { Firing } from "../alarms/alarm.ts";
import {
  type CopiedDelivery,
  type CopiedRest,
  type CopiedUpload,
  type CopySource,
  type CopyTarget,
  copiedUploads,
  type NameRow,
  type ToldRow,
  type UploadRow,
} from "./copy.ts";
import type { Instrument } from "./instruments.ts";
import { columnOf, columns, columnValue, members } from "./record-columns.ts";

export class SqliteCopySource implements CopySource {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  async uploads(after: number, limit: number): Promise<readonly CopiedUpload[]> {
    const rows = this.#rows<UploadRow>(
      `SELECT ${columns}, u.sequence AS sequence, u.metadata_bytes AS metadataBytes, m.text AS metadataText
       FROM uploads u LEFT JOIN metadata m USING (sequence) WHERE u.sequence > ? ORDER BY u.sequence LIMIT ?`,
      [after, limit],
    );
    const told = this.#rows<ToldRow>(
      `SELECT upload, hook, told_at AS at, attempts FROM told_hooks
       WHERE upload IN (SELECT id FROM uploads WHERE sequence > ? ORDER BY sequence LIMIT ?) ORDER BY hook`,
      [after, limit],
    );
    const names = this.#rows<NameRow>(
      "SELECT folder, name, sequence FROM names WHERE sequence BETWEEN ? AND ?",
      [rows.at(0)?.sequence ?? 0, rows.at(-1)?.sequence ?? 0],
    );
    return copiedUploads(rows, told, names);
  }

  async deliveries(after: number, limit: number): Promise<readonly CopiedDelivery[]> {
    return this.#rows<CopiedDelivery>(
      `SELECT id, hook, upload, user, name, attempts, next_at AS nextAt, error, created_at AS createdAt, body
       FROM outbox JOIN outbox_bodies USING (id) WHERE id > ? ORDER BY id LIMIT ?`,
      [after, limit],
    );
  }

  async rest(): Promise<CopiedRest> {
    return {
      usages: this.#rows("SELECT user, stored, files, last_at AS lastAt, counted_at AS countedAt FROM usage"),
      alarms: this.#rows<Firing>("SELECT alarm, subject, since, told_at AS toldAt, times, text FROM alarms"),
      damaged: this.#rows("SELECT id, found_at AS foundAt FROM damaged"),
      instruments: this.#rows<Instrument>("SELECT user, label, seen_at AS seenAt, report FROM instruments"),
    };
  }

  #rows<Row>(sql: string, values: readonly SQLInputValue[] = []): readonly Row[] {
    return this.#database
      .prepare(sql)
      .all(...values)
      .map((row) => ({ ...row }) as Row);
  }
}

/** Into tables in which nothing is. */
export class SqliteCopyTarget implements CopyTarget {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  async addUploads(uploads: readonly CopiedUpload[]): Promise<void> {
    const columns = members.map((member) => columnOf[member]);
    const add = this.#into("uploads", ["sequence", ...columns, "metadata_bytes"]);
    const addText = this.#database.prepare(
      "INSERT INTO metadata (sequence, text, escapes) VALUES (?1, ?2, instr(?2, '\\') > 0)",
    );
    const claim = this.#into("names", ["folder", "name", "sequence"]);
    const tell = this.#into("told_hooks", ["upload", "hook", "told_at", "attempts"]);
    for (const { sequence, record, metadataBytes, metadataText, names, told } of uploads) {
      const values = members.map((member) => columnValue(record, member));
      add.run(sequence, ...values, metadataBytes);
      for (const { hook, at, attempts } of told) tell.run(record.id, hook, at, attempts);
      if (metadataText !== null) addText.run(sequence, metadataText);
      for (const { folder, name } of names) claim.run(folder, name, sequence);
    }
  }

  async addDeliveries(deliveries: readonly CopiedDelivery[]): Promise<void> {
    const columns = ["id", "hook", "upload", "user", "name", "attempts", "next_at", "error", "created_at"];
    const add = this.#into("outbox", columns);
    const addBody = this.#into("outbox_bodies", ["id", "body"]);
    for (const { id, hook, upload, user, name, attempts, nextAt, error, createdAt, body } of deliveries) {
      add.run(id, hook, upload, user, name, attempts, nextAt, error, createdAt);
      addBody.run(id, body);
    }
  }

  async addRest({ usages, alarms, damaged, instruments }: CopiedRest): Promise<void> {
    const usage = this.#into("usage", ["user", "stored", "files", "last_at", "counted_at"]);
    for (const it of usages) usage.run(it.user, it.stored, it.files, it.lastAt, it.countedAt);
    const alarm = this.#into("alarms", ["alarm", "subject", "since", "told_at", "times", "text"]);
    for (const it of alarms) alarm.run(it.alarm, it.subject, it.since, it.toldAt, it.times, it.text);
    const damage = this.#into("damaged", ["id", "found_at"]);
    for (const { id, foundAt } of damaged) damage.run(id, foundAt);
    const instrument = this.#into("instruments", ["user", "label", "seen_at", "report"]);
    for (const it of instruments) instrument.run(it.user, it.label, it.seenAt, it.report);
  }

  #into(table: string, columns: readonly string[]) {
    const places = columns.map(() => "?").join(", ");
    return this.#database.prepare(`INSERT INTO ${table} (${columns.join(", ")}) VALUES (${places})`);
  }
}
