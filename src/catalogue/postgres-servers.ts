// The servers that share a catalogue in PostgreSQL. Each has a row, which it writes anew three times as often as it would have to, and hears by
// LISTEN what the others tell; both by one connection of its own, which no crowd of uploads can keep it waiting for. Time is the database's;
// only for how long it may think that it leads each reckons by its own monotonic clock, from before it asked.

import pg from "pg";
import * as v from "valibot";
import { type Clock, sleep } from "../base/clock.ts";
import { messageOf } from "../base/error.ts";
import { jsonValue } from "../base/json-text.ts";
import type { Logger } from "../base/log.ts";
import { doubled, type Pauses } from "../base/pauses.ts";
import { postgresError } from "./postgres-errors.ts";
import { schema } from "./postgres-migrations.ts";
import { nowMs } from "./postgres-records.ts";
import type { KnownServer, News, Servers } from "./servers.ts";

export interface PostgresServersOptions {
  readonly config: pg.ClientConfig;
  readonly clock: Clock;
  readonly log: Logger;
  /** This one: as the records of uploads name it, for people, and the version of its program. */
  readonly id: string;
  readonly name: string;
  readonly version: string;
  /** After so long without a word a server is gone. */
  readonly leaseMs: number;
}

const channel = "dync";
const saysPerLease = 3;
const pauses: Pauses = { minMs: 100, maxMs: 2000 };
// What died long ago says nothing to anybody.
const forgottenMs = 24 * 3_600_000;

const kept = { isKept: v.exactOptional(v.boolean()) };
const newsSchema = v.object({
  from: v.string(),
  news: v.variant("kind", [
    v.object({ kind: v.literal("let-go"), id: v.string(), isClientHere: v.boolean() }),
    v.object({ kind: v.literal("put-away"), id: v.string() }),
    v.object({ kind: v.literal("keys") }),
    v.object({ kind: v.literal("settings") }),
    v.object({ kind: v.literal("pending-keys") }),
    v.object({ kind: v.literal("key-refused"), key: v.string(), address: v.string(), ...kept }),
    v.object({ kind: v.literal("key-dismissed"), fingerprint: v.string(), ...kept }),
    v.object({ kind: v.literal("outbox") }),
    v.object({ kind: v.literal("servers") }),
  ]),
});

const say = `INSERT INTO ${schema}.servers AS s (id, name, version, started_at, alive_until)
  VALUES ($1, $2, $3, $4, ${nowMs} + $5)
  ON CONFLICT (id) DO UPDATE SET alive_until = excluded.alive_until`;
const lead = `UPDATE ${schema}.catalogue SET leader = $1, leader_until = ${nowMs} + $2
  WHERE leader = $1 OR leader IS NULL OR leader_until < ${nowMs}`;
const list = `SELECT s.id, name, s.version, started_at AS "startedAt", alive_until > ${nowMs} AS "isAlive",
    coalesce(s.id = leader AND leader_until > ${nowMs}, false) AS leads
  FROM ${schema}.servers s, ${schema}.catalogue ORDER BY started_at, s.id`;

export class PostgresServers implements Servers {
  readonly #options: PostgresServersOptions;
  readonly #startedAt: string;
  readonly #stop = new AbortController();
  #client: pg.Client | null = null;
  #working: Promise<void> = Promise.resolve();
  #leadsUntil = Number.NEGATIVE_INFINITY;
  #others: ReadonlyMap<string, KnownServer> = new Map();
  #heed: (news: News | null) => void = () => {};
  /** Ends the pause before it says again that it is alive. */
  #hurry: () => void = () => {};

  private constructor(options: PostgresServersOptions) {
    this.#options = options;
    this.#startedAt = options.clock.date().toISOString();
  }

  /** Joins the others. Rejects with the error of the database. */
  static async join(options: PostgresServersOptions): Promise<PostgresServers> {
    const servers = new PostgresServers(options);
    await servers.#connect();
    servers.tell({ kind: "servers" });
    servers.#working = servers.#work();
    return servers;
  }

  get leads(): boolean {
    return this.#options.clock.now() < this.#leadsUntil;
  }

