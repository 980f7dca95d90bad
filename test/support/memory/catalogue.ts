// The catalogue in memory: for tests and the simulation. Same contract as `sqlite.ts`, nothing survives it.

import { assert } from "../../../src/base/assert.ts";
import type { Clock } from "../../../src/base/clock.ts";
import { foldName } from "../../../src/base/file-name.ts";
import { jsonDigest } from "../../../src/base/json-digest.ts";
import { jsonValue } from "../../../src/base/json-text.ts";
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
} from "../../../src/catalogue/catalogue.ts";
import { amended, changed, grown, newRecord, taken } from "../../../src/catalogue/change.ts";
import {
  type Counted,
  type Quota,
  type QuotaRoom,
  roomOf,
  type UserUsage,
} from "../../../src/catalogue/quota.ts";
import { sentMetadata } from "../../../src/upload/added.ts";
import { type Destination, destinationOf, foldersAbove } from "../../../src/upload/destination.ts";
import { hasValue } from "../../../src/upload/metadata-field.ts";
import { namesClash, occupiedNames } from "../../../src/upload/names.ts";
import { MemoryAlarms } from "./alarms.ts";
import { MemoryInstruments } from "./instruments.ts";
import { MemoryOutbox } from "./outbox.ts";

const unfinished = ["open", "publishing"] as const;

function isInTheWay(held: Destination, wanted: Destination): boolean {
  if (held.folder === wanted.folder && namesClash(held.name, wanted.name)) return true;
  const names = occupiedNames(held.name);
  return foldersAbove(wanted).some((it) => it.folder === held.folder && names.includes(foldName(it.name)));
}

