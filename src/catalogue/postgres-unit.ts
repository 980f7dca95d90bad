// Calls of the catalogue that are done together: what they need to know is asked for all of them at once, each is judged by it in its
// turn, as the one before left it, and what came of all is written at once. So sixteen uploads cost as many round trips as one.

import { assert } from "../base/assert.ts";
import { foldName } from "../base/file-name.ts";
import { jsonDigest } from "../base/json-digest.ts";
import { digestOfSent } from "../upload/added.ts";
import { destinationOf, foldersAbove, type Placed } from "../upload/destination.ts";
import { occupiedNames } from "../upload/names.ts";
import { metadataBytesKept, type NewUpload, type UploadRecord } from "./catalogue.ts";
import type { NewDelivery } from "./outbox.ts";
import type { Transaction } from "./postgres-database.ts";
import { addDeliveries, type NewRow, rowsOfDeliveries } from "./postgres-deliveries.ts";
import {
  columnsNow,
  insertRecords,
  jsonList,
  nowMs,
  rowOf,
  rowsOf,
  updateRecords,
} from "./postgres-records.ts";
import { addStored, type Use, useOfAll, useOfUsers } from "./postgres-usage.ts";
import { type Quota, type QuotaRoom, roomOf } from "./quota.ts";
import { recordOf } from "./record-columns.ts";
import { StoredTotals } from "./stored-totals.ts";

/** What calls look at. */
export interface Needs {
  /** Records that may change. */
  readonly ids?: readonly string[];
  /** Names that may have a holder. */
  readonly places?: readonly HeldName[];
  /** Who may pass a bound. */
  readonly users?: readonly string[];
  readonly quotas?: readonly Quota[];
}

interface HeldName {
  readonly folder: string;
  readonly name: string;
}

/** What is known of a record beside its members. */
interface Own {
  readonly metadataBytes: number;
  readonly sentDigest: string | null;
}

// "admi" in ASCII. What may be added follows from what others have: who looks at that has this lock until it is written, in all servers.
const admissionLock = 0x61646d69;

const nothing: Use = { uploads: 0, metadataBytes: 0, stored: 0, underWay: 0 };

/** Names that `upload` needs, or that are to be folders for it. */
export function neededNames(upload: Placed): readonly HeldName[] {
  const { folder, name } = destinationOf(upload);
  const above = foldersAbove({ folder, name }).map((it) => ({ folder: it.folder, name: foldName(it.name) }));
  return [...occupiedNames(name).map((it) => ({ folder, name: it })), ...above];
}

/** Names that `upload` holds until it ends. */
export function heldNames(upload: Placed): readonly HeldName[] {
  const { folder, name } = destinationOf(upload);
  return occupiedNames(name).map((it) => ({ folder, name: it }));
}

export class Unit {
  readonly #transaction: Transaction;
  #now = 0;
  readonly #records = new Map<string, UploadRecord>();
  readonly #own = new Map<string, Own>();
  /** The fence with which each record was found that is to be written. */
  readonly #changed = new Map<string, number>();
  readonly #added = new Map<string, { readonly text: string; readonly names: readonly HeldName[] }>();
  readonly #removed = new Set<string>();
  readonly #holders = new Map<string, string>();
  readonly #uses = new Map<string, Use>();
  readonly #deliveries: NewRow[] = [];
  readonly #stored = new StoredTotals();

  constructor(transaction: Transaction) {
    this.#transaction = transaction;
  }

  /** Looks up what `needs` name. */
  async load(needs: readonly Needs[]): Promise<void> {
    const ids = [...new Set(needs.flatMap(({ ids = [] }) => ids))];
    const places = needs.flatMap(({ places = [] }) => places);
    const users = [...new Set(needs.flatMap(({ users = [] }) => users))];
    const quotas = needs.flatMap(({ quotas = [] }) => quotas);
    const session = this.#transaction;
    const isShared = places.length > 0 || users.length > 0 || quotas.length > 0;
    await Promise.all([
      ...(isShared ? [session.rows("SELECT pg_advisory_xact_lock($1)", [admissionLock])] : []),
      this.#loadRecords(ids),
      this.#loadHolders(places),
      this.#loadUses(users, quotas),
      this.#loadNow(),
    ]);
  }

  /** The database's time, in ms since 1970. */
  get now(): number {
    return this.#now;
  }

