// A catalogue in a PostgreSQL that is not as it should be, on the compiled programs: each fault is one clear line, to who starts the server
// or in its log, and nothing is lost: clients wait, and what they sent is stored in the end.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdir } from "node:fs/promises";
import { executables, executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { openPostgres, type Postgres, postgresMissing } from "../support/postgres.ts";
import { jsonLines, runProgram } from "../support/programs.ts";
import { mountSmallDisk, smallDiskMissing } from "../support/small-disk.ts";

const MiB = 1024 * 1024;
const missing = executablesMissing ?? postgresMissing;

describe.skipIf(missing !== null)(`a database that is not as it should be (${missing ?? "compiled"})`, () => {
  let postgres: Postgres;
  let lab: Lab;

  beforeAll(async () => {
    postgres = await openPostgres({ tcp: true, fsync: true });
    await postgres.run("CREATE ROLE anna LOGIN PASSWORD 'right'");
    lab = await openLab();
    await mkdir(lab.folder.file("other-data"));
  });
  afterAll(async () => {
    await lab?.[Symbol.asyncDispose]();
    await postgres?.[Symbol.asyncDispose]();
  });

  async function migrated(): Promise<string> {
    const database = await postgres.newDatabase();
    const { dyncServer } = await executables();
    const end = await runProgram([dyncServer, "catalogue", "migrate", "--catalogue", postgres.url(database)]);
    expect(end).toMatchObject({ code: 0 });
    return database;
  }

  /** What a server says that is started on this catalogue, and is not to start: without what its log says. */
  async function refused(
    catalogue: string,
  ): Promise<{ readonly code: number | null; readonly said: string }> {
    const args = ["run", "--data", lab.folder.file("other-data"), "--port", "0", "--catalogue", catalogue];
    const { code, stderr } = await lab.dyncServer([...args, "--log-level", "error"], 60_000);
    return { code, said: stderr.trim() };
  }

  test("one without a catalogue, and one of a newer schema, which is not touched", async () => {
    const empty = await postgres.newDatabase();
    const none = await refused(postgres.url(empty));
    expect(none.said).toMatch(
      /^dync-server: error: There is no catalogue in the database \S+\ndync-server: hint: run `dync-server catalogue migrate`$/,
    );
    const database = await migrated();
    await postgres.run("UPDATE dync.catalogue SET version = 999, schema_version = 999", database);
    const newer = await refused(postgres.url(database));
    expect(newer.said).toMatch(
      /^dync-server: error: The catalogue in PostgreSQL has version 999, expected at most \d+\ndync-server: hint: run the newer .*$/,
    );
    const { dyncServer } = await executables();
    const again = await runProgram([
      dyncServer,
      "catalogue",
      "migrate",
      "--catalogue",
      postgres.url(database),
    ]);
    expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining("has version 999") });
    expect([none.code, newer.code]).toEqual([2, 2]);
    expect(await postgres.run("SELECT version FROM dync.catalogue", database)).toEqual([{ version: 999 }]);
  });

  test("one without rights, and who is not let in: without the password that was tried", async () => {
    const database = await migrated();
    const none = await refused(postgres.url(database, "anna"));
    expect(none.said).toMatch(
      /^dync-server: error: The catalogue at \S+ may not be used: permission denied .*migrate/s,
    );
    await postgres.run(
      "GRANT USAGE ON SCHEMA dync TO anna; GRANT SELECT ON ALL TABLES IN SCHEMA dync TO anna",
      database,
    );
    const some = await refused(postgres.url(database, "anna"));
    expect(some.said).toMatch(
      /^dync-server: error: anna may not use all tables of the catalogue: .*GRANT SELECT, INSERT/s,
    );
    const wrong = await refused(postgres.tcpUrl(database, "anna", "wrong-secret"));
    expect(wrong.said).toMatch(
      /^dync-server: error: PostgreSQL at \S+ does not let dync-server in: password/,
    );
    expect(wrong.said).not.toContain("wrong-secret");
    const missing = await refused(postgres.url("nowhere"));
    expect(missing.said).toMatch(
      /^dync-server: error: PostgreSQL at \S+ does not let dync-server in: .*createdb/s,
    );
    for (const it of [none, some, wrong, missing]) {
      expect(it.code).toBe(2);
      expect(it.said.split("\n").length).toBeLessThanOrEqual(2);
    }
  });

  test("rights that are taken away while something is sent: it waits, and is stored when they are back", async () => {
    const database = await migrated();
    const tables = "ALL TABLES IN SCHEMA dync";
    const give = `GRANT SELECT, INSERT, UPDATE, DELETE ON ${tables} TO anna`;
    await postgres.run(`GRANT USAGE ON SCHEMA dync TO anna; ${give}`, database);
    await using lab = await openLab({ server: ["--catalogue", postgres.url(database, "anna")] });
    const path = await lab.file("rights.raw", 4 * MiB);
    const sending = lab.startSend(["-q", "--limit", "2MB/s", path]);
    await lab.server.line(/"Upload started".*rights\.raw/);
    await postgres.run(`REVOKE ALL ON ${tables} FROM anna`, database);
    const late = lab.startSend(["-q", await lab.file("late.raw", 1000)]);
    await lab.server.line(/permission denied for table/, 60_000);
    for (const it of [sending, late]) expect(it.running).toBe(true);
    await postgres.run(give, database);
    for (const it of [sending, late]) expect(await it.ended(90_000)).toMatchObject({ code: 0, stderr: "" });
    const rows = await postgres.run("SELECT name, state FROM dync.uploads ORDER BY name", database);
    expect(rows).toEqual([
      { name: "late.raw", state: "finished" },
      { name: "rights.raw", state: "finished" },
    ]);
  });

  test.skipIf(smallDiskMissing !== null)(
    `one whose disk is full: who sends hears that there is no space for the catalogue, waits, and it is stored when there is (${smallDiskMissing ?? "tmpfs"})`,
    async () => {
      await using disk = mountSmallDisk(24 * MiB);
      postgres.give(disk.path);
      await postgres.run(`CREATE TABLESPACE small LOCATION '${disk.path}'`);
      const database = await migrated();
      await postgres.run(`ALTER DATABASE ${database} SET TABLESPACE small`);
      await using lab = await openLab({ server: ["--catalogue", postgres.url(database)] });
      const before = await lab.file("before.raw", 1000);
      expect(await lab.send([before])).toMatchObject({ code: 0 });
      await disk.fill(64 * MiB);
      // Metadata are what is large: they do not fit into what the table has left.
      const large = Array.from({ length: 400 }, () => crypto.randomUUID().repeat(4)).join(" ");
      const metadata = await lab.file("large.json", JSON.stringify({ sample: "S-17", large }));
      const names = Array.from({ length: 8 }, (_, at) => `full-${at}.raw`);
      const files = await Promise.all(names.map((name) => lab.file(name, name)));
      const sends = files.map((path) => lab.startSend(["-m", metadata, path]));
      await lab.server.line(
        /No space left for the server's catalogue, on the machine of its database/,
        60_000,
      );
      await disk.clear();
      for (const it of sends) expect(await it.ended(90_000)).toMatchObject({ code: 0 });
      const stored = jsonLines((await lab.dyncServer(["uploads", "list", "--json"])).stdout);
      const found = stored.filter(({ state }) => state === "stored").map(({ name }) => name as string);
      expect(found.sort()).toEqual(["before.raw", ...names]);
      await lab.server.stop();
      await postgres.run(`ALTER DATABASE ${database} SET TABLESPACE pg_default`);
      await postgres.run("DROP TABLESPACE small");
    },
  );
});
