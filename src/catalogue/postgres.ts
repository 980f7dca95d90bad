// Opens the catalogue in a PostgreSQL database, and makes its tables. What a database says of itself is looked at once, at the start:
// whether it can hold a catalogue, and whether the one in it is ours.

import { readFileSync } from "node:fs";
import pg from "pg";
import { parseIntoClientConfig } from "pg-connection-string";
import { type Clock, systemClock } from "../base/clock.ts";
import { DyncError, messageOf } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import { PostgresCatalogue } from "./postgres-catalogue.ts";
import { PostgresDatabase, type Session } from "./postgres-database.ts";
import { openingError } from "./postgres-errors.ts";
import {
  assertWorksWith,
  migrateSchema,
  readSchema,
  type SchemaState,
  schema,
  schemaVersion,
} from "./postgres-migrations.ts";
import { PostgresServers, type PostgresServersOptions } from "./postgres-servers.ts";
import { fromStored } from "./postgres-text.ts";

export type { PostgresCatalogue } from "./postgres-catalogue.ts";

export interface PostgresOptions {
  /** `postgres://…`; what it does not say comes from variables (PGHOST, …), and the password also from ~/.pgpass. */
  readonly url: string;
  /** Holds the password, or `null`. */
  readonly passwordFile?: string | null;
  readonly log: Logger;
  readonly clock?: Clock;
  /** How long nobody may answer before who asks hears so, in ms. */
  readonly waitMs?: number;
  readonly connectionsMax?: number;
  /** How long one question may take before its connection is given up, in ms. */
  readonly answerMs?: number;
  /** Ends all waiting for the database. */
  readonly stopping?: AbortSignal | undefined;
}

// Nothing of ours takes seconds. The way there ends later than the database does it by itself.
const statementMs = 30_000;
const answerMsDefault = 40_000;
const connectMs = 10_000;
// A transaction that nobody ends, for somebody is gone: its locks keep others waiting.
const idleInTransactionMs = 20_000;
const waitMsDefault = 300_000;
const connectionsDefault = 8;
const versionMin = 140_000;

const types = {
  // Counts and sizes fit a number exactly: whoever wrote them had them as one.
  getTypeParser: (oid: number, format?: "text" | "binary") => {
    const { INT8, NUMERIC, TEXT } = pg.types.builtins;
    if (oid === INT8 || oid === NUMERIC) return Number;
    return oid === TEXT ? fromStored : pg.types.getTypeParser(oid, format);
  },
};

/** A database that was looked at, and the way to it. */
export interface OpenPostgres {
  readonly database: PostgresDatabase;
  readonly where: string;
}

/** Rejects with a `DyncError` in one line: "configuration" where somebody has to change something, "unavailable" where nobody answers. */
export async function connect(options: PostgresOptions): Promise<OpenPostgres> {
  const config = clientConfig(options);
  const { user, host, port, database: name } = new pg.Client(config);
  const where = `${user}@${host.includes(":") ? `[${host}]` : host}:${port}/${name ?? ""}`;
  const connectionsMax = options.connectionsMax ?? connectionsDefault;
  const pool = new pg.Pool({ ...config, max: connectionsMax });
  // Who uses a connection hears of its end by what was asked; of one that nobody uses the pool makes another.
  pool.on("error", () => {});
  pool.on("connect", (client) => void client.on("error", () => {}));
  const { log, clock = systemClock, waitMs = waitMsDefault, stopping } = options;
  try {
    // Before anything waits for it: who starts a server hears at once what is wrong.
    const client = await pool.connect();
    client.release();
    const database = new PostgresDatabase({ pool, connectionsMax, clock, log, waitMs, stopping, where });
    await database.once(assertSuitable);
    return { database, where };
  } catch (cause) {
    await pool.end();
    throw openingError(where, cause);
  }
}

async function assertSuitable(session: Session): Promise<void> {
  const [row] = await session.rows<{
    readonly version: number;
    readonly text: string;
    readonly encoding: string;
  }>(
    `SELECT current_setting('server_version_num')::integer AS version, current_setting('server_version') AS text,
       current_setting('server_encoding') AS encoding`,
  );
  if (row === undefined) return;
  if (row.version < versionMin)
    throw new DyncError("configuration", `The database is PostgreSQL ${row.text}, expected 14 or newer`);
  if (row.encoding !== "UTF8") {
    const hint = "make it with createdb --encoding=UTF8 --template=template0";
    throw new DyncError("configuration", `The database is encoded in ${row.encoding}, expected UTF8`, {
      hint,
    });
  }
}

