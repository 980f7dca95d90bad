// The catalogue in an open SQLite database. The calls of one turn of the event loop are one transaction.

import type { DatabaseSync } from "node:sqlite";
import { assert } from "../base/assert.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { DyncError } from "../base/error.ts";
import { foldName } from "../base/file-name.ts";
import { digestOfSent } from "../upload/added.ts";
import { destinationOf, foldersAbove, type Placed } from "../upload/destination.ts";
import { occupiedNames } from "../upload/names.ts";
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
  metadataBytesKept,
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
import { type Counted, type Quota, type QuotaRoom, roomWithin, type UserUsage } from "./quota.ts";
import type { EndedUpload } from "./rebuild.ts";
import { columnValue, members, recordOf } from "./record-columns.ts";
import { alarmStatements, SqliteAlarms } from "./sqlite-alarms.ts";
import { SqliteAmend } from "./sqlite-amend.ts";
import { catalogueError, damagedText, isDamage } from "./sqlite-errors.ts";
import { instrumentStatements, SqliteInstruments } from "./sqlite-instruments.ts";
import { SqliteList } from "./sqlite-list.ts";
import { type OutboxCalls, outboxStatements, SqliteOutbox } from "./sqlite-outbox.ts";
import { statementsOf } from "./sqlite-records.ts";
import { SqliteUsage } from "./sqlite-usage.ts";
import { ThreadShare } from "./thread-share.ts";
import { paced, TurnQueue } from "./turn-queue.ts";

// Space is given back when so many pages are free (4 MiB) and more than a quarter of all: what is used again soon
// costs less where it is.
const freePagesMin = 1024;
const freeShareMin = 0.25;
// And so many pages at once (1 MiB), which takes some milliseconds.
const pagesPerStep = 256;

/** The number behind a pragma that has one. */
export function pragma(database: DatabaseSync, name: string): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
}

/** Made by `openSqliteCatalogue`. */
export class SqliteCatalogue implements Catalogue {
  readonly #database: DatabaseSync;
  readonly #statements: ReturnType<typeof statementsOf>;
  readonly #usage: SqliteUsage;
  readonly #canCompact: boolean;
  readonly #onDamaged: (error: DyncError) => void;
  readonly #queue: TurnQueue;
  readonly outbox: SqliteOutbox;
  readonly alarms: SqliteAlarms;
  readonly instruments: SqliteInstruments;
  readonly #list: SqliteList;
  readonly #amend: SqliteAmend;
  #isDamaged = false;

  constructor(database: DatabaseSync, clock: Clock, onDamaged: (error: DyncError) => void) {
    this.#database = database;
    this.#queue = new TurnQueue((work) => this.#transaction(work), paced(clock));
    this.#statements = statementsOf(database);
    this.#amend = new SqliteAmend(database);
    this.#list = new SqliteList(database, new ThreadShare(clock));
    const calls: OutboxCalls = {
      ask: (read) => this.#ask(read),
      change: (write) => this.#change("changed in", write),
    };
    this.outbox = new SqliteOutbox(database, calls);
    this.alarms = new SqliteAlarms(database, this.outbox, calls);
    this.instruments = new SqliteInstruments(database, calls);
    this.#usage = new SqliteUsage(database);
    this.#canCompact = pragma(this.#database, "auto_vacuum") === 2;
    this.#onDamaged = onDamaged;
  }

  /** Throws SQLite's error when the tables of `database` are not those that the catalogue needs. */
  static tryStatements(database: DatabaseSync): void {
    statementsOf(database);
    const list = new SqliteList(database, new ThreadShare(systemClock));
    list.page({ fields: [{ path: "any", value: "" }] }, null, 1);
    outboxStatements(database);
    alarmStatements(database);
    instrumentStatements(database);
    new SqliteUsage(database);
    new SqliteAmend(database);
  }

  admit(upload: NewUpload, owner: Owner, bounds: UserBounds): Promise<Admitted> {
    return this.#change("added to", () => this.#admit(upload, owner, bounds));
  }