export class MemoryCatalogue implements Catalogue {
  readonly outbox = new MemoryOutbox((id) => this.#records.has(id));
  readonly alarms = new MemoryAlarms(this.outbox, (id) => this.peek(id));
  readonly instruments = new MemoryInstruments((user) =>
    this.list(["finished"]).flatMap((it) => (it.user === user ? [it.storedAt ?? it.updatedAt] : [])),
  );
  readonly #clock: Pick<Clock, "date">;
  readonly #aliveUntil: (owner: string | null) => number | undefined;
  // In the order in which they were added.
  readonly #records = new Map<string, UploadRecord>();
  // Of those that have not ended, and of others where it is not large.
  readonly #metadata = new Map<string, string>();
  // Without what is under way.
  readonly #usage = new Map<string, UserUsage>();

  /** `aliveUntil` says for how long a server is alive (ms since 1970), where servers say so; `undefined`: leases are those of records. */
  constructor(
    clock: Pick<Clock, "date"> = { date: () => new Date(0) },
    aliveUntil: (owner: string | null) => number | undefined = () => undefined,
  ) {
    this.#clock = clock;
    this.#aliveUntil = aliveUntil;
  }

  /** As who changes it sees it. */
  #seen(id: string): UploadRecord | undefined {
    const record = this.#records.get(id);
    if (record === undefined || record.leaseUntil === 0) return record;
    return { ...record, leaseUntil: this.#aliveUntil(record.owner) ?? record.leaseUntil };
  }

  async admit(upload: NewUpload, owner: Owner, bounds: UserBounds): Promise<Admitted> {
    const { id, user, metadataText } = upload;
    assert(!this.#records.has(id), "an upload is added once");
    const all = this.list(unfinished);
    const holders = all.filter((record) => isInTheWay(destinationOf(record), destinationOf(upload)));
    if (holders.length > 0) return { type: "name-taken", holders };
    const others = all.filter((record) => record.user === user);
    if (others.length >= bounds.uploads) return { type: "too-many-uploads" };
    const texts = [...others.map((record) => this.#metadata.get(record.id) ?? ""), metadataText];
    const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
    if (bytes > bounds.metadataBytes) return { type: "too-much-metadata" };
    const record = newRecord(upload, owner, this.#now());
    const room = this.#room(bounds.quotas ?? []);
    if (record.bytes > room.bytes) return { type: "quota-passed", room };
    this.#metadata.set(id, metadataText);
    this.#records.set(id, record);
    return { type: "admitted", hold: holdOf(record, owner) };
  }

  async withdraw({ id, fence }: Hold): Promise<void> {
    const record = this.#records.get(id);
    if (record?.fence !== fence || !unfinished.some((state) => state === record.state)) return;
    this.#records.delete(id);
    this.#metadata.delete(id);
  }

  async take(id: string, owner: Owner): Promise<Taken> {
    const before = this.#seen(id);
    const record = before === undefined ? "ended" : taken(before, owner, this.#now());
    if (typeof record === "string") return { type: record };
    this.#records.set(id, record);
    return { type: "taken", record, hold: holdOf(record, owner) };
  }

  async change(hold: Hold, change: UploadChange): Promise<boolean> {
    const before = this.#records.get(hold.id)?.state;
    const isChanged = this.set(hold.id, () => {
      const seen = this.#seen(hold.id);
      return seen === undefined ? null : changed(seen, hold, change, this.#now());
    });
    const record = this.#records.get(hold.id);
    if (isChanged && record !== undefined && record.state !== before && change.verb === "finish")
      this.outbox.add(record, change.deliveries ?? []);
    return isChanged;
  }

  async grow(hold: Hold, need: number, wish: number, quotas: readonly Quota[]): Promise<Grown> {
    const wanted = { need, wish, room: this.#room(quotas), now: this.#now() };
    const { record, answer } = grown(this.#seen(hold.id) ?? null, hold, wanted);
    if (record !== null) this.#records.set(hold.id, record);
    return answer;
  }

  async room(quotas: readonly Quota[]): Promise<QuotaRoom> {
    return this.#room(quotas);
  }

  #room(quotas: readonly Quota[]): QuotaRoom {
    return roomOf(quotas, this.#usages());
  }

  async usageOf(user: string): Promise<UserUsage> {
    return this.#usages().find((it) => it.user === user) ?? noUsage(user);
  }

  async usages(after: string | null, limit: number): Promise<readonly UserUsage[]> {
    const all = this.#usages().filter(({ user }) => after === null || user > after);
    return all.sort((a, b) => (a.user < b.user ? -1 : 1)).slice(0, limit);
  }

  #usages(): UserUsage[] {
    const all = new Map(this.#usage);
    for (const { user, bytes } of this.list(unfinished)) {
      const usage = all.get(user) ?? noUsage(user);
      all.set(user, { ...usage, unfinished: usage.unfinished + 1, underWay: usage.underWay + bytes });
    }
    return [...all.values()];
  }

  async recount(user: string, found: Counted, since: string, at: string): Promise<Counted> {
    const usage = this.#usage.get(user) ?? noUsage(user);
    const later = this.list(["finished"]).filter(
      (it) => it.user === user && (it.storedAt ?? it.updatedAt) >= since,
    );
    const stored = later.reduce((sum, { bytes }) => sum + bytes, found.stored);
    this.#usage.set(user, { ...usage, stored, files: found.files + later.length, countedAt: at });
    return { stored: usage.stored, files: usage.files };
  }

  #countFinished({ user, bytes, updatedAt }: UploadRecord): void {
    const { stored, files, lastAt, ...rest } = this.#usage.get(user) ?? noUsage(user);
    const latest = lastAt === null || lastAt < updatedAt ? updatedAt : lastAt;
    this.#usage.set(user, { ...rest, stored: stored + bytes, files: files + 1, lastAt: latest });
  }

  async amend(hold: Hold, amendment: Amendment): Promise<Amended> {
    const before = this.#seen(hold.id);
    const record = before === undefined ? null : amended(before, hold, amendment, this.#now());
    if (record === null) return { type: "not-now" };
    const others = this.list(unfinished).filter((it) => it.id !== hold.id);
    const holders = others.filter((it) => isInTheWay(destinationOf(it), destinationOf(record)));
    if (before?.held !== null && holders.length > 0) return { type: "name-taken", holders };
    this.#metadata.set(hold.id, amendment.metadataText);
    this.set(hold.id, () => record);
    return { type: "amended", record: this.#records.get(hold.id) as UploadRecord };
  }

  /** For tests: an upload as an earlier process left it. */
  put(upload: NewUpload, change: Partial<UploadRecord>): void {
    const record = newRecord(upload, { id: "earlier", leaseMs: 0 }, 0);
    this.#records.set(upload.id, record);
    this.#metadata.set(upload.id, upload.metadataText);
    this.set(upload.id, () => ({ ...record, ...change }));
  }

  /** For tests: what `change` makes of a record, whoever holds it. Returns whether it made something. */
  set(id: string, change: (record: UploadRecord) => UploadRecord | null): boolean {
    const before = this.#records.get(id);
    const record = before === undefined ? null : change(before);
    if (record === null) return false;
    const text = record.state === "finished" ? this.#metadata.get(id) : undefined;
    const metadataDigest = text === undefined ? record.metadataDigest : sentDigest(text, record);
    this.#records.set(id, { ...record, metadataDigest });
    const hasEnded = record.state === "finished" || record.state === "failed";
    if (hasEnded && Buffer.byteLength(this.#metadata.get(id) ?? "") > metadataBytesKept)
      this.#metadata.delete(id);
    if (record.state === "finished" && before?.state !== "finished") this.#countFinished(record);
    return true;
  }

  async find(identity: string, user: string, origin: string): Promise<UploadRecord | null> {
    let newest: UploadRecord | null = null;
    for (const record of this.#records.values()) {
      const isOrigin = record.origin === null || record.origin === origin;
      if (record.identity === identity && record.user === user && isOrigin) newest = record;
    }
    return newest;
  }

  async get(id: string): Promise<UploadRecord | null> {
    return this.peek(id);
  }

  /** For tests: the same, at once. */
  peek(id: string): UploadRecord | null {
    return this.#records.get(id) ?? null;
  }

  async withContent(
    user: string,
    content: string,
    metadataDigest: string,
    limit: number,
  ): Promise<readonly UploadRecord[]> {
    const found = this.list(["finished"]).filter((it) => it.user === user && it.content === content);
    const [same, others] = [true, false].map((isSame) =>
      found.filter((it) => (it.metadataDigest === metadataDigest) === isSame).reverse(),
    );
    return [...same!, ...others!].slice(0, limit);
  }

  async listPage(filter: UploadFilter, after: ListPlace | null, limit: number): Promise<ListPage> {
    const all = [...this.#records.values()]
      .map((record, order) => ({ record, place: { createdAt: record.createdAt, order } }))
      .sort((a, b) => comparePlaces(b.place, a.place))
      .filter(({ place }) => after === null || comparePlaces(place, after) < 0)
      .map((it) => ({ ...it, isMeant: this.#isMeant(it.record, filter) }))
      .filter(({ isMeant }) => isMeant !== "no");
    const shown = all.slice(0, limit);
    return {
      uploads: shown.map(({ record, isMeant }) => ({ record, isSure: isMeant === "yes" })),
      next: shown.length === limit ? (shown.at(-1)?.place ?? null) : null,
    };
  }

  #isMeant(record: UploadRecord, filter: UploadFilter): "yes" | "no" | "unsure" {
    const { user, states, since, until, name, fields } = filter;
    const holds =
      (user === undefined || record.user === user) &&
      (states === undefined || states.includes(record.state)) &&
      (since === undefined || record.createdAt >= since) &&
      (until === undefined || record.createdAt < until) &&
      (name === undefined || name(record.name));
    if (!holds) return "no";
    if (fields === undefined) return "yes";
    const text = this.#metadata.get(record.id);
    if (text === undefined) return "unsure";
    const metadata = jsonValue(text);
    return fields.every((it) => hasValue(metadata, it)) ? "yes" : "no";
  }

  async withIdPrefix(prefix: string, limit: number): Promise<readonly UploadRecord[]> {
    const found = [...this.#records.values()].filter(({ id }) => id.startsWith(prefix));
    return found.sort((a, b) => (a.id < b.id ? -1 : 1)).slice(0, limit);
  }

  async metadataOf(id: string): Promise<string | null> {
    return this.#metadata.get(id) ?? null;
  }

  async unchanged(
    state: UploadState,
    before: string | null,
    after: UploadRecord | null,
    limit: number,
  ): Promise<readonly UploadRecord[]> {
    return this.list([state])
      .filter((record) => before === null || record.updatedAt < before)
      .filter((record) => after === null || compareByChange(record, after) > 0)
      .sort(compareByChange)
      .slice(0, limit);
  }

  async emptyOf(user: string, after: string | null, limit: number): Promise<readonly UploadRecord[]> {
    const all = [...this.#records.values()];
    return all
      .slice(after === null ? 0 : all.findIndex(({ id }) => id === after) + 1)
      .filter((record) => record.user === user && record.state === "open" && record.durable === 0)
      .slice(0, limit);
  }

  async endedOf(
    user: string,
    state: "finished" | "failed",
    after: Pick<UploadRecord, "id" | "updatedAt"> | null,
    limit: number,
  ): Promise<readonly UploadRecord[]> {
    const order = new Map([...this.#records.keys()].map((id, at) => [id, at]));
    const orderOf = ({ id }: Pick<UploadRecord, "id">) => order.get(id) ?? -1;
    const compare = (a: Pick<UploadRecord, "id" | "updatedAt">, b: Pick<UploadRecord, "id" | "updatedAt">) =>
      a.updatedAt === b.updatedAt ? orderOf(a) - orderOf(b) : a.updatedAt < b.updatedAt ? -1 : 1;
    return this.list([state])
      .filter((record) => record.user === user && (after === null || compare(record, after) < 0))
      .sort((a, b) => compare(b, a))
      .slice(0, limit);
  }

  async heldElsewhere(user: string, owner: string, except: string | null): Promise<number> {
    const isHeld = ({ id }: UploadRecord): boolean => (this.#seen(id)?.leaseUntil ?? 0) > this.#now();
    return this.list(unfinished).filter(
      (it) => it.user === user && it.owner !== owner && it.id !== except && isHeld(it),
    ).length;
  }

  async unfinishedOf(user: string, after: string | null, limit: number): Promise<readonly UploadRecord[]> {
    const newest = [...this.#records.values()].toReversed();
    return newest
      .slice(after === null ? 0 : newest.findIndex(({ id }) => id === after) + 1)
      .filter((record) => record.user === user && ["open", "publishing"].includes(record.state))
      .slice(0, limit);
  }

  async storedSince(user: string, since: string, most: number): Promise<number> {
    const stored = this.list(["finished"]).filter(
      (it) => it.user === user && (it.storedAt ?? it.updatedAt) >= since,
    );
    return Math.min(stored.length, most);
  }

  async users(after: string | null, limit: number): Promise<readonly string[]> {
    const users = new Set(this.list(["finished", "failed"]).map(({ user }) => user));
    return [...users]
      .sort()
      .filter((user) => after === null || user > after)
      .slice(0, limit);
  }

  /** For tests: all uploads in one of `states`, oldest first. */
  list(states: readonly UploadState[]): UploadRecord[] {
    return [...this.#records.values()].filter((record) => states.includes(record.state));
  }

  async forget(before: string, limit: number): Promise<number> {
    const old = this.list(["finished", "failed"]).filter(({ updatedAt }) => updatedAt < before);
    return this.#remove(old.slice(0, limit));
  }

  async trim(user: string, state: "finished" | "failed", keep: number, limit: number): Promise<number> {
    const ended = this.list([state]).filter((record) => record.user === user);
    const surplus = ended.sort(compareByChange).slice(0, Math.max(0, ended.length - keep));
    return this.#remove(surplus.slice(0, limit));
  }

  #remove(records: readonly UploadRecord[]): number {
    for (const { id } of records) {
      this.#records.delete(id);
      this.#metadata.delete(id);
    }
    return records.length;
  }

  async compact(): Promise<boolean> {
    return false;
  }

  close(): void {}

  #now(): number {
    return this.#clock.date().getTime();
  }
}

function sentDigest(metadataText: string, { added }: UploadRecord): string | null {
  return jsonDigest(sentMetadata({ metadataText, added }));
}

function compareByChange(a: UploadRecord, b: UploadRecord): number {
  const [first, second] = a.updatedAt === b.updatedAt ? [a.id, b.id] : [a.updatedAt, b.updatedAt];
  return first < second ? -1 : first > second ? 1 : 0;
}

function comparePlaces(a: ListPlace, b: ListPlace): number {
  if (a.createdAt !== b.createdAt) return a.createdAt < b.createdAt ? -1 : 1;
  return a.order - b.order;
}

function noUsage(user: string): UserUsage {
  return { user, stored: 0, underWay: 0, files: 0, unfinished: 0, lastAt: null, countedAt: null };
}
