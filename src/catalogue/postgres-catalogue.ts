// The catalogue in a PostgreSQL database. Made by `openPostgresCatalogue`.

import {
  type Admitted,
  type Amended,
  type Amendment,
  type Catalogue,
  type Grown,
  type Hold,
  holdOf,
  type ListPage,
  type ListPlace,
  type NewUpload,
  type Owner,
  type Taken,
  type UploadChange,
  type UploadFilter,
  type UploadRecord,
  type UploadState,
  type UserBounds,
} from "./catalogue.ts";
import { amended, changed, grown, newRecord, taken } from "./change.ts";
import { PostgresAlarms } from "./postgres-alarms.ts";
import { writeAmendment } from "./postgres-amend.ts";
import { PostgresCalls } from "./postgres-calls.ts";
import type { PostgresDatabase } from "./postgres-database.ts";
import { PostgresInstruments } from "./postgres-instruments.ts";
import { listPage } from "./postgres-list.ts";
import { PostgresOutbox } from "./postgres-outbox.ts";
import { ask, change } from "./postgres-records.ts";
import { restore } from "./postgres-restore.ts";
import { neededNames, type Unit } from "./postgres-unit.ts";
import { recount, usageOf, usagesBehind, useOfAll, useOfUsers } from "./postgres-usage.ts";
import { type Counted, type Quota, type QuotaRoom, roomOf, type UserUsage } from "./quota.ts";
import type { EndedUpload } from "./rebuild.ts";
import { recordOf } from "./record-columns.ts";

export class PostgresCatalogue implements Catalogue {
  readonly #database: PostgresDatabase;
  readonly #calls: PostgresCalls;
  readonly outbox: PostgresOutbox;
  readonly alarms: PostgresAlarms;
  readonly instruments: PostgresInstruments;