  get(id: string): UploadRecord | null {
    return this.#records.get(id) ?? null;
  }

  /** Who holds one of `names`. */
  holders(names: readonly HeldName[]): readonly UploadRecord[] {
    const ids = new Set(names.flatMap((it) => this.#holders.get(keyOf(it)) ?? []));
    return [...ids].flatMap((id) => this.#records.get(id) ?? []);
  }

  useOf(user: string): Use {
    return this.#uses.get(user) ?? nothing;
  }

  room(quotas: readonly Quota[]): QuotaRoom {
    return roomOf(
      quotas,
      [...this.#uses].map(([user, use]) => ({ user, ...use })),
    );
  }

  /** Adds `record`, of `upload`, which holds its names from now on. */
  add(record: UploadRecord, { metadataText, added = null }: NewUpload): void {
    const { id, user, bytes } = record;
    assert(!this.#records.has(id), "an upload is added once");
    const names = heldNames(record);
    const metadataBytes = Buffer.byteLength(metadataText);
    this.#records.set(id, record);
    this.#own.set(id, { metadataBytes, sentDigest: digestOfSent({ metadataText, added }) });
    this.#added.set(id, { text: metadataText, names });
    for (const name of names) this.#holders.set(keyOf(name), id);
    this.#count(user, { uploads: 1, metadataBytes, underWay: bytes });
  }

  /** `record` is so from now on. */
  put(record: UploadRecord): void {
    const before = this.#records.get(record.id) as UploadRecord;
    const { metadataBytes, sentDigest } = this.#own.get(record.id) as Own;
    const isFinished = record.state === "finished" && before.state !== "finished";
    const isEnded = isUnfinished(before) && !isUnfinished(record);
    const after = isFinished ? { ...record, metadataDigest: sentDigest } : record;
    this.#records.set(record.id, after);
    if (!this.#changed.has(record.id)) this.#changed.set(record.id, before.fence);
    this.#count(record.user, {
      underWay: (isUnfinished(after) ? after.bytes : 0) - (isUnfinished(before) ? before.bytes : 0),
    });
    if (isEnded) this.#leave(record, metadataBytes);
    if (isFinished) this.#store(after);
  }

  /** Other metadata for it: `put` says what else is different. */
  setMetadata(id: string, text: string): void {
    const digest = jsonDigest(text);
    this.#own.set(id, { metadataBytes: Buffer.byteLength(text), sentDigest: digest });
    const record = this.#records.get(id) as UploadRecord;
    if (record.state === "finished") this.#records.set(id, { ...record, metadataDigest: digest });
  }

  /** Takes an upload that has not ended away, as if it had never been there. */
  remove(id: string): void {
    const record = this.#records.get(id) as UploadRecord;
    this.#records.delete(id);
    this.#count(record.user, { underWay: -record.bytes });
    this.#leave(record, this.#own.get(id)?.metadataBytes ?? 0);
    this.#changed.delete(id);
    if (!this.#added.delete(id)) this.#removed.add(id);
  }

  deliver(record: UploadRecord, deliveries: readonly NewDelivery[]): void {
    this.#deliveries.push(...rowsOfDeliveries(record, deliveries));
  }

  /** Writes all that is new. */
  write(): void {
    const session = this.#transaction;
    if (this.#removed.size > 0) session.later("DELETE FROM uploads WHERE id = ANY($1)", [[...this.#removed]]);
    this.#writeAdded();
    const changed = [...this.#changed].filter(([id]) => !this.#added.has(id));
    if (changed.length > 0) {
      const rows = changed.map(([id, was]) => ({ ...this.#rowOf(id), was }));
      session.later(updateRecords, [jsonList(rows)]);
    }
    this.#writeEnded([...this.#changed.keys()]);
    addStored(session, this.#stored.take());
    addDeliveries(session, this.#deliveries);
  }

  #writeAdded(): void {
    const rows = [...this.#added].map(([id, { text }]) => ({ ...this.#rowOf(id), text }));
    if (rows.length === 0) return;
    const names = [...this.#added].flatMap(([id, it]) => it.names.map((name) => ({ ...name, id })));
    this.#transaction.later(insertRecords, [jsonList(rows), jsonList(names)]);
  }

  #writeEnded(ids: readonly string[]): void {
    const ended = ids.filter((id) => !isUnfinished(this.#records.get(id) as UploadRecord));
    if (ended.length === 0) return;
    const of = "sequence IN (SELECT sequence FROM uploads WHERE id = ANY($1))";
    this.#transaction.later(`DELETE FROM names WHERE ${of}`, [ended]);
    const large = ended.filter((id) => (this.#own.get(id)?.metadataBytes ?? 0) > metadataBytesKept);
    if (large.length > 0) this.#transaction.later(`DELETE FROM metadata WHERE ${of}`, [large]);
  }

  #rowOf(id: string) {
    return rowOf(this.#records.get(id) as UploadRecord, this.#own.get(id) as Own);
  }

  #leave({ id, user, place, name }: UploadRecord, metadataBytes: number): void {
    for (const it of heldNames({ user, place, name }))
      if (this.#holders.get(keyOf(it)) === id) this.#holders.delete(keyOf(it));
    this.#count(user, { uploads: -1, metadataBytes: -metadataBytes });
  }

  #store(record: UploadRecord): void {
    this.#stored.add(record);
    this.#count(record.user, { stored: record.bytes });
  }

  #count(user: string, more: Partial<Use>): void {
    const before = this.useOf(user);
    const sum = (member: keyof Use) => before[member] + (more[member] ?? 0);
    this.#uses.set(user, {
      uploads: sum("uploads"),
      metadataBytes: sum("metadataBytes"),
      stored: sum("stored"),
      underWay: sum("underWay"),
    });
  }

  async #loadNow(): Promise<void> {
    // Behind the locks: whoever had them before wrote earlier times.
    const sql = `SELECT ${nowMs} AS now`;
    const [row] = await this.#transaction.rows<{ readonly now: number }>(sql);
    this.#now = (row as { readonly now: number }).now;
  }

  async #loadRecords(ids: readonly string[]): Promise<void> {
    const wanted = ids.filter((id) => !this.#records.has(id));
    if (wanted.length === 0) return;
    // In one order, so that two servers wait for each other in a row.
    const sql = `SELECT ${columnsNow}, metadata_bytes AS "metadataBytes", sent_digest AS "sentDigest" FROM uploads u
      WHERE id = ANY($1) ORDER BY id FOR UPDATE OF u`;
    for (const row of await this.#transaction.rows<UploadRecord & Own>(sql, [wanted])) this.#know(row);
  }

  #know({ metadataBytes, sentDigest, ...row }: UploadRecord & Own): void {
    this.#records.set(row.id, recordOf(row) as UploadRecord);
    this.#own.set(row.id, { metadataBytes, sentDigest });
  }

  async #loadHolders(places: readonly HeldName[]): Promise<void> {
    if (places.length === 0) return;
    const sql = `SELECT ${columnsNow}, metadata_bytes AS "metadataBytes", sent_digest AS "sentDigest",
        n.folder AS "heldFolder", n.name AS "heldName"
      FROM (SELECT DISTINCT * FROM ${rowsOf("$1", "w", ["folder", "name"])}) AS w
        JOIN names n ON n.folder = w.folder AND n.name = w.name JOIN uploads u USING (sequence) ORDER BY u.id`;
    type Row = UploadRecord & Own & { readonly heldFolder: string; readonly heldName: string };
    for (const { heldFolder, heldName, ...row } of await this.#transaction.rows<Row>(sql, [
      jsonList(places),
    ])) {
      this.#holders.set(keyOf({ folder: heldFolder, name: heldName }), row.id);
      if (!this.#records.has(row.id)) this.#know(row);
    }
  }

  async #loadUses(users: readonly string[], quotas: readonly Quota[]): Promise<void> {
    const ofUsers = [
      ...new Set([...users, ...quotas.flatMap(({ of }) => (typeof of === "string" ? [of] : []))]),
    ];
    const isOfAll = quotas.some(({ of }) => typeof of !== "string");
    if (!isOfAll && ofUsers.length === 0) return;
    const uses = await (isOfAll ? useOfAll(this.#transaction) : useOfUsers(this.#transaction, ofUsers));
    for (const { user, ...use } of uses) this.#uses.set(user, use);
  }
}

function isUnfinished({ state }: UploadRecord): boolean {
  return state === "open" || state === "publishing";
}

function keyOf({ folder, name }: HeldName): string {
  return `${folder}\0${name}`;
}
