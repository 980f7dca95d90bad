// The audit logs of all servers, in the PostgreSQL catalogue.

import type { PostgresDatabase } from "./postgres-database.ts";
import { schema } from "./postgres-migrations.ts";
import { jsonList } from "./postgres-records.ts";
import type { AuditChain, AuditLine, AuditPlace, SharedAudit, SharedAuditLine } from "./shared-audit.ts";

const chainColumns = "chain, server, name, sequence, hash";
const none = "0".repeat(64);
// Bytes as they are, whatever somebody made of a line on the disk.
const write = `INSERT INTO ${schema}.audit (chain, sequence, time, line)
  SELECT $1, g.sequence, g.time, decode(g.line, 'base64')
  FROM json_to_recordset($2::json) AS g(sequence bigint, time text, line text)`;
const advance = `UPDATE ${schema}.audit_chains SET sequence = $2, hash = $3, name = $4
  WHERE chain = $1 AND sequence = $5 AND hash = $6`;

export class PostgresAudit implements SharedAudit {
  readonly #database: PostgresDatabase;

  constructor(database: PostgresDatabase) {
    this.#database = database;
  }

  async chainOf(server: string): Promise<AuditChain | null> {
    const sql = `SELECT ${chainColumns} FROM ${schema}.audit_chains WHERE server = $1 ORDER BY chain DESC LIMIT 1`;
    const [chain] = await this.#rows<AuditChain>(sql, [server]);
    return chain ?? null;
  }

  async begin(server: string, name: string): Promise<AuditChain> {
    const sql = `INSERT INTO ${schema}.audit_chains (server, name, sequence, hash) VALUES ($1, $2, 0, $3)
      RETURNING ${chainColumns}`;
    return await this.#database.change("written into", async (transaction) => {
      const [chain] = await transaction.rows<AuditChain>(sql, [server, name, none]);
      return chain as AuditChain;
    });
  }

  async add(
    chain: AuditChain,
    name: string,
    lines: readonly AuditLine[],
    hash: string,
  ): Promise<AuditChain | null> {
    const last = lines.at(-1);
    if (last === undefined) return chain;
    const rows = lines.map(({ line, ...it }) => ({ ...it, line: line.toString("base64") }));
    return await this.#database.change("written into", async (transaction) => {
      const { chain: id, sequence: before } = chain;
      const values = [id, last.sequence, hash, name, before, chain.hash];
      if ((await transaction.run(advance, values)) === 0) return null;
      transaction.later(write, [id, jsonList(rows)]);
      return { ...chain, name, sequence: last.sequence, hash };
    });
  }

  async chains(): Promise<readonly AuditChain[]> {
    return await this.#rows<AuditChain>(
      `SELECT ${chainColumns} FROM ${schema}.audit_chains ORDER BY chain`,
      [],
    );
  }

  async linesOf(chain: number, after: number, limit: number): Promise<readonly AuditLine[]> {
    const sql = `SELECT sequence, time, line FROM ${schema}.audit WHERE chain = $1 AND sequence > $2
      ORDER BY sequence LIMIT $3`;
    return await this.#rows<AuditLine>(sql, [chain, after, limit]);
  }

  async page(
    after: AuditPlace | null,
    limit: number,
    since: string | undefined,
  ): Promise<readonly SharedAuditLine[]> {
    const { time, chain, sequence } = after ?? { time: since ?? "", chain: 0, sequence: 0 };
    const sql = `SELECT chain, sequence, time, line FROM ${schema}.audit
      WHERE (time, chain, sequence) > ($1, $2, $3) ORDER BY time, chain, sequence LIMIT $4`;
    return await this.#rows<SharedAuditLine>(sql, [time, chain, sequence, limit]);
  }

  async #rows<Row>(sql: string, values: readonly unknown[]): Promise<readonly Row[]> {
    return await this.#database.ask("looked up in", (session) => session.rows<Row>(sql, values));
  }
}