  /** The others, as they were a moment ago. */
  get others(): readonly KnownServer[] {
    return [...this.#others.values()];
  }

  observe(heed: (news: News | null) => void): void {
    this.#heed = heed;
    if (this.leads) heed(null);
  }

  tell(news: News): void {
    const text = JSON.stringify({ from: this.#options.id, news });
    // Lost with its connection: whoever needs it finds out by itself.
    this.#client?.query("SELECT pg_notify($1, $2)", [channel, text]).catch(() => {});
  }

  async list(): Promise<readonly KnownServer[]> {
    try {
      if (this.#client === null) throw new Error("there is no connection");
      return (await this.#client.query<KnownServer>(list)).rows;
    } catch (cause) {
      throw postgresError("looked up in", cause);
    }
  }

  async leave(): Promise<void> {
    this.#stop.abort();
    await this.#working;
    const client = this.#client;
    this.#client = null;
    this.#leadsUntil = Number.NEGATIVE_INFINITY;
    if (client === null) return;
    const { id, log } = this.#options;
    try {
      await client.query(`DELETE FROM ${schema}.servers WHERE id = $1`, [id]);
      await client.query(`UPDATE ${schema}.catalogue SET leader = NULL WHERE leader = $1`, [id]);
      const text = JSON.stringify({ from: id, news: { kind: "servers" } });
      await client.query("SELECT pg_notify($1, $2)", [channel, text]);
    } catch (error) {
      log.log("warn", "Other servers wait a little for what this one had", { reason: messageOf(error) });
    } finally {
      await client.end().catch(() => {});
    }
  }

  async #connect(): Promise<void> {
    const client = new pg.Client(this.#options.config);
    // Told by what is asked of it next.
    client.on("error", () => {});
    client.on("notification", ({ payload = "" }) => this.#hear(payload));
    client.on("end", () => this.#hurry());
    try {
      await client.connect();
      await client.query(`LISTEN ${channel}`);
      await this.#say(client);
    } catch (error) {
      void client.end().catch(() => {});
      throw error;
    }
    this.#client = client;
  }

  async #work(): Promise<void> {
    const { leaseMs, log } = this.#options;
    const { signal } = this.#stop;
    let failures = 0;
    while (!signal.aborted) {
      await this.#pause(failures === 0 ? leaseMs / saysPerLease : doubled(pauses, failures - 1));
      if (signal.aborted) return;
      try {
        if (this.#client === null) await this.#connect();
        else await this.#say(this.#client);
        if (failures > 0) log.log("info", "The other servers are in reach again");
        failures = 0;
      } catch (error) {
        if (failures++ === 0)
          log.log("warn", "The other servers are out of reach: the database does not answer", {
            reason: messageOf(error),
          });
        const client = this.#client;
        this.#client = null;
        void client?.end().catch(() => {});
      }
    }
  }

  async #pause(ms: number): Promise<void> {
    const woken = new AbortController();
    this.#hurry = () => woken.abort();
    await sleep(this.#options.clock, ms, AbortSignal.any([this.#stop.signal, woken.signal])).catch(() => {});
    this.#hurry = () => {};
  }

  /** Says that it is alive, leads where nobody else does, and looks who is there. */
  async #say(client: pg.Client): Promise<void> {
    const { id, name, version, leaseMs, clock } = this.#options;
    const [before, led] = [clock.now(), this.leads];
    const answers = await Promise.all([
      client.query(say, [id, name, version, this.#startedAt, leaseMs]),
      client.query(lead, [id, leaseMs]),
      client.query<KnownServer>(list),
      client.query(`DELETE FROM ${schema}.servers WHERE alive_until < ${nowMs} - $1`, [forgottenMs]),
    ]);
    this.#leadsUntil = answers[1].rowCount === 1 ? before + leaseMs : Number.NEGATIVE_INFINITY;
    this.#look(answers[2].rows.filter((it) => it.id !== id));
    if (this.leads && !led) this.#heed(null);
  }

  #look(others: readonly KnownServer[]): void {
    const { log } = this.#options;
    const now = new Map(others.map((it) => [it.id, it] as const));
    let isOther = false;
    for (const it of new Set([...this.#others.keys(), ...now.keys()])) {
      const [was, is] = [this.#others.get(it), now.get(it)];
      if ((was?.isAlive ?? false) === (is?.isAlive ?? false)) continue;
      isOther = true;
      const { name, version } = (is ?? was) as KnownServer;
      if (is?.isAlive === true) log.log("info", "Another server is there", { server: name, version });
      else if (is === undefined) log.log("info", "Another server left", { server: name });
      else log.log("warn", "Another server says nothing any more: its uploads are free", { server: name });
    }
    this.#others = now;
    if (isOther) this.#heed({ kind: "servers" });
  }

  #hear(payload: string): void {
    const heard = v.safeParse(newsSchema, jsonValue(payload));
    if (!heard.success || heard.output.from === this.#options.id) return;
    const { news } = heard.output;
    if (news.kind === "servers") this.#hurry();
    else this.#heed(news);
  }
}
