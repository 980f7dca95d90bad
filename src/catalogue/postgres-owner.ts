// Whose data a catalogue in PostgreSQL is about: what is on one disk is nothing that another server could go on with, or may give up.

import { DyncError } from "../base/error.ts";
import type { CompleteUpload } from "../upload/upload.ts";
import type { PostgresCatalogue } from "./postgres-catalogue.ts";
import type { PostgresDatabase, Transaction } from "./postgres-database.ts";
import { readSchema, schema } from "./postgres-migrations.ts";
import { restorePublished } from "./rebuild.ts";

/**
 * Makes the catalogue that of the data named `storage`, or finds that it is. Returns whether it has all that is known of them: a new
 * one has to be filled.
 *
 * @throws DyncError "configuration" when it is about other data.
 */
export async function claimCatalogue(
  database: PostgresDatabase,
  storage: string,
  { adopt = false }: { readonly adopt?: boolean } = {},
): Promise<boolean> {
  return await database.change("claimed in", async (transaction) => {
    // Two that start at once: one has it.
    await transaction.rows(`SELECT FROM ${schema}.catalogue FOR UPDATE`);
    const state = await readSchema(transaction);
    if (state.storage !== null && state.storage !== storage && !adopt) {
      throw new DyncError("configuration", "The catalogue in PostgreSQL belongs to another data folder", {
        hint: "give each data folder a database of its own; where this one took the place of that, run `dync-server catalogue migrate --adopt`",
      });
    }
    if (state.storage !== storage)
      transaction.later(`UPDATE ${schema}.catalogue SET storage = $1`, [storage]);
    return state.isFilled;
  });
}

/** Says whether it has all that is known: one that has not is filled at the next start. */
export function markFilled(transaction: Transaction, isFilled: boolean): void {
  transaction.later(`UPDATE ${schema}.catalogue SET filled = $1`, [isFilled]);
}

/** Makes records of what was published, and says that this is done. Returns how many. */
export async function fillFromPublished(
  catalogue: PostgresCatalogue,
  database: PostgresDatabase,
  published: AsyncIterable<CompleteUpload>,
): Promise<number> {
  const count = await restorePublished(published, (batch) => catalogue.restore(batch));
  // The mark comes last: what was cut off is made again.
  await database.change("marked in", async (transaction) => markFilled(transaction, true));
  return count;
}
