// Key files that servers share, in the PostgreSQL catalogue.

import type { PostgresDatabase } from "./postgres-database.ts";
import { schema } from "./postgres-migrations.ts";
import { jsonList, rowsOf } from "./postgres-records.ts";
import type { SharedChange, SharedFiles, SharedKeys } from "./servers.ts";

const write = `INSERT INTO ${schema}.client_keys (name, text) SELECT name, text FROM ${rowsOf("$1", "g", ["name", "text"])}
  ON CONFLICT (name) DO UPDATE SET text = excluded.text`;

export class PostgresKeys implements SharedKeys {
  readonly #database: PostgresDatabase;

  constructor(database: PostgresDatabase) {
    this.#database = database;
  }

  async change(judge: (shared: SharedFiles) => SharedChange): Promise<number> {
    return await this.#database.change("written into", async (transaction) => {
      // Two that change something at once: one sees what the other one made of it.
      const locked = `SELECT keys_version AS version FROM ${schema}.catalogue FOR UPDATE`;
      const [row] = await transaction.rows<{ readonly version: number }>(locked);
      const rows = await transaction.rows<{ readonly name: string; readonly text: string }>(
        `SELECT name, text FROM ${schema}.client_keys`,
      );
      const version = row?.version ?? 0;
      const texts = new Map(rows.map(({ name, text }) => [name, text] as const));
      const { share, unshare } = judge({ version, texts });
      if (share.size === 0 && unshare.length === 0) return version;
      transaction.later(`DELETE FROM ${schema}.client_keys WHERE name = ANY($1)`, [unshare]);
      transaction.later(write, [jsonList([...share].map(([name, text]) => ({ name, text })))]);
      transaction.later(`UPDATE ${schema}.catalogue SET keys_version = keys_version + 1`, []);
      return version + 1;
    });
  }
}
