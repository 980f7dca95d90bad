// The catalogue in PostgreSQL keeps the contract, on a real database.

import { afterAll, beforeAll, describe } from "bun:test";
import { migratePostgres, openPostgresCatalogue } from "../../src/catalogue/postgres.ts";
import { openPostgres, type Postgres, postgresMissing } from "../support/postgres.ts";
import { silentLogger } from "../support/silent-logger.ts";
import { catalogueContract } from "./contract.ts";
import { instrumentsContract } from "./instruments-contract.ts";
import { listContract } from "./list-contract.ts";
import { alarmContract, outboxContract } from "./outbox-contract.ts";

const named = `catalogue in PostgreSQL${postgresMissing === null ? "" : ` (${postgresMissing})`}`;

describe.skipIf(postgresMissing !== null)(named, () => {
  let postgres: Postgres;
  /** Databases that nobody uses, with empty tables. */
  const free: string[] = [];

  beforeAll(async () => {
    postgres = await openPostgres();
  });
  afterAll(async () => await postgres[Symbol.asyncDispose]());

  const make = async () => {
    const database = free.pop() ?? (await newDatabase());
    const url = postgres.url(database);
    const { catalogue } = await openPostgresCatalogue({ url, log: silentLogger, connectionsMax: 3 });
    return Object.assign(catalogue, {
      [Symbol.asyncDispose]: async () => {
        await catalogue.close();
        await postgres.run(
          "TRUNCATE dync.uploads, dync.usage, dync.outbox, dync.alarms, dync.damaged, dync.instruments CASCADE",
          database,
        );
        free.push(database);
      },
    });
  };

  async function newDatabase(): Promise<string> {
    const database = await postgres.newDatabase();
    await migratePostgres({ url: postgres.url(database), log: silentLogger });
    return database;
  }

  catalogueContract("records", make);
  listContract("lists", make);
  outboxContract("outbox", make);
  alarmContract("alarms", make);
  instrumentsContract("instruments", make);
});
