// The way to a PostgreSQL database: some connections, each question bounded in time, and what happens while there is no database. Then
// all who ask wait together for it to be back; what they asked is done again, and of a change whose answer was lost the database itself
// tells whether it happened.

import type { Pool, PoolClient, QueryResult } from "pg";
import { type Clock, sleep } from "../base/clock.ts";
import { DyncError, messageOf } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import { doubled, type Pauses } from "../base/pauses.ts";
import { Semaphore } from "../base/semaphore.ts";
import { isAway, isConflict, postgresError } from "./postgres-errors.ts";
import { storedValue } from "./postgres-text.ts";

/** One connection, for one thing that is asked of it. What is asked without waiting for the answers goes in one packet. */
export interface Session {
  rows<Row>(sql: string, values?: readonly unknown[]): Promise<readonly Row[]>;
  /** Returns how many rows were written. */
  run(sql: string, values?: readonly unknown[]): Promise<number>;
  /** Several statements without values. */
  script(sql: string): Promise<void>;
}

/** A session in a transaction. */
export interface Transaction extends Session {
  /** Writes behind what was asked for before; what comes of it is known with the end of the transaction. */
  later(sql: string, values: readonly unknown[]): void;
}

export interface PostgresDatabaseOptions {
  readonly pool: Pool;
  /** Most connections at once. */
  readonly connectionsMax: number;
  readonly clock: Clock;
  readonly log: Logger;
  /** How long nobody may answer before who asks hears so. */
  readonly waitMs: number;
  /** Ends all waiting, for a process that ends. */
  readonly stopping?: AbortSignal | undefined;
  /** The database in words, without a password. */
  readonly where: string;
}

const pauses: Pauses = { minMs: 100, maxMs: 1000 };
// Two who get into each other's way again and again.
const conflictsMax = 20;
const outcomeMs = 50;

/** What is known of the end of a change that failed. */
class LostAnswer extends Error {
  readonly transaction: string;

  constructor(transaction: string, cause: unknown) {
    super("The answer was lost", { cause });
    this.transaction = transaction;
  }
}

export class PostgresDatabase {
  readonly #options: PostgresDatabaseOptions;
  readonly #places = new Semaphore();
  /** Since when nobody answers (monotonic ms), or `null`. */
  #awaySince: number | null = null;
  #isTold = false;
  #end: Promise<void> | null = null;
  /** While somebody looks whether it is back. */
  #recovery: Promise<void> | null = null;

  constructor(options: PostgresDatabaseOptions) {
    this.#options = options;
  }

  /** Rejects with a `DyncError`. `action` completes "An upload could not be … the catalogue". */
  async ask<Result>(action: string, read: (session: Session) => Promise<Result>): Promise<Result> {
    return await this.#again(action, () => this.#connected((client) => read(new PgSession(client))));
  }

  /** Does `work` in one transaction, all or nothing, and once. It may be called again when it came to nothing. */
  async change<Result>(action: string, work: (transaction: Transaction) => Promise<Result>): Promise<Result> {
    // What came of `work` before its answer was lost.
    let done: Result | undefined;
    return await this.#again(action, async () => {
      try {
        return await this.#connected((client) =>
          inTransaction(client, async (transaction) => {
            done = await work(transaction);
            return done;
          }),
        );
      } catch (error) {
        if (!(error instanceof LostAnswer)) throw error;
        await this.#back(error.cause);
        if (!(await this.#hasHappened(error.transaction))) throw error.cause;
        return done as Result;
      }
    });
  }

  /** As `change`, of what may be done once only or not at all: for a process that may be started again. */
  async once<Result>(work: (session: Transaction) => Promise<Result>): Promise<Result> {
    return await this.#connected((client) => inTransaction(client, work));
  }

  end(): Promise<void> {
    this.#end ??= this.#options.pool.end();
    return this.#end;
  }

  async #again<Result>(action: string, attempt: () => Promise<Result>): Promise<Result> {
    for (let conflicts = 0; ; ) {
      try {
        return await attempt();
      } catch (error) {
        if (isConflict(error) && ++conflicts < conflictsMax) continue;
        if (!isAway(error)) throw postgresError(action, error);
        await this.#back(error);
      }
    }
  }

  async #connected<Result>(use: (client: PoolClient) => Promise<Result>): Promise<Result> {
    const { pool, connectionsMax } = this.#options;
    await this.#places.take(connectionsMax);
    try {
      const client = await pool.connect();
      let end: boolean = true;
      try {
        const result = await use(client);
        end = false;
        if (this.#recovery === null) this.#isBack();
        return result;
      } catch (error) {
        end = isAway(error) || error instanceof LostAnswer;
        throw error;
      } finally {
        client.release(end);
      }
    } finally {
      this.#places.release();
    }
  }

  /** Resolves when somebody answers again; rejects with a `DyncError` when nobody did for too long. */
  #back(cause: unknown): Promise<void> {
    this.#recovery ??= this.#untilBack(cause).finally(() => {
      this.#recovery = null;
    });
    return this.#recovery;
  }

  async #untilBack(first: unknown): Promise<void> {
    const { clock, log, where, waitMs, stopping } = this.#options;
    this.#awaySince ??= clock.now();
    let cause = first;
    for (let times = 0; ; times++) {
      try {
        // A connection that nobody used for long may be gone, and the next one is good.
        if (times > 0) await sleep(clock, doubled(pauses, times - 1), stopping);
        return await this.#connected(tryChange).then(() => this.#isBack());
      } catch (error) {
        cause = stopping?.aborted ? cause : error;
      }
      if (!this.#isTold) {
        const message = "The catalogue's database does not answer: uploads wait for it";
        log.log("warn", message, { database: where, reason: messageOf(cause) });
        this.#isTold = true;
      }
      if (stopping?.aborted || clock.now() - this.#awaySince >= waitMs) throw notThere(cause);
    }
  }

  #isBack(): void {
    if (this.#awaySince === null) return;
    const { clock, log, where } = this.#options;
    const afterMs = Math.round(clock.now() - this.#awaySince);
    if (this.#isTold) log.log("info", "The catalogue's database answers again", { database: where, afterMs });
    this.#awaySince = null;
    this.#isTold = false;
  }

  /** Whether the change with this number was made. */
  async #hasHappened(transaction: string): Promise<boolean> {
    const { clock, stopping } = this.#options;
    for (;;) {
      const [row] = await this.ask("looked up in", (session) =>
        session
          .rows<{ readonly status: string | null }>("SELECT pg_xact_status($1::xid8) AS status", [
            transaction,
          ])
          .catch((error) => {
            // A database that was put back to an earlier state knows nothing of it.
            if (isAway(error)) throw error;
            return [];
          }),
      );
      if (row?.status !== "in progress") return row?.status === "committed";
      // Whoever did it for us has not noticed that nobody listens.
      await sleep(clock, outcomeMs, stopping);
    }
  }
}

