// What hooks are still to be told, as it is added to the outbox in PostgreSQL: in the transaction of what it is about.

import type { NewDelivery } from "./outbox.ts";
import type { Transaction } from "./postgres-database.ts";
import { jsonList, rowsOf } from "./postgres-records.ts";

/** A delivery as a row that is added. */
export interface NewRow {
  readonly upload: string;
  readonly hook: string;
  readonly user: string;
  readonly name: string;
  readonly next_at: number;
  readonly created_at: string;
  readonly body: string;
}

const newColumns = ["upload", "hook", '"user"', "name", "next_at", "created_at", "body"];

const add = `INSERT INTO outbox (${newColumns.join(", ")}) SELECT * FROM ${rowsOf("$1", "g", newColumns)}
  ON CONFLICT (upload, hook) DO NOTHING`;

/** What begins with the end of an upload, or of what is told like one. */
export function rowsOfDeliveries(
  { id, user, name, updatedAt }: Readonly<Record<"id" | "user" | "name" | "updatedAt", string>>,
  deliveries: readonly NewDelivery[],
): readonly NewRow[] {
  const about = { upload: id, user, name, next_at: Date.parse(updatedAt), created_at: updatedAt };
  return deliveries.map(({ hook, body }) => ({ ...about, hook, body }));
}

export function addDeliveries(transaction: Transaction, rows: readonly NewRow[]): void {
  if (rows.length > 0) transaction.later(add, [jsonList(rows)]);
}
