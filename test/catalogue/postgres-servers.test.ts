// Servers that share a catalogue in PostgreSQL, on a real database: who is there, who leads, what they tell each other, and for how long
// what one works on is its own.

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { sleep, systemClock } from "../../src/base/clock.ts";
import type { Owner } from "../../src/catalogue/catalogue.ts";
import { joinServers, migratePostgres, openPostgresCatalogue } from "../../src/catalogue/postgres.ts";
import type { PostgresServers } from "../../src/catalogue/postgres-servers.ts";
import { recordOfPublished } from "../../src/catalogue/rebuild.ts";
import type { News } from "../../src/catalogue/servers.ts";
import { openPostgres, type Postgres, postgresMissing } from "../support/postgres.ts";
import { silentLogger } from "../support/silent-logger.ts";
import { newUpload, noBounds, timeOf } from "./contract.ts";

const named = `servers of one catalogue${postgresMissing === null ? "" : ` (${postgresMissing})`}`;
// Long enough for a machine with other work to say in time that it is alive.
const leaseMs = 3_000;
const never = Number.MAX_SAFE_INTEGER;

class Member implements AsyncDisposable {
  readonly servers: PostgresServers;
  readonly heard: (News | null)[] = [];
  readonly #waiters = new Set<() => void>();

  constructor(servers: PostgresServers) {
    this.servers = servers;
    servers.observe((news) => {
      this.heard.push(news);
      for (const wake of this.#waiters) wake();
    });
  }

  /** Resolves when that was heard, before or now. */
  async hears(wanted: News | null): Promise<void> {
    const isHeard = () => this.heard.some((it) => JSON.stringify(it) === JSON.stringify(wanted));
    while (!isHeard()) await new Promise<void>((resolve) => this.#waiters.add(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.servers.leave();
  }
}

describe.skipIf(postgresMissing !== null)(named, () => {
  let postgres: Postgres;
  let database: string;
  let url: string;

  beforeAll(async () => {
    postgres = await openPostgres();
    database = await postgres.newDatabase();
    url = postgres.url(database);
    await migratePostgres({ url, log: silentLogger });
  });
  afterAll(async () => await postgres[Symbol.asyncDispose]());

  async function join(id: string): Promise<Member> {
    const own = { id, name: `host-${id}`, version: "1.0.0", leaseMs };
    return new Member(await joinServers({ url, log: silentLogger }, own));
  }

  async function run(sql: string): Promise<readonly Record<string, unknown>[]> {
    return await postgres.run(sql, database);
  }

  test("the first one leads, and when it leaves another one does, at once", async () => {
    const first = await join("a");
    await using second = await join("b");
    expect([first.servers.leads, second.servers.leads]).toEqual([true, false]);
    expect(first.heard).toContain(null);
    expect(second.servers.others).toMatchObject([
      { id: "a", name: "host-a", version: "1.0.0", isAlive: true },
    ]);
    await first.hears({ kind: "servers" });
    expect(first.servers.others).toMatchObject([{ id: "b", isAlive: true }]);
    const since = systemClock.now();
    await first[Symbol.asyncDispose]();
    await second.hears(null);
    expect(second.servers.leads).toBe(true);
    expect(systemClock.now() - since).toBeLessThan(leaseMs);
    expect(second.servers.others).toEqual([]);
  });

  test("what one tells all others hear, and it does not", async () => {
    await using first = await join("a");
    await using second = await join("b");
    const news: News = { kind: "let-go", id: "0".repeat(32), isClientHere: true };
    first.servers.tell(news);
    second.servers.tell({ kind: "outbox" });
    await second.hears(news);
    await first.hears({ kind: "outbox" });
    expect(first.heard).not.toContainEqual(news);
    // What nobody of them says is no news.
    await run(`SELECT pg_notify('dync', 'x'), pg_notify('dync', '{"from":"c","news":{"kind":"let-go"}}')`);
    await run(`SELECT pg_notify('dync', '{"from":"c","news":{"kind":"put-away","id":"1"}}')`);
    await first.hears({ kind: "put-away", id: "1" });
    expect(first.heard.filter((it) => it?.kind === "let-go")).toEqual([]);
  });

  test("one whose connection is lost says again that it is there", async () => {
    await using first = await join("a");
    await using second = await join("b");
    await run(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'dync-server b'",
    );
    await run("UPDATE dync.servers SET alive_until = 1 WHERE id = 'b'");
    const alive = async () =>
      (await run("SELECT alive_until > 1 AS yes FROM dync.servers WHERE id = 'b'"))[0]?.yes;
    while ((await alive()) !== true) await sleep(systemClock, 10);
    // Told until it is heard: nobody says when it listens again.
    const news: News = { kind: "put-away", id: "2" };
    const telling = setInterval(() => first.servers.tell(news), 50);
    await second.hears(news);
    clearInterval(telling);
  });

  test("one that is silent for a lease is gone for the others, and leads no more", async () => {
    await using second = await join("b");
    // As a server that is frozen leaves it.
    await run(`INSERT INTO dync.servers VALUES ('a', 'host-a', '1.0.0', '2026-01-01', ${never})`);
    await run(`UPDATE dync.catalogue SET leader = 'a', leader_until = ${never}`);
    while (second.servers.leads) await sleep(systemClock, 10);
    await second.hears({ kind: "servers" });
    expect(second.servers.leads).toBe(false);
    second.heard.length = 0;
    await run("UPDATE dync.servers SET alive_until = 1 WHERE id = 'a'");
    await run("UPDATE dync.catalogue SET leader_until = 1");
    await second.hears(null);
    await second.hears({ kind: "servers" });
    expect(second.servers.others).toMatchObject([{ id: "a", isAlive: false }]);
    await run("DELETE FROM dync.servers WHERE id = 'a'");
  });

  test("what a server works on is its own while it is alive, however long ago that changed", async () => {
    const { catalogue } = await openPostgresCatalogue({ url, log: silentLogger });
    try {
      const [theirs, ours]: readonly Owner[] = [
        { id: "a", leaseMs: 1 },
        { id: "b", leaseMs: 1 },
      ];
      if (theirs === undefined || ours === undefined) return;
      const upload = newUpload(1);
      const admitted = await catalogue.admit(upload, theirs, noBounds);
      expect(admitted.type).toBe("admitted");
      const hold = { id: upload.id, fence: 1, owner: theirs };
      await run(`INSERT INTO dync.servers VALUES ('a', 'host-a', '1.0.0', '2026-01-01', ${never})`);
      await run("UPDATE dync.uploads SET lease_until = 1");
      expect(await catalogue.take(upload.id, ours)).toEqual({ type: "held" });
      const failed = { verb: "fail", errorCode: 408, reason: "Expired", at: timeOf(2) } as const;
      expect(await catalogue.change({ ...hold, owner: ours }, failed)).toBe(false);
      await run("UPDATE dync.servers SET alive_until = 1");
      await run(`UPDATE dync.uploads SET lease_until = ${never}`);
      expect(await catalogue.take(upload.id, ours)).toMatchObject({ type: "taken", hold: { fence: 2 } });
      // It comes back, and is fenced out.
      await run(`UPDATE dync.servers SET alive_until = ${never}`);
      const progress = { verb: "progress", durable: 5, mark: "m", at: timeOf(3) } as const;
      expect(await catalogue.change(hold, progress)).toBe(false);
      expect((await catalogue.get(upload.id))?.durable).toBe(0);
    } finally {
      await catalogue.close();
    }
  });

  test("what was under way and is published by now is known as stored when a dump is brought up to that, unless a server works on it", async () => {
    const { catalogue } = await openPostgresCatalogue({ url, log: silentLogger });
    try {
      await run("DELETE FROM dync.servers");
      await run(
        `INSERT INTO dync.servers VALUES ('alive', 'host', '1.0.0', '2026-01-01', ${never}), ('gone', 'host', '1.0.0', '2026-01-01', 1)`,
      );
      const uploads = [newUpload(11), newUpload(12), newUpload(13)];
      for (const [at, id] of ["alive", "gone", "gone"].entries())
        await catalogue.admit(uploads[at] as (typeof uploads)[0], { id, leaseMs: 1 }, noBounds);
      const before = await catalogue.usageOf("anna");
      const published = uploads.slice(0, 2).map(({ metadataText, wantsReceipt: _, ...upload }) => {
        const complete = { ...upload, sha256: "ab", size: 7, contents: null, receivedAt: timeOf(5) };
        return { record: recordOfPublished({ ...complete, metadataText }), metadataText };
      });
      await catalogue.restore(published);
      await catalogue.restore(published);
      const states = await Promise.all(uploads.map(async ({ id }) => (await catalogue.get(id))?.state));
      expect(states).toEqual(["open", "finished", "open"]);
      const { stored, unfinished } = await catalogue.usageOf("anna");
      expect([stored - before.stored, before.unfinished - unfinished]).toEqual([7, 1]);
      // Its name is free for what comes next: the store knows that it is taken.
      const other = await catalogue.admit(
        { ...newUpload(14), name: uploads[1]?.name ?? "" },
        { id: "b", leaseMs: 1 },
        noBounds,
      );
      expect(other.type).toBe("admitted");
    } finally {
      await catalogue.close();
    }
  });
});