/** Rejects where nobody answers, or a standby, which takes no changes. */
async function tryChange(client: PoolClient): Promise<void> {
  const { rows } = await client.query("SELECT current_setting('transaction_read_only') AS readonly");
  if (rows[0]?.readonly === "on") throw new Error("Connection terminated: it takes no changes");
}

function notThere(cause: unknown): DyncError {
  return new DyncError("not-ready", "The server's catalogue cannot be reached", { cause });
}

async function inTransaction<Result>(
  client: PoolClient,
  work: (transaction: Transaction) => Promise<Result>,
): Promise<Result> {
  const session = new PgSession(client);
  const begin = session.script("BEGIN");
  const number = session.rows<{ readonly number: string }>("SELECT pg_current_xact_id()::text AS number");
  // What `work` meets first is told by it.
  begin.catch(() => {});
  number.catch(() => {});
  let isEnding = false;
  try {
    const result = await work(session);
    const [row] = await number;
    isEnding = true;
    await session.end(row?.number ?? "");
    return result;
  } catch (error) {
    if (!isEnding && !isAway(error)) await session.script("ROLLBACK");
    throw error;
  }
}

/** Names of the statements that are sent again and again: a database plans them once for each connection. */
const statementNames = new Map<string, string>();
// Lists are put together of what is asked for: what they may be is bounded.
const namesMax = 200;

function nameOf(sql: string): string | undefined {
  const known = statementNames.get(sql);
  if (known !== undefined || statementNames.size >= namesMax) return known;
  const name = `d${statementNames.size}`;
  statementNames.set(sql, name);
  return name;
}

class PgSession implements Transaction {
  readonly #client: PoolClient;
  readonly #writes: Promise<unknown>[] = [];

  constructor(client: PoolClient) {
    this.#client = client;
  }

  async rows<Row>(sql: string, values: readonly unknown[] = []): Promise<readonly Row[]> {
    return (await this.#query(sql, values)).rows as Row[];
  }

  async run(sql: string, values: readonly unknown[] = []): Promise<number> {
    return (await this.#query(sql, values)).rowCount ?? 0;
  }

  async script(sql: string): Promise<void> {
    await this.#client.query(sql);
  }

  later(sql: string, values: readonly unknown[]): void {
    const written = this.run(sql, values);
    written.catch(() => {});
    this.#writes.push(written);
  }

  /** Commits; the answers of all that was written come with that. */
  async end(transaction: string): Promise<void> {
    const commit = this.#client.query("COMMIT");
    commit.catch(() => {});
    try {
      await Promise.all(this.#writes);
      // Of a transaction in which a statement failed it makes a ROLLBACK, and no error.
      const { command } = await commit;
      if (command !== "COMMIT") throw new Error("A question that failed took the transaction with it");
    } catch (error) {
      await commit.catch(() => {});
      throw isAway(error) ? new LostAnswer(transaction, error) : error;
    }
  }

  #query(sql: string, values: readonly unknown[]): Promise<QueryResult> {
    const name = nameOf(sql);
    return this.#client.query({
      text: sql,
      values: values.map(storedValue),
      ...(name === undefined ? {} : { name }),
    });
  }
}
