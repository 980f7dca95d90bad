// A catalogue in PostgreSQL while its database is not as it should be: each fault is one clear line, nothing is lost, and nothing is
// done twice whose answer was lost.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createConnection, createServer, type Socket } from "node:net";
import { DyncError } from "../../src/base/error.ts";
import {
  connect,
  migratePostgres,
  openPostgresCatalogue,
  type PostgresOptions,
} from "../../src/catalogue/postgres.ts";
import { PostgresCalls } from "../../src/catalogue/postgres-calls.ts";
import { migrateSchema, schemaSteps, schemaVersion } from "../../src/catalogue/postgres-migrations.ts";
import { claimCatalogue } from "../../src/catalogue/postgres-owner.ts";
import { listening } from "../support/ports.ts";
import { openPostgres, type Postgres, postgresMissing } from "../support/postgres.ts";
import { silentLogger } from "../support/silent-logger.ts";
import { mountSmallDisk, smallDiskMissing } from "../support/small-disk.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { admit, bring, namesIn, newUpload, noBounds, owner, timeOf } from "./contract.ts";

const named = `PostgreSQL that is not as it should be${postgresMissing === null ? "" : ` (${postgresMissing})`}`;

describe.skipIf(postgresMissing !== null)(named, () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await openPostgres({ tcp: true, fsync: true });
    await postgres.run("CREATE ROLE anna LOGIN PASSWORD 'right-%40word'");
  });
  afterAll(async () => await postgres[Symbol.asyncDispose]());

  const options = (url: string, more: Partial<PostgresOptions> = {}) => ({ url, log: silentLogger, ...more });

  async function open(url: string, more: Partial<PostgresOptions> = {}) {
    const { catalogue, database } = await openPostgresCatalogue(options(url, more));
    return Object.assign(catalogue, { database, [Symbol.asyncDispose]: () => catalogue.close() });
  }

  async function newCatalogue(): Promise<string> {
    const database = await postgres.newDatabase();
    await migratePostgres(options(postgres.url(database)));
    return database;
  }

  /** Why it cannot be opened: code, message and hint. */
  async function fault(url: string, more: Partial<PostgresOptions> = {}): Promise<string> {
    try {
      await (await open(url, more)).close();
      return "none";
    } catch (error) {
      if (!(error instanceof DyncError)) throw error;
      return `${error.code}: ${error.message}; ${error.hint}`;
    }
  }

  describe("at the start", () => {
    test("many make the tables at once: each finds them made", async () => {
      const database = await postgres.newDatabase();
      const all = Array.from({ length: 8 }, () => migratePostgres(options(postgres.url(database))));
      const made = await Promise.all(all);
      expect(made.filter(({ from }) => from === 0)).toHaveLength(1);
      expect(await fault(postgres.url(database))).toBe("none");
    });

    test("there is no catalogue, or one of a newer version: it says so, and touches nothing", async () => {
      const database = await postgres.newDatabase();
      expect(await fault(postgres.url(database))).toMatch(
        /^configuration: There is no catalogue in the database \S+; run `dync-server catalogue migrate`$/,
      );
      await migratePostgres(options(postgres.url(database)));
      await postgres.run("UPDATE dync.catalogue SET version = 999, schema_version = 999", database);
      const newer =
        /^configuration: The catalogue in PostgreSQL has version 999, expected at most \d+; run the newer/;
      expect(await fault(postgres.url(database))).toMatch(newer);
      await expect(migratePostgres(options(postgres.url(database)))).rejects.toThrow("has version 999");
    });

    /** Takes one more step than this program knows, which those from `worksFrom` on work with. */
    async function migrateFurther(database: string, worksFrom: number) {
      const sql = `ALTER TABLE uploads ADD COLUMN color text NOT NULL DEFAULT 'red';
        CREATE TABLE colors (name text PRIMARY KEY)`;
      const connected = await connect(options(postgres.url(database)));
      try {
        const steps = [...schemaSteps, { sql, worksFrom }];
        return await connected.database.once((session) => migrateSchema(session, steps));
      } finally {
        await connected.database.end();
      }
    }

    test("a catalogue that a newer version migrated is used where that says so, and stays as it is", async () => {
      const database = await newCatalogue();
      const url = postgres.url(database);
      const after = { from: schemaVersion, to: schemaVersion + 1 };
      expect(await migrateFurther(database, schemaVersion)).toEqual(after);
      expect(await migratePostgres(options(url))).toMatchObject({ from: after.to, to: after.to });
      await using catalogue = await open(url);
      await bring(catalogue, await admit(catalogue, newUpload(1)), "finished", 1);
      expect(await namesIn(catalogue, ["finished"])).toHaveLength(1);
      const rows = await postgres.run("SELECT version, schema_version FROM dync.catalogue", database);
      expect(rows).toEqual([{ version: schemaVersion, schema_version: after.to }]);
    });

    test("one that it does not work with any more is not, in one line", async () => {
      const database = await newCatalogue();
      await migrateFurther(database, schemaVersion + 1);
      const found = `has version ${schemaVersion + 1}, expected at most ${schemaVersion}`;
      expect(await fault(postgres.url(database))).toBe(
        `configuration: The catalogue in PostgreSQL ${found}; run the newer dync-server that made it`,
      );
      await expect(migratePostgres(options(postgres.url(database)))).rejects.toThrow(found);
    });

    test("one of version 4 becomes a newer one, in which programs of version 4 find theirs", async () => {
      const database = await newCatalogue();
      // As version 4 left it.
      await postgres.run(
        `DROP TABLE dync.pending_keys, dync.dismissed_keys; ALTER TABLE dync.catalogue DROP COLUMN schema_version`,
        database,
      );
      const url = postgres.url(database);
      expect(await fault(url)).toMatch(/There is a catalogue of version 4, expected \d+ in the database/);
      expect(await migratePostgres(options(url))).toMatchObject({ from: 4, to: schemaVersion });
      expect(await fault(url)).toBe("none");
      expect(await postgres.run("SELECT version FROM dync.catalogue", database)).toEqual([{ version: 4 }]);
    });

    test("who may use the tables of before may use those that a step makes", async () => {
      const database = await newCatalogue();
      await postgres.run(
        `CREATE ROLE "Bert's"; CREATE ROLE reader; GRANT USAGE ON SCHEMA dync TO "Bert's", reader;
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA dync TO "Bert's";
         GRANT SELECT ON ALL TABLES IN SCHEMA dync TO reader`,
        database,
      );
      await migrateFurther(database, schemaVersion);
      const may = async (role: string) => {
        const sql = `SELECT has_table_privilege('${role.replace("'", "''")}', 'dync.colors', 'DELETE') AS may`;
        return (await postgres.run(sql, database))[0]?.may;
      };
      expect([await may("Bert's"), await may("reader")]).toEqual([true, false]);
    });

    test("without rights it says which, and what grants them", async () => {
      const database = await newCatalogue();
      const url = postgres.url(database, "anna");
      expect(await fault(url)).toMatch(
        /^configuration: The catalogue at \S+ may not be used: permission denied/,
      );
      await postgres.run(
        "GRANT USAGE ON SCHEMA dync TO anna; GRANT SELECT ON ALL TABLES IN SCHEMA dync TO anna",
        database,
      );
      expect(await fault(url)).toMatch(
        /^configuration: anna may not use all tables .*alarms.*uploads.*; GRANT SELECT, INSERT/,
      );
      await postgres.run(
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA dync TO anna",
        database,
      );
      expect(await fault(url)).toBe("none");
      await using catalogue = await open(url);
      await admit(catalogue, newUpload(1));
      // Who may use a database need not be one who may make tables there.
      const other = await postgres.newDatabase();
      await expect(migratePostgres(options(postgres.url(other, "anna")))).rejects.toThrow(
        /may not be used: permission denied/,
      );
      await postgres.run("CREATE SCHEMA dync AUTHORIZATION anna", other);
      expect(await migratePostgres(options(postgres.url(other, "anna")))).toMatchObject({ from: 0 });
    });

    test("a password comes from the address, a file, or ~/.pgpass; a wrong one is told, and never shown", async () => {
      const database = await newCatalogue();
      await postgres.run(
        "GRANT USAGE ON SCHEMA dync TO anna; GRANT ALL ON ALL TABLES IN SCHEMA dync TO anna",
        database,
      );
      await using folder = await tempFolder();
      const url = postgres.tcpUrl(database, "anna");
      expect(await fault(postgres.tcpUrl(database, "anna", "right-%2540word"))).toBe("none");
      const wrong = await fault(postgres.tcpUrl(database, "anna", "wrong-word"));
      expect(wrong).toMatch(
        /^configuration: PostgreSQL at anna@127\.0\.0\.1:\d+\/\w+ does not let dync-server in: password/,
      );
      expect(wrong).not.toContain("wrong-word");
      expect(await fault(url, { passwordFile: null })).toMatch(
        /^configuration: .* does not let dync-server in: /,
      );
      const file = folder.file("password");
      writeFileSync(file, "right-%40word\n");
      expect(await fault(url, { passwordFile: file })).toBe("none");
      expect(await fault(url, { passwordFile: folder.file("gone") })).toMatch(
        /^configuration: The password .* cannot be read/,
      );
      const passFile = folder.file("pgpass");
      writeFileSync(passFile, `127.0.0.1:*:${database}:anna:right-%40word\n`, { mode: 0o600 });
      process.env.PGPASSFILE = passFile;
      try {
        expect(await fault(url)).toBe("none");
      } finally {
        delete process.env.PGPASSFILE;
      }
    });

    test("a database that is not there, in another encoding, or that nobody serves", async () => {
      expect(await fault(postgres.url("nothing"))).toMatch(
        /^configuration: .*"nothing" does not exist; make it with createdb/,
      );
      await postgres.run("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
      expect(await fault(postgres.url("latin"))).toMatch(
        /^configuration: The database is encoded in LATIN1, expected UTF8/,
      );
      const nobody = await fault("postgres://anna:secret@127.0.0.1:1/x");
      expect(nobody).toMatch(
        /^unavailable: PostgreSQL at anna@127\.0\.0\.1:1\/x does not answer: .*ECONNREFUSED/,
      );
      expect(nobody).not.toContain("secret");
      expect(await fault(`${postgres.tcpUrl("postgres", "anna", "x")}?sslmode=require`)).toMatch(
        /^configuration: No TLS with PostgreSQL at \S+: The server does not support SSL/,
      );
    });

    test("it belongs to the data that it was first used with, until somebody says otherwise", async () => {
      await using catalogue = await open(postgres.url(await newCatalogue()));
      const { database } = catalogue;
      expect(await claimCatalogue(database, "aa")).toBe(false);
      await expect(claimCatalogue(database, "bb")).rejects.toThrow("belongs to another data folder");
      await claimCatalogue(database, "bb", { adopt: true });
      await expect(claimCatalogue(database, "aa")).rejects.toThrow("belongs to another data folder");
    });
  });

  describe("while it is used", () => {
    test("of two servers one gets a name, and quotas hold for both together", async () => {
      const url = postgres.url(await newCatalogue());
      await using first = await open(url);
      await using second = await open(url);
      const quotas = [{ bytes: 10_000, of: () => true }];
      const bounds = { ...noBounds, quotas };
      const all = Array.from({ length: 40 }, (_, index) => {
        const name = `run-${Math.floor(index / 2)}.raw`;
        return (index % 2 === 0 ? first : second).admit(newUpload(index, { name }), owner, bounds);
      });
      const types = (await Promise.all(all)).map(({ type }) => type);
      expect(types.filter((it) => it === "admitted")).toHaveLength(10);
      expect((await first.room(quotas)).bytes).toBe(0);
      expect(new Set(await namesIn(first, ["open"])).size).toBe(10);
    });

    test("a question that fails takes no change with it that it went along with", async () => {
      await using catalogue = await open(postgres.url(await newCatalogue()));
      const calls = new PostgresCalls(catalogue.database);
      const add = (id: string) =>
        calls.change(async (transaction) =>
          transaction.later("INSERT INTO damaged (id, found_at) VALUES ($1, 'now')", [id]),
        );
      const wrong = () => calls.look((session) => session.rows("SELECT FROM nothing"));
      const first = await Promise.allSettled([add("a"), wrong()]);
      expect(first.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
      const second = await Promise.allSettled([add("b"), wrong(), add("a")]);
      expect(second.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "rejected"]);
      const there = await calls.look((session) => session.rows("SELECT id FROM damaged ORDER BY id"));
      expect(there).toEqual([{ id: "a" }, { id: "b" }]);
    });

    test("a change whose answer was lost happened once, or is made once", async () => {
      const database = await newCatalogue();
      for (const when of ["before", "after"] as const) {
        await using proxy = await openProxy(postgres, when);
        await using catalogue = await open(proxy.url(database), { connectionsMax: 2 });
        const upload = newUpload(when === "before" ? 1 : 2);
        const hold = await admit(catalogue, upload);
        proxy.arm();
        const taken = await catalogue.take(upload.id, { id: "server-2", leaseMs: 0 });
        expect([taken.type, proxy.cut]).toEqual(["taken", 1]);
        expect((await catalogue.get(upload.id))?.fence).toBe(hold.fence + 1);
        // Twice it would be taken already, by itself.
        proxy.arm();
        const added = newUpload(10 + upload.id.length + (when === "before" ? 1 : 2));
        expect((await catalogue.admit(added, owner, noBounds)).type).toBe("admitted");
        proxy.arm();
        const seen = timeOf(when === "before" ? 1 : 2);
        await catalogue.instruments.keep({ user: "anna", label: when, seenAt: seen, report: "{}" }, 8);
        expect(await catalogue.instruments.remove("anna", when)).toBe(true);
        expect(proxy.cut).toBe(3);
      }
    });

    test("what is done while its processes are killed again and again is there, each as it was answered", async () => {
      const log: string[] = [];
      const database = await newCatalogue();
      await using catalogue = await open(postgres.url(database), {
        log: { log: (_, message) => log.push(message) },
      });
      let isOver = false;
      const killing = (async () => {
        for (let times = 0; times < 3; times++) {
          await Bun.sleep(300);
          await postgres.stop("kill");
          await postgres.start();
        }
        isOver = true;
      })();
      let count = 0;
      const work = async (): Promise<void> => {
        while (!isOver) {
          const number = count++;
          const hold = await admit(catalogue, newUpload(number, { size: 10 }));
          for (const durable of [3, 7])
            expect(
              await catalogue.change(hold, { verb: "progress", durable, mark: null, at: timeOf(1) }),
            ).toBe(true);
          await bring(catalogue, hold, number % 8 === 0 ? "failed" : "finished", 2);
        }
      };
      await Promise.all([killing, ...Array.from({ length: 16 }, work)]);
      const failed = Math.ceil(count / 8);
      expect(log).toContain("The catalogue's database does not answer: uploads wait for it");
      expect((await namesIn(catalogue, ["finished"])).length).toBe(count - failed);
      expect((await namesIn(catalogue, ["failed"])).length).toBe(failed);
      const files = count - failed;
      expect(await catalogue.usageOf("anna")).toMatchObject({
        stored: 10 * files,
        files,
        unfinished: 0,
        underWay: 0,
      });
    });

    test("who waits longer than is wanted hears so, and the next one finds it back", async () => {
      const database = await newCatalogue();
      await using catalogue = await open(postgres.url(database), { waitMs: 300 });
      const hold = await admit(catalogue, newUpload(1));
      await postgres.stop();
      const change = catalogue.change(hold, { verb: "progress", durable: 1, mark: null, at: timeOf(1) });
      const question = catalogue.get(hold.id);
      const ends = await Promise.allSettled([change, question]);
      const late = { status: "rejected" as const, reason: expect.objectContaining({ code: "not-ready" }) };
      expect(ends).toEqual([late, late]);
      await postgres.start();
      expect((await catalogue.get(hold.id))?.durable).toBe(0);
      expect(await catalogue.change(hold, { verb: "progress", durable: 2, mark: null, at: timeOf(1) })).toBe(
        true,
      );
    });

    test("a server that is to stop waits for nobody", async () => {
      const stopping = new AbortController();
      const database = await newCatalogue();
      await using catalogue = await open(postgres.url(database), { stopping: stopping.signal });
      const hold = await admit(catalogue, newUpload(1));
      await postgres.stop();
      const late = catalogue.change(hold, { verb: "progress", durable: 1, mark: null, at: timeOf(1) });
      late.catch(() => {});
      stopping.abort();
      await expect(late).rejects.toMatchObject({ code: "not-ready" });
      await catalogue.close();
      await postgres.start();
    });

    test("one that is frozen is given up, and asked again when it goes on", async () => {
      const database = await newCatalogue();
      await using catalogue = await open(postgres.url(database), { answerMs: 500 });
      const hold = await admit(catalogue, newUpload(1));
      const frozen = [postgres.pid, ...postgres.backends()];
      for (const pid of frozen) process.kill(pid, "SIGSTOP");
      const change = catalogue.change(hold, { verb: "progress", durable: 5, mark: null, at: timeOf(1) });
      const isLate = await Promise.race([change.then(() => false), Bun.sleep(2000).then(() => true)]);
      for (const pid of frozen) process.kill(pid, "SIGCONT");
      expect([isLate, await change]).toEqual([true, true]);
      expect((await catalogue.get(hold.id))?.durable).toBe(5);
    });

    const isFull = `a full disk is told, and what comes when there is room again is kept${smallDiskMissing === null ? "" : ` (${smallDiskMissing})`}`;
    test.skipIf(smallDiskMissing !== null)(isFull, async () => {
      await using disk = mountSmallDisk(16 * 1024 * 1024);
      postgres.give(disk.path);
      await postgres.run(`CREATE TABLESPACE small LOCATION '${disk.path}'`);
      const database = await newCatalogue();
      await postgres.run(`ALTER DATABASE ${database} SET TABLESPACE small`);
      const catalogue = await open(postgres.url(database));
      const hold = await admit(catalogue, newUpload(1));
      await disk.fill(64 * 1024 * 1024);
      const large = "x".repeat(10_000);
      const texts = Array.from({ length: 200 }, (_, at) =>
        JSON.stringify({ at, large: large + Math.random() }),
      );
      const all = texts.map((metadataText, at) =>
        catalogue.admit(newUpload(at + 2, { metadataText }), owner, noBounds),
      );
      const ends = await Promise.allSettled(all);
      const reasons = ends.flatMap((it) => (it.status === "rejected" ? [it.reason] : []));
      expect(reasons[0]).toMatchObject({
        code: "not-ready",
        message: expect.stringContaining("No space left"),
      });
      await disk.clear();
      const names = await namesIn(catalogue, ["open"]);
      expect(names.length).toBe(1 + ends.length - reasons.length);
      await bring(catalogue, hold, "finished", 3);
      expect(await namesIn(catalogue, ["finished"])).toEqual(["run-1.raw"]);
      await catalogue.close();
      await postgres.run(`DROP DATABASE ${database}`);
      await postgres.run("DROP TABLESPACE small");
    });
  });
});