  #admit(upload: NewUpload, owner: Owner, bounds: UserBounds): Admitted {
    const { user, metadataText } = upload;
    const { folder, name } = destinationOf(upload);
    const names = occupiedNames(name);
    const holders = this.#holders(upload);
    if (holders.length > 0) return { type: "name-taken", holders };
    const metadataBytes = Buffer.byteLength(metadataText);
    const usage = this.#statements.usage.get(user);
    if (Number(usage?.uploads) >= bounds.uploads) return { type: "too-many-uploads" };
    if (Number(usage?.bytes) + metadataBytes > bounds.metadataBytes) return { type: "too-much-metadata" };
    const record = newRecord(upload, owner, this.#now());
    const { quotas = [] } = bounds;
    const room = this.#room(quotas);
    if (record.bytes > room.bytes) return { type: "quota-passed", room };
    const { changes, lastInsertRowid } = this.#insert(record, metadataBytes);
    assert(Number(changes) === 1, "an upload is added once");
    this.#statements.insertMetadata.run(lastInsertRowid, metadataText);
    for (const it of names) this.#statements.claim.run(folder, it, lastInsertRowid);
    return { type: "admitted", hold: holdOf(record, owner) };
  }

  /** Who holds a name that `upload` needs, or one that is to be a folder for it. */
  #holders(upload: Placed): readonly UploadRecord[] {
    const destination = destinationOf(upload);
    const above = foldersAbove(destination).map(({ folder, name }) => {
      const folded = foldName(name);
      return [folder, folded, folded, folded];
    });
    const own = [destination.folder, ...occupiedNames(destination.name)];
    return [own, ...above].flatMap((wanted) =>
      this.#statements.holders.all(...wanted).map((row) => recordOf(row) as UploadRecord),
    );
  }

  #insert(record: UploadRecord, metadataBytes: number) {
    const values = members.map((member) => columnValue(record, member));
    return this.#statements.insert.run(...values, metadataBytes);
  }

  async withdraw({ id, fence }: Hold): Promise<void> {
    await this.#change("removed from", () => this.#statements.withdraw.run(id, fence));
  }

  take(id: string, owner: Owner): Promise<Taken> {
    return this.#change("changed in", () => {
      const before = recordOf(this.#statements.get.get(id));
      const record = before === null ? "ended" : taken(before, owner, this.#now());
      if (typeof record === "string") return { type: record };
      this.#update(record);
      return { type: "taken", record, hold: holdOf(record, owner) };
    });
  }

  change(hold: Hold, change: UploadChange): Promise<boolean> {
    return this.#change("changed in", () => {
      const before = recordOf(this.#statements.get.get(hold.id));
      const record = before === null ? null : changed(before, hold, change, this.#now());
      if (record === null) return false;
      this.#update(record);
      const isNew = record.state !== before?.state;
      if (isNew && change.verb === "finish") this.outbox.add(record, change.deliveries ?? []);
      if (isNew && record.state === "finished") this.#usage.add(record);
      return true;
    });
  }

  amend(hold: Hold, amendment: Amendment): Promise<Amended> {
    return this.#change("changed in", () => {
      const before = recordOf(this.#statements.get.get(hold.id));
      const record = before === null ? null : amended(before, hold, amendment, this.#now());
      if (before === null || record === null) return { type: "not-now" };
      const isReleased = before.held !== null;
      const others = isReleased ? this.#holders(record).filter(({ id }) => id !== hold.id) : [];
      if (others.length > 0) return { type: "name-taken", holders: others };
      return { type: "amended", record: this.#amend.write(record, amendment.metadataText, isReleased) };
    });
  }

  #update(record: UploadRecord): void {
    const { id, state, size, durable, mark, bytes, owner, fence, leaseUntil, updatedAt } = record;
    const { sha256, content, receivedAt, storedAt, resumes, resumedAt, errorCode, reason } = record;
    const text = state === "finished" ? this.#metadataText(id) : null;
    const { metadataDigest, added } = record;
    const digest = text === null ? metadataDigest : digestOfSent({ metadataText: text, added });
    const progress = [state, size, durable, mark, bytes] as const;
    const known = [sha256, content, receivedAt, storedAt, resumes, resumedAt] as const;
    const end = [errorCode, reason] as const;
    this.#statements.update.run(
      ...progress,
      ...known,
      ...end,
      owner,
      fence,
      leaseUntil,
      updatedAt,
      digest,
      id,
    );
  }

  grow(hold: Hold, need: number, wish: number, quotas: readonly Quota[]): Promise<Grown> {
    return this.#change("changed in", () => {
      const before = recordOf(this.#statements.get.get(hold.id));
      const wanted = { need, wish, room: this.#room(quotas), now: this.#now() };
      const { record, answer } = grown(before, hold, wanted);
      if (record !== null) this.#update(record);
      return answer;
    });
  }

  room(quotas: readonly Quota[]): Promise<QuotaRoom> {
    return this.#ask(() => this.#room(quotas));
  }

  #room(quotas: readonly Quota[]): QuotaRoom {
    return roomWithin(quotas, (quota) => this.#usage.use(quota));
  }

  usageOf(user: string): Promise<UserUsage> {
    return this.#ask(() => this.#usage.of(user));
  }

  usages(after: string | null, limit: number): Promise<readonly UserUsage[]> {
    return this.#ask(() => this.#usage.all(after, limit));
  }

  recount(user: string, found: Counted, since: string, at: string): Promise<Counted> {
    return this.#change("changed in", () => this.#usage.recount(user, found, since, at));
  }

  find(identity: string, user: string, origin: string): Promise<UploadRecord | null> {
    return this.#ask(() => recordOf(this.#statements.find.get(identity, user, origin)));
  }

  get(id: string): Promise<UploadRecord | null> {
    return this.#ask(() => recordOf(this.#statements.get.get(id)));
  }

  withContent(
    user: string,
    content: string,
    metadataDigest: string,
    limit: number,
  ): Promise<readonly UploadRecord[]> {
    return this.#records(() => this.#statements.withContent.all(user, content, metadataDigest, limit));
  }

  listPage(filter: UploadFilter, after: ListPlace | null, limit: number): Promise<ListPage> {
    return this.#ask(() => this.#list.page(filter, after, limit));
  }

  withIdPrefix(prefix: string, limit: number): Promise<readonly UploadRecord[]> {
    return this.#records(() => this.#statements.withIdPrefix.all(prefix, prefix, limit));
  }

  metadataOf(id: string): Promise<string | null> {
    return this.#ask(() => this.#metadataText(id));
  }

  #metadataText(id: string): string | null {
    const row = this.#statements.metadata.get(id);
    return row === undefined || row === null ? null : String(row.text);
  }

  unchanged(
    state: UploadState,
    before: string | null,
    after: UploadRecord | null,
    limit: number,
  ): Promise<readonly UploadRecord[]> {
    // Texts of dates begin with a digit: "" comes before all of them, ":" behind.
    const from = [after?.updatedAt ?? "", after?.id ?? ""] as const;
    return this.#records(() => this.#statements.unchanged.all(state, before ?? ":", ...from, limit));
  }

  emptyOf(user: string, after: string | null, limit: number): Promise<readonly UploadRecord[]> {
    return this.#records(() => this.#statements.empty.all(user, after, limit));
  }

  endedOf(
    user: string,
    state: "finished" | "failed",
    after: Pick<UploadRecord, "id" | "updatedAt"> | null,
    limit: number,
  ): Promise<readonly UploadRecord[]> {
    // ":" comes behind every date.
    const from = [after?.updatedAt ?? ":", after?.id ?? ""] as const;
    return this.#records(() => this.#statements.endedOf.all(user, state, ...from, limit));
  }

  unfinishedOf(user: string, after: string | null, limit: number): Promise<readonly UploadRecord[]> {
    return this.#records(() => this.#statements.unfinishedOf.all(user, after, limit));
  }

  heldElsewhere(user: string, owner: string, except: string | null): Promise<number> {
    return this.#ask(() =>
      Number(this.#statements.heldElsewhere.get(user, owner, except, this.#now())?.uploads),
    );
  }

  storedSince(user: string, since: string, most: number): Promise<number> {
    return this.#ask(() => Number(this.#statements.storedSince.get(user, since, most)?.uploads));
  }

  users(after: string | null, limit: number): Promise<readonly string[]> {
    return this.#ask(() => {
      const users: string[] = [];
      for (let user = after ?? ""; users.length < limit; ) {
        const row = this.#statements.nextUser.get(user);
        if (row === undefined || row === null) break;
        user = String(row.user);
        users.push(user);
      }
      return users;
    });
  }

  forget(before: string, limit: number): Promise<number> {
    return this.#change("removed from", () => Number(this.#statements.forget.run(before, limit).changes));
  }

  trim(user: string, state: "finished" | "failed", keep: number, limit: number): Promise<number> {
    return this.#change("removed from", () =>
      Number(this.#statements.trim.run(user, state, limit, keep).changes),
    );
  }

  compact(): Promise<boolean> {
    return this.#ask(() => {
      if (!this.#canCompact) return false;
      const free = pragma(this.#database, "freelist_count");
      if (free < freePagesMin || free < freeShareMin * pragma(this.#database, "page_count")) return false;
      this.#database.exec(`PRAGMA incremental_vacuum(${pagesPerStep})`);
      return pragma(this.#database, "freelist_count") < free;
    });
  }

  /** Takes records of uploads that ended as they are, with their metadata, all or none. Those whose id is there already are left out. */
  restore(uploads: readonly EndedUpload[]): void {
    this.#guard("added to", () =>
      this.#transaction(() => {
        for (const { record, metadataText } of uploads) {
          const bytes = Buffer.byteLength(metadataText);
          const { changes, lastInsertRowid } = this.#insert(record, bytes);
          if (Number(changes) === 1 && bytes <= metadataBytesKept)
            this.#statements.insertMetadata.run(lastInsertRowid, metadataText);
          if (record.state === "finished" && Number(changes) === 1) this.#usage.add(record);
        }
      }),
    );
  }

  /** Whether its file turned out damaged, and was given up. */
  get isDamaged(): boolean {
    return this.#isDamaged;
  }

  /** Writes all of it to `file`, which is not there or empty. For when the file that it is in lost its name. */
  copyTo(file: string): void {
    this.#guard("kept in", () => this.#database.prepare("VACUUM INTO ?").run(file));
  }

  close(): void {
    this.#queue.flush();
    if (this.#database.isOpen) this.#database.close();
  }

  #ask<Result>(read: () => Result): Promise<Result> {
    return this.#queue.add(() => this.#guard("looked up in", read), false);
  }

  #change<Result>(action: string, write: () => Result): Promise<Result> {
    return this.#queue.add(() => this.#guard(action, write), true);
  }

  #records(read: () => readonly unknown[]): Promise<readonly UploadRecord[]> {
    return this.#ask(() => read().map((row) => recordOf(row) as UploadRecord));
  }

  #now(): number {
    return Number(this.#statements.now.get()?.now);
  }

  #transaction(work: () => void): void {
    this.#guard("changed in", () => {
      this.#database.exec("BEGIN IMMEDIATE");
      try {
        work();
        this.#usage.write();
        this.#database.exec("COMMIT");
      } catch (error) {
        this.#usage.drop();
        this.#rollBack();
        throw error;
      }
    });
  }

  #rollBack(): void {
    try {
      this.#database.exec("ROLLBACK");
    } catch {
      // SQLite did it already, as after a full disk: the error before this one says why.
    }
  }

  #guard<Result>(action: string, call: () => Result): Result {
    if (this.#isDamaged) throw new DyncError("not-ready", damagedText);
    try {
      return call();
    } catch (cause) {
      const error = catalogueError(action, cause);
      if (isDamage(cause) && !this.#isDamaged) {
        this.#isDamaged = true;
        this.close();
        this.#onDamaged(error);
      }
      throw error;
    }
  }
}