  constructor(database: PostgresDatabase) {
    this.#database = database;
    this.#calls = new PostgresCalls(database);
    this.outbox = new PostgresOutbox(this.#calls);
    this.alarms = new PostgresAlarms(this.#calls);
    this.instruments = new PostgresInstruments(this.#calls);
  }

  admit(upload: NewUpload, owner: Owner, bounds: UserBounds): Promise<Admitted> {
    const { quotas = [] } = bounds;
    const needs = { ids: [upload.id], places: neededNames(upload), users: [upload.user], quotas };
    return this.#calls.judge(needs, (unit) => admit(unit, upload, owner, bounds));
  }

  withdraw({ id, fence }: Hold): Promise<void> {
    return this.#calls.judge({ ids: [id] }, (unit) => {
      const record = unit.get(id);
      if (record?.fence === fence && ["open", "publishing"].includes(record.state)) unit.remove(id);
    });
  }

  take(id: string, owner: Owner): Promise<Taken> {
    return this.#calls.judge({ ids: [id] }, (unit): Taken => {
      const before = unit.get(id);
      const record = before === null ? "ended" : taken(before, owner, unit.now);
      if (typeof record === "string") return { type: record };
      unit.put(record);
      return { type: "taken", record, hold: holdOf(record, owner) };
    });
  }

  change(hold: Hold, change: UploadChange): Promise<boolean> {
    return this.#calls.judge({ ids: [hold.id] }, (unit) => {
      const before = unit.get(hold.id);
      const record = before === null ? null : changed(before, hold, change, unit.now);
      if (record === null) return false;
      unit.put(record);
      if (record.state !== before?.state && change.verb === "finish")
        unit.deliver(record, change.deliveries ?? []);
      return true;
    });
  }

  grow(hold: Hold, need: number, wish: number, quotas: readonly Quota[]): Promise<Grown> {
    return this.#calls.judge({ ids: [hold.id], quotas }, (unit) => {
      const wanted = { need, wish, room: unit.room(quotas), now: unit.now };
      const { record, answer } = grown(unit.get(hold.id), hold, wanted);
      if (record !== null) unit.put(record);
      return answer;
    });
  }

  room(quotas: readonly Quota[]): Promise<QuotaRoom> {
    return this.#calls.ask(async (session) => {
      if (quotas.length === 0) return roomOf(quotas, []);
      const users = quotas.flatMap(({ of }) => (typeof of === "string" ? [of] : []));
      const isOfSome = users.length === quotas.length;
      return roomOf(quotas, await (isOfSome ? useOfUsers(session, users) : useOfAll(session)));
    });
  }

  usageOf(user: string): Promise<UserUsage> {
    return this.#calls.ask((session) => usageOf(session, user));
  }

  usages(after: string | null, limit: number): Promise<readonly UserUsage[]> {
    return this.#calls.ask((session) => usagesBehind(session, after, limit));
  }

  recount(user: string, found: Counted, since: string, at: string): Promise<Counted> {
    return this.#calls.change((transaction) => recount(transaction, user, found, { since, at }));
  }

  amend(hold: Hold, amendment: Amendment): Promise<Amended> {
    return this.#calls.change((transaction) =>
      writeAmendment(transaction, hold, amendment, (before, now) => amended(before, hold, amendment, now)),
    );
  }

  find(identity: string, user: string, origin: string): Promise<UploadRecord | null> {
    return this.#one(ask.find, [identity, user, origin]);
  }

  get(id: string): Promise<UploadRecord | null> {
    return this.#one(ask.get, [id]);
  }

  withContent(
    user: string,
    content: string,
    metadataDigest: string,
    limit: number,
  ): Promise<readonly UploadRecord[]> {
    return this.#records(ask.withContent, [user, content, metadataDigest, limit]);
  }

  listPage(filter: UploadFilter, after: ListPlace | null, limit: number): Promise<ListPage> {
    return this.#calls.ask((session) => listPage(session, filter, after, limit));
  }

  withIdPrefix(prefix: string, limit: number): Promise<readonly UploadRecord[]> {
    return this.#records(ask.withIdPrefix, [prefix, limit]);
  }

  metadataOf(id: string): Promise<string | null> {
    return this.#calls.look(async (session) => {
      const [row] = await session.rows<{ readonly text: string }>(ask.metadata, [id]);
      return row?.text ?? null;
    });
  }

  unchanged(
    state: UploadState,
    before: string | null,
    after: UploadRecord | null,
    limit: number,
  ): Promise<readonly UploadRecord[]> {
    // Texts of dates begin with a digit: "" comes before all of them, ":" behind.
    const from = [after?.updatedAt ?? "", after?.id ?? ""];
    return this.#records(ask.unchanged, [state, before ?? ":", ...from, limit]);
  }

  emptyOf(user: string, after: string | null, limit: number): Promise<readonly UploadRecord[]> {
    return this.#records(ask.empty, [user, after, limit]);
  }

  endedOf(
    user: string,
    state: "finished" | "failed",
    after: Pick<UploadRecord, "id" | "updatedAt"> | null,
    limit: number,
  ): Promise<readonly UploadRecord[]> {
    // ":" comes behind every date.
    return this.#records(ask.endedOf, [user, state, after?.updatedAt ?? ":", after?.id ?? "", limit]);
  }

  unfinishedOf(user: string, after: string | null, limit: number): Promise<readonly UploadRecord[]> {
    return this.#records(ask.unfinishedOf, [user, after, limit]);
  }

  heldElsewhere(user: string, owner: string, except: string | null): Promise<number> {
    return this.#count(ask.heldElsewhere, [user, owner, except]);
  }

  storedSince(user: string, since: string, most: number): Promise<number> {
    return this.#count(ask.storedSince, [user, since, most]);
  }

  users(after: string | null, limit: number): Promise<readonly string[]> {
    return this.#calls.ask(async (session) => {
      const rows = await session.rows<{ readonly user: string }>(ask.users, [after ?? "", limit]);
      return rows.map(({ user }) => user);
    });
  }

  forget(before: string, limit: number): Promise<number> {
    return this.#remove(change.forget, [before, limit]);
  }

  trim(user: string, state: "finished" | "failed", keep: number, limit: number): Promise<number> {
    return this.#remove(change.trim, [user, state, limit, keep]);
  }

  /** Takes records of uploads that ended as they are, with their metadata, all or none. Those whose id is there already are left out. */
  restore(uploads: readonly EndedUpload[]): Promise<void> {
    return this.#calls.change((transaction) => restore(transaction, uploads));
  }

  async compact(): Promise<boolean> {
    // PostgreSQL does so by itself.
    return false;
  }

  async close(): Promise<void> {
    await this.#calls.settled();
    await this.#database.end();
  }

  #one(sql: string, values: readonly unknown[]): Promise<UploadRecord | null> {
    return this.#calls.look(async (session) => recordOf((await session.rows<unknown>(sql, values))[0]));
  }

  #count(sql: string, values: readonly unknown[]): Promise<number> {
    return this.#calls.ask(async (session) => {
      const [row] = await session.rows<{ readonly uploads: number }>(sql, values);
      return row?.uploads ?? 0;
    });
  }

  #records(sql: string, values: readonly unknown[]): Promise<readonly UploadRecord[]> {
    return this.#calls.ask(async (session) => {
      const rows = await session.rows<unknown>(sql, values);
      return rows.map((row) => recordOf(row) as UploadRecord);
    });
  }

  #remove(sql: string, values: readonly unknown[]): Promise<number> {
    return this.#calls.change(async (transaction) => {
      const rows = await transaction.rows<{ readonly id: string }>(sql, values);
      if (rows.length > 0)
        transaction.later("DELETE FROM damaged WHERE id = ANY($1)", [rows.map(({ id }) => id)]);
      return rows.length;
    });
  }
}

function admit(unit: Unit, upload: NewUpload, owner: Owner, bounds: UserBounds): Admitted {
  const holders = unit.holders(neededNames(upload));
  if (holders.length > 0) return { type: "name-taken", holders };
  const use = unit.useOf(upload.user);
  if (use.uploads >= bounds.uploads) return { type: "too-many-uploads" };
  if (use.metadataBytes + Buffer.byteLength(upload.metadataText) > bounds.metadataBytes)
    return { type: "too-much-metadata" };
  const record = newRecord(upload, owner, unit.now);
  const room = unit.room(bounds.quotas ?? []);
  if (record.bytes > room.bytes) return { type: "quota-passed", room };
  unit.add(record, upload);
  return { type: "admitted", hold: holdOf(record, owner) };
}
