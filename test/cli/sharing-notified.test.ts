// How what servers share comes from one to the others, over a real database: by notification as long as they listen, and by looking every half
// minute where one does not. The clock stands still unless a test moves it, so nobody looks by himself.

import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Clock, sleep, systemClock } from "../../src/base/clock.ts";
import type { Logger } from "../../src/base/log.ts";
import { joinServers, migratePostgres, openPostgresCatalogue } from "../../src/catalogue/postgres.ts";
import { PostgresKeys } from "../../src/catalogue/postgres-keys.ts";
import { PostgresSettings } from "../../src/catalogue/postgres-settings.ts";
import { readConfiguration } from "../../src/cli/dync-server/configuration.ts";
import { KeySharing } from "../../src/cli/dync-server/key-sharing.ts";
import { RunningConfiguration } from "../../src/cli/dync-server/running-configuration.ts";
import { SettingsSharing } from "../../src/cli/dync-server/settings-sharing.ts";
import { createKeyFiles } from "../../src/keys/key-files.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { openPostgres, type Postgres, postgresMissing } from "../support/postgres.ts";
import { silentLogger } from "../support/silent-logger.ts";
import { tempFolder } from "../support/temp-folder.ts";

const named = `over PostgreSQL${postgresMissing === null ? "" : ` (${postgresMissing})`}`;
const leaseMs = 15_000;
const pollMs = 30_000;
// Who waits for what never comes hears it before the test's own time is over.
const deadlineMs = 60_000;
const keysTaken = "Keys of the other servers are taken";
const settingsTaken = "Settings of the other servers are taken";

type Line = Readonly<Record<string, unknown>>;

/** What a server says, to be waited for. */
class Lines implements Logger {
  readonly all: Line[] = [];
  #wake: () => void = () => {};

  log(_level: string, message: string, fields: object = {}): void {
    this.all.push({ message, ...fields });
    this.#wake();
  }

  async first(message: string): Promise<Line> {
    for (;;) {
      const line = this.all.find((it) => it.message === message);
      if (line !== undefined) return line;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

interface Place {
  readonly home: string;
  readonly lines: Lines;
  readonly keys: KeySharing;
  readonly settings: SettingsSharing;
  /** By which it looks. */
  readonly clock: ManualClock;
}

let postgres: Postgres | undefined;
beforeAll(async () => {
  if (postgresMissing === null) postgres = await openPostgres();
});
afterAll(async () => await postgres?.[Symbol.asyncDispose]());

/** Three servers of a new database; `listening` is the clock of the last one's own connection. */
async function threeServers(listening: Clock, stack: AsyncDisposableStack) {
  const cluster = postgres as Postgres;
  const temp = stack.use(await tempFolder());
  const name = await cluster.newDatabase();
  const url = cluster.url(name);
  await migratePostgres({ url, log: silentLogger });
  const places: Place[] = [];
  for (const [at, clock] of [systemClock, systemClock, listening].entries()) {
    const home = temp.file(`home-${at}`);
    mkdirSync(home);
    places.push(await openPlace(url, home, clock, stack));
  }
  const run = (sql: string) => cluster.run(sql, name);
  return { temp, run, places: places as [Place, Place, Place] };
}

/** Shares all that servers share, and heeds what the others tell as a server does. */
async function openPlace(
  url: string,
  home: string,
  listening: Clock,
  stack: AsyncDisposableStack,
): Promise<Place> {
  const id = home.at(-1) as string;
  writeFileSync(join(home, "server.toml"), "");
  writeFileSync(join(home, "shared.toml"), "");
  const { catalogue, database } = await openPostgresCatalogue({ url, log: silentLogger });
  stack.defer(() => catalogue.close());
  const own = { id, name: `host-${id}`, version: "1.0.0", leaseMs };
  const servers = await joinServers({ url, log: silentLogger, clock: listening }, own);
  stack.defer(() => servers.leave());
  const [lines, clock] = [new Lines(), new ManualClock()];
  const parts = { home, servers, clock, logger: lines, name: own.name };
  const read = (texts = {}) => readConfiguration({ file: null, settings: {} }, { DYNC_HOME: home }, texts);
  const configuration = new RunningConfiguration(await read(), read);
  const [sharedSettings, sharedKeys] = [new PostgresSettings(database), new PostgresKeys(database)];
  const settings = stack.use(new SettingsSharing({ ...parts, configuration, settings: sharedSettings }));
  const keys = stack.use(new KeySharing({ ...parts, keys: sharedKeys, look: async () => {} }));
  servers.observe((news) => {
    if (news?.kind === "keys") void keys.changed("notification");
    if (news?.kind === "settings") void settings.changed("notification");
  });
  await settings.begin();
  await keys.begin();
  return { home, lines, keys, settings, clock };
}

const text = 'expire = "3d"\n';

/** Changes both at `place`: who may send, and a setting. Resolves when the others have been told. */
async function change({ home, keys, settings }: Place, folder: string): Promise<void> {
  const { publicFile } = await createKeyFiles({ folder, name: "anna", date: new Date(0) });
  writeFileSync(join(home, "clients", "anna.key"), readFileSync(publicFile));
  await keys.changed("own change");
  writeFileSync(join(home, "shared.toml"), text);
  expect(await settings.reload()).toMatchObject({ outcome: "taken" });
}

async function expectTaken({ home, lines }: Place, by: string): Promise<void> {
  expect(await lines.first(keysTaken)).toMatchObject({ files: 1, by });
  expect(await lines.first(settingsTaken)).toMatchObject({ version: 2, server: "host-0", by });
  expect(readFileSync(join(home, "shared.toml"), "utf8")).toBe(text);
  expect(readFileSync(join(home, "clients", "anna.key"), "utf8")).toContain("public-key");
}

test.skipIf(postgresMissing !== null)(
  `what one server changes comes to all that listen by notification, ${named}`,
  async () => {
    await using stack = new AsyncDisposableStack();
    const { temp, places } = await threeServers(systemClock, stack);
    const [one, ...others] = places;
    await change(one, temp.file("keys"));
    for (const other of others) await expectTaken(other, "notification");
  },
  deadlineMs,
);

test.skipIf(postgresMissing !== null)(
  `what was told while the connection that listens was cut comes when it is looked for, ${named}`,
  async () => {
    await using stack = new AsyncDisposableStack();
    // One that stands still: it does not listen again.
    const { temp, places, run } = await threeServers(new ManualClock(), stack);
    const [one, other, deaf] = places;
    const connections = "FROM pg_stat_activity WHERE application_name = 'dync-server 2'";
    expect(await run(`SELECT pg_terminate_backend(pid) AS ended ${connections}`)).toEqual([{ ended: true }]);
    while ((await run(`SELECT pid ${connections}`)).length > 0) await sleep(systemClock, 10);
    await change(one, temp.file("keys"));
    await expectTaken(other, "notification");
    deaf.clock.advance(pollMs);
    await expectTaken(deaf, "poll");
  },
  deadlineMs,
);
