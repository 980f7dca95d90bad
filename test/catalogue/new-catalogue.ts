// A catalogue in a database of its own, as `dync-server catalogue migrate` makes it.

import { migratePostgres, openPostgresCatalogue } from "../../src/catalogue/postgres.ts";
import type { Postgres } from "../support/postgres.ts";
import { silentLogger } from "../support/silent-logger.ts";

/** Opens a new one; `catalogue.close()` ends it, and `name` is what its database is called. */
export async function newCatalogue(postgres: Postgres) {
  const name = await postgres.newDatabase();
  const options = { url: postgres.url(name), log: silentLogger };
  await migratePostgres(options);
  return { name, ...(await openPostgresCatalogue(options)) };
}