/** Makes the tables, or brings them to this version. Returns the version of before, 0 for none, and the one of now. */
export async function migratePostgres(
  options: PostgresOptions,
): Promise<{ readonly from: number; readonly to: number; readonly where: string }> {
  const { database, where } = await connect(options);
  try {
    return { ...(await database.once((session) => migrateSchema(session))), where };
  } catch (cause) {
    throw openingError(where, cause);
  } finally {
    await database.end();
  }
}

/** The catalogue of a database whose tables are there, and what is known of it. Rejects as `connect`. */
export async function openPostgresCatalogue(options: PostgresOptions): Promise<{
  readonly catalogue: PostgresCatalogue;
  readonly state: SchemaState;
  readonly database: PostgresDatabase;
  readonly where: string;
}> {
  const { database, where } = await connect(options);
  try {
    const state = await database.once(readSchema);
    assertWorksWith(state);
    if (state.version < schemaVersion) {
      const found =
        state.version === 0
          ? "no catalogue"
          : `a catalogue of version ${state.version}, expected ${schemaVersion}`;
      throw new DyncError("configuration", `There is ${found} in the database ${where}`, {
        hint: "run `dync-server catalogue migrate`",
      });
    }
    await database.once(assertWritable);
    return { catalogue: new PostgresCatalogue(database), state, database, where };
  } catch (cause) {
    await database.end();
    throw openingError(where, cause);
  }
}

/** Joins the servers that share the catalogue. Rejects as `connect`. */
export async function joinServers(
  options: PostgresOptions,
  own: Pick<PostgresServersOptions, "id" | "name" | "version" | "leaseMs">,
): Promise<PostgresServers> {
  const { log, clock = systemClock } = options;
  // Who hears nothing for as long as a lease is not alive for the others.
  const times = { statement_timeout: own.leaseMs, query_timeout: own.leaseMs };
  const config = { ...clientConfig(options), ...times, application_name: `dync-server ${own.id}` };
  try {
    return await PostgresServers.join({ config, clock, log, ...own });
  } catch (cause) {
    throw openingError("of the catalogue", cause);
  }
}

/** Whoever may not write hears it now, and not when somebody sends. */
async function assertWritable(session: Session): Promise<void> {
  const rights = ["SELECT", "INSERT", "UPDATE", "DELETE"];
  const hasAll = rights.map((it) => `has_table_privilege(c.oid, '${it}')`).join(" AND ");
  const rows = await session.rows<{ readonly name: string; readonly user: string }>(
    `SELECT relname::text AS name, current_user::text AS user FROM pg_class c
     WHERE relnamespace = $1::regnamespace AND relkind = 'r' AND NOT (${hasAll}) ORDER BY relname`,
    [schema],
  );
  const [first] = rows;
  if (first === undefined) return;
  const names = rows.map(({ name }) => name).join(", ");
  throw new DyncError("configuration", `${first.user} may not use all tables of the catalogue: ${names}`, {
    hint: `GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${first.user}`,
  });
}

function clientConfig({
  url,
  passwordFile = null,
  answerMs = answerMsDefault,
}: PostgresOptions): pg.ClientConfig {
  const { password, options = "", ...given } = readUrl(url);
  const own = password || (passwordFile === null ? process.env.PGPASSWORD : undefined);
  return {
    application_name: "dync-server",
    ...given,
    password: own || (() => passwordFrom(passwordFile, given)),
    options: `${options} -c search_path=${schema}`.trim(),
    types,
    pipeline: true,
    keepAlive: true,
    connectionTimeoutMillis: connectMs,
    statement_timeout: statementMs,
    query_timeout: answerMs,
    idle_in_transaction_session_timeout: idleInTransactionMs,
  };
}

function readUrl(url: string): pg.ClientConfig {
  // `pg` checks the certificate with each of these, and warns that it will not do so one day.
  const strict = /[?&]uselibpqcompat=/.test(url)
    ? url
    : url.replace(/([?&]sslmode=)(?:prefer|require|verify-ca)(?=&|$)/, "$1verify-full");
  try {
    return parseIntoClientConfig(strict) as pg.ClientConfig;
  } catch (cause) {
    throw new DyncError("configuration", `The address of the catalogue cannot be read: ${messageOf(cause)}`, {
      cause,
    });
  }
}

async function passwordFrom(file: string | null, given: pg.ClientConfig): Promise<string> {
  if (file !== null) {
    try {
      return readFileSync(file, "utf8").replace(/\r?\n$/, "");
    } catch (cause) {
      throw new DyncError(
        "configuration",
        `The password of the catalogue cannot be read: ${messageOf(cause)}`,
        { cause },
      );
    }
  }
  const { default: pgpass } = await import("pgpass");
  const { host, port, user, database } = new pg.Client(given);
  const found = await new Promise<string | undefined>((resolve) =>
    pgpass({ host, port, user, database }, resolve),
  );
  // An empty one is refused, and the error says what to look at.
  return found ?? "";
}