interface Proxy extends AsyncDisposable {
  url(database: string): string;
  /** Ends the next connection that commits. */
  arm(): void;
  readonly cut: number;
}

/** Stands before PostgreSQL, and cuts a connection off before a COMMIT gets there, or before its answer gets back. */
async function openProxy(postgres: Postgres, when: "before" | "after"): Promise<Proxy> {
  const sockets = new Set<Socket>();
  let [isArmed, cut] = [false, 0];
  const server = createServer((client) => {
    const behind = createConnection(postgres.socket);
    const both = [client, behind];
    for (const socket of both) {
      sockets.add(socket);
      socket.on("error", () => {}).on("close", () => both.map((it) => it.destroy()));
    }
    let isCommitting = false;
    client.on("data", (data) => {
      const isCommit = isArmed && data.includes("COMMIT");
      if (!isCommit) return void behind.write(data);
      [isArmed, cut] = [false, cut + 1];
      if (when === "before") return void client.destroy();
      isCommitting = true;
      behind.write(data);
    });
    behind.on("data", (data) => {
      // The answer to the COMMIT is in it, or comes behind it.
      if (isCommitting) return void (data.includes("COMMIT") && client.destroy());
      client.write(data);
    });
  });
  const port = await listening(server);
  return {
    url: (database) => `postgres://steward@127.0.0.1:${port}/${database}`,
    arm: () => {
      isArmed = true;
    },
    get cut() {
      return cut;
    },
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, "close");
    },
  };
}
