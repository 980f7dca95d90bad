// The settings that servers share, in the PostgreSQL catalogue.

import type { PostgresDatabase } from "./postgres-database.ts";
import { schema } from "./postgres-migrations.ts";
import type { SettingsText, SharedSettings } from "./servers.ts";

// Those of before show what was changed, and where.
const keptMax = 100;
const newest = `SELECT version, text, server, at FROM ${schema}.settings ORDER BY version DESC LIMIT 1`;
// Two that change them at once: one of them is told.
const put = `INSERT INTO ${schema}.settings (version, text, server, at)
  SELECT $1, $2, $3, $4 WHERE coalesce((SELECT max(version) FROM ${schema}.settings), 0) = $5
  ON CONFLICT (version) DO NOTHING`;

export class PostgresSettings implements SharedSettings {
  readonly #database: PostgresDatabase;

  constructor(database: PostgresDatabase) {
    this.#database = database;
  }

  async newest(): Promise<SettingsText | null> {
    const [row] = await this.#database.ask("looked up in", (session) => session.rows<SettingsText>(newest));
    return row ?? null;
  }

  async put(
    text: string,
    before: number,
    { server, at }: Pick<SettingsText, "server" | "at">,
  ): Promise<number | null> {
    const version = before + 1;
    return await this.#database.change("written into", async (transaction) => {
      if ((await transaction.run(put, [version, text, server, at, before])) === 0) return null;
      transaction.later(`DELETE FROM ${schema}.settings WHERE version <= $1`, [version - keptMax]);
      return version;
    });
  }
}
