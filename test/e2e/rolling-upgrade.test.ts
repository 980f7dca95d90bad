// Two servers over a catalogue that the next release migrated while they run, on the compiled programs: they go on, start again, hand uploads to
// each other and share what they share, for as long as the catalogue says that they work with it.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { connect } from "../../src/catalogue/postgres.ts";
import { migrateSchema, schemaSteps, schemaVersion } from "../../src/catalogue/postgres-migrations.ts";
import { read } from "../support/documented-lines.ts";
import { runProgram, startProgram } from "../support/programs.ts";
import { pairMissing, ServerPair } from "../support/server-pair.ts";
import { silentLogger } from "../support/silent-logger.ts";

const MiB = 1024 * 1024;
// As a release adds something: what does not know it leaves it out.
const added = `ALTER TABLE uploads ADD COLUMN color text NOT NULL DEFAULT 'red';
  ALTER TABLE servers ADD COLUMN room text;
  CREATE TABLE colors (name text PRIMARY KEY)`;

describe.skipIf(pairMissing !== null)(`the next release's catalogue (${pairMissing ?? "compiled"})`, () => {
  let pair: ServerPair;
  beforeAll(async () => {
    pair = await ServerPair.start();
  });
  afterAll(async () => await pair?.[Symbol.asyncDispose]());

  /** Migrates as a release does whose last step is this one. */
  async function migrate(...steps: readonly (typeof schemaSteps)[number][]) {
    const { database } = await connect({ url: pair.postgres.url(pair.database), log: silentLogger });
    try {
      return await database.once((session) => migrateSchema(session, [...schemaSteps, ...steps]));
    } finally {
      await database.end();
    }
  }

  const next = { sql: added, worksFrom: schemaVersion };

  test("what runs goes on, and what is started again starts", async () => {
    const path = await pair.file("while.raw", 24 * MiB);
    const sending = pair.startSend(pair.address(0), ["-q", "--limit", "8MB/s", path]);
    await pair.program(0).line(/"Upload started".*"while.raw"/);
    expect(await migrate(next)).toEqual({ from: schemaVersion, to: schemaVersion + 1 });
    expect(await sending.ended(60_000)).toMatchObject({ code: 0 });
    await pair.expectStored(path, "while.raw");
    for (const at of [1, 0]) {
      expect(await pair.program(at).stop()).toMatchObject({ code: 0 });
      await pair.again(at);
      await pair
        .program(at)
        .line(new RegExp(`"The catalogue is in PostgreSQL".*"version":${schemaVersion + 1}`));
      const name = await pair.file(`after-${at}.raw`, MiB);
      expect(await pair.send(pair.address(at), [name])).toMatchObject({ code: 0 });
    }
    // Its own step is behind that already.
    const env = { DYNC_SERVER_CATALOGUE: pair.postgres.url(pair.database) };
    const again = await runProgram([pair.programs.dyncServer, "catalogue", "migrate", "--json"], { env });
    expect(read(again).at(-1)).toMatchObject({ from: schemaVersion + 1, to: schemaVersion + 1 });
  });

  test("a key that asks at one is seen at both, and an upload goes from one that drains to the other", async () => {
    const home = pair.folder.file("bert-home");
    const env = { DYNC_HOME: home };
    expect(await runProgram([pair.programs.dync, "keygen"], { env })).toMatchObject({ code: 0 });
    await cp(join(pair.homes.server, "server.key"), join(home, "server.key"));
    const path = await pair.file("drained.raw", 32 * MiB);
    const refused = [pair.programs.dync, "-q", "-k", "sample:S-17", pair.address(0), path];
    expect(await runProgram(refused, { env })).toMatchObject({ code: 7 });
    const pending = async () => (await pair.dyncServer(1, ["clients", "pending"])).stdout;
    await pair.until(async () => (await pending()).includes("SHA256:"), pair.program(1));
    const sending = pair.startSend(pair.address(0, 1), ["-q", "--limit", "8MB/s", path]);
    await pair.program(0).line(/"Upload started".*"drained.raw"/);
    const drained = await pair.dyncServer(0, ["drain"]);
    expect(drained).toMatchObject({ code: 0 });
    await pair.program(1).line(/"Upload resumed".*"drained.raw"/, 60_000);
    expect(await sending.ended(60_000)).toMatchObject({ code: 0 });
    await pair.expectStored(path, "drained.raw");
    expect(await pair.program(0).stop()).toMatchObject({ code: 0 });
  });

  test("one that it does not work with any more it does not start on, and says so in one line", async () => {
    await migrate(next, { sql: "DROP TABLE colors", worksFrom: schemaVersion + 1 });
    const { home } = pair.place(0);
    const run = startProgram([pair.programs.dyncServer, "run", "--log-level", "error"], {
      env: { DYNC_HOME: home },
    });
    const { code, stderr } = await run.ended(60_000);
    expect([code, stderr]).toEqual([
      2,
      `dync-server: error: The catalogue in PostgreSQL has version ${schemaVersion + 2}, expected at most ${schemaVersion}\n` +
        "dync-server: hint: run the newer dync-server that made it\n",
    ]);
    // The other one runs still.
    const late = await pair.file("late.raw", MiB);
    expect(await pair.send(pair.address(1), [late])).toMatchObject({ code: 0 });
  });
});
