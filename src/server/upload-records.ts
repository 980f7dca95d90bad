// What is known of uploads, for whoever looks after the server: lists of them, and all about one. Reads only, in slices, so that
// uploads go on meanwhile.

import type { Clock } from "../base/clock.ts";
import { DyncError } from "../base/error.ts";
import { jsonValue, readJson } from "../base/json-text.ts";
import { Turns } from "../base/turns.ts";
import type {
  Catalogue,
  ListPlace,
  UploadFilter,
  UploadRecord,
  UploadState,
} from "../catalogue/catalogue.ts";
import type { Delivery } from "../catalogue/outbox.ts";
import type { RulesOf } from "../config/server-settings.ts";
import { fingerprintOf } from "../keys/key.ts";
import type { ReceiptGiver } from "../receipts/statement.ts";
import { ruleNameFor } from "../rules/upload-rules.ts";
import type { Storage } from "../storage/storage.ts";
import { destinationOf, pathOf } from "../upload/destination.ts";
import { hasValue } from "../upload/metadata-field.ts";
import { isAskedToUnpack, type Layout } from "../upload/upload.ts";
import { publishedAs } from "./publication.ts";
import { recordedFacts } from "./receipts.ts";
import type { Progress } from "./session.ts";
import type { DeliveryState, ShownState } from "./shown-states.ts";
import { type StoryPart, storyOf } from "./upload-story.ts";

const recordStates: Readonly<Record<ShownState, UploadState>> = {
  receiving: "open",
  waiting: "open",
  held: "open",
  publishing: "publishing",
  stored: "finished",
  failed: "failed",
};

/** Which uploads: as `UploadFilter`, with the states that people know. */
export interface UploadQuery extends Omit<UploadFilter, "states"> {
  readonly states?: readonly ShownState[] | undefined;
}

/** An upload in a list. */
export interface ShownUpload {
  readonly id: string;
  readonly user: string;
  readonly name: string;
  /** Where it lies, or will, below the data folder. */
  readonly path: string;
  /** `null`: it is a file. */
  readonly dataset: Layout | null;
  readonly state: ShownState;
  /** Bytes in all, or `null`: nobody said. */
  readonly size: number | null;
  /** Bytes that have arrived; of one that failed, that had and were durable. */
  readonly bytes: number;
  readonly sha256: string | null;
  /** ISO 8601, UTC; so is the other. */
  readonly startedAt: string;
  readonly changedAt: string;
  readonly code: number | null;
  readonly reason: string | null;
}

/** All that is known of one. */
export interface UploadDetails extends ShownUpload {
  /** The same as people find it: a path from the root, or an address. */
  readonly location: string;
  /** Whether it lies there; `null` where it is not stored. */
  readonly isThere: boolean | null;
  /** Of the key that began it, or `null` where that is not known. */
  readonly fingerprint: string | null;
  readonly client: string | null;
  /** When the client's file was last modified. */
  readonly modified: string | null;
  /** When all of it had come. */
  readonly receivedAt: string | null;
  /** Files of a dataset, where it is known. */
  readonly files: number | null;
  /** SHA-256 over the list of a dataset's files, once known. */
  readonly list: string | null;
  /** Since its client is here, or `null`. */
  readonly bytesPerSecond: number | null;
  /** `null`: it is not kept any more. */
  readonly metadataText: string | null;
  /** What became of it, in order. */
  readonly story: readonly StoryPart[];
}

export interface UploadRecordsParts {
  readonly catalogue: Catalogue;
  readonly storage: Storage;
  /** How far an upload is that has a client, or `null`. */
  readonly progressOf: (id: string) => Progress | null;
  readonly rulesOf: RulesOf;
  readonly clock: Pick<Clock, "date">;
  /** Who signs receipts; nobody unless given. */
  readonly receipts?: ReceiptGiver | undefined;
  readonly deliveryStateOf: (delivery: Delivery) => DeliveryState;
}

/** What became of a list. */
export interface Listed {
  readonly listed: number;
  /** Whether there are more than were asked for. */
  readonly more: boolean;
  /** Of so many nobody can say whether they are meant: their metadata is gone. */
  readonly unsure: number;
}

const pageRecords = 200;
const ambiguousMax = 5;

export class UploadRecords {
  readonly #parts: UploadRecordsParts;

  constructor(parts: UploadRecordsParts) {
    this.#parts = parts;
  }

  /** Tells those that `query` is about, the latest begun first, and at most `limit`. */
  async list(
    query: UploadQuery,
    limit: number,
    tell: (upload: ShownUpload) => Promise<void>,
    signal: AbortSignal,
  ): Promise<Listed> {
    let listed = 0;
    let unsure = 0;
    for await (const found of this.each(query, limit, signal)) {
      if (found === "unsure") unsure++;
      else if (listed === limit) return { listed, more: true, unsure };
      else {
        listed++;
        await tell(this.shown(found));
      }
    }
    return { listed, more: false, unsure };
  }

  /** The same as records; `enough` is about how many are wanted. "unsure" stands for one of which it cannot be said. */
  async *each(
    { states, ...rest }: UploadQuery,
    enough: number,
    signal: AbortSignal,
  ): AsyncGenerator<UploadRecord | "unsure"> {
    const { catalogue } = this.#parts;
    const filter = { ...rest, states: states && [...new Set(states.map((it) => recordStates[it]))] };
    const turns = new Turns(1, signal);
    let given = 0;
    for (let after: ListPlace | null = null; ; await turns.step()) {
      // One more says that there are more; what a page had already is not looked for again.
      const wanted = given > enough ? pageRecords : Math.min(pageRecords, enough + 1 - given);
      const page = await catalogue.listPage(filter, after, wanted);
      for (const { record, isSure } of page.uploads) {
        if (states !== undefined && !states.includes(this.#stateOf(record))) continue;
        const isMeant = isSure || (await this.#hasFields(record, rest.fields ?? []));
        if (isMeant === true) given++;
        if (isMeant !== false) yield isMeant === null ? "unsure" : record;
        signal.throwIfAborted();
      }
      after = page.next;
      if (after === null) return;
    }
  }

  /** The upload with this id, or the only one whose id begins so. Throws `DyncError` ("unknown-upload", "usage"). */
  async find(id: string): Promise<UploadRecord> {
    const found = await this.#parts.catalogue.withIdPrefix(id, ambiguousMax + 1);
    const [record, second] = found;
    if (record === undefined)
      throw new DyncError("unknown-upload", `No upload is known whose id is, or begins with, ${id}`, {
        hint: '"dync-server uploads list" shows those that are known',
      });
    if (second === undefined) return record;
    const ids = found.slice(0, ambiguousMax).map((it) => it.id);
    const more = found.length > ambiguousMax ? ", and more" : "";
    throw new DyncError(
      "usage",
      `Several uploads have an id that begins with ${id}: ${ids.join(", ")}${more}`,
      {
        hint: "give more of it",
      },
    );
  }

  /** All about the upload that `find` finds. */
  async show(id: string): Promise<UploadDetails> {
    const record = await this.find(id);
    const { catalogue, storage, clock, progressOf, deliveryStateOf } = this.#parts;
    const { outbox, alarms } = catalogue;
    const published = record.state === "finished" ? await publishedAs(record, storage) : null;
    const text = (await catalogue.metadataOf(record.id)) ?? published?.metadataText ?? null;
    const shown = this.shown(record);
    const location = storage.pathOf(destinationOf(record)) ?? shown.path;
    return {
      ...shown,
      story: storyOf(record, {
        ...{ now: clock.date().getTime(), location, published, rule: this.#ruleOf(record, text) },
        hasReceipt: this.#parts.receipts !== undefined && recordedFacts(record) !== null,
        deliveries: (await outbox.of(record.id)).map((it) => ({ ...it, state: deliveryStateOf(it) })),
        told: await outbox.toldOf(record.id),
        damagedSince: await alarms.damagedSince(record.id),
      }),
      size: shown.size ?? published?.size ?? null,
      location,
      isThere: record.state === "finished" ? published !== null : null,
      fingerprint: record.origin === null ? null : fingerprintOf(record.origin),
      client: record.client,
      modified: record.modified,
      receivedAt: record.receivedAt,
      files: published?.contents?.files ?? null,
      list: record.form === "file" ? null : record.content,
      bytesPerSecond: progressOf(record.id)?.bytesPerSecond ?? null,
      metadataText: text !== null && readJson(text).type === "json" ? text : null,
    };
  }

  /** Name of the rule that takes it now, or `null`. */
  #ruleOf({ user, name, form, place }: UploadRecord, metadataText: string | null): string | null {
    if (metadataText === null || readJson(metadataText).type !== "json") return null;
    const { uploads } = this.#parts.rulesOf(user);
    return ruleNameFor(uploads, { user, name, isDataset: isAskedToUnpack({ form, place }) }, metadataText);
  }

  /** `record` as lists have it. */
  shown(record: UploadRecord): ShownUpload {
    const { id, user, name, form, size, durable, sha256, createdAt, updatedAt, errorCode } = record;
    const reason = record.reason ?? record.held;
    const bytes = record.state === "finished" ? (size ?? durable) : durable;
    return {
      ...{ id, user, name, dataset: form === "file" ? null : form, state: this.#stateOf(record), size },
      bytes: this.#parts.progressOf(id)?.bytes ?? bytes,
      path: pathOf(destinationOf(record)),
      ...{ sha256, startedAt: createdAt, changedAt: updatedAt, code: errorCode, reason },
    };
  }

  #stateOf({ id, state, held, sha256 }: UploadRecord): ShownState {
    // Complete, whether its client has heard of it or not.
    if (state === "open" && held !== null && sha256 !== null) return "held";
    if (state === "open" && this.#parts.progressOf(id) !== null) return "receiving";
    if (state === "open") return held === null ? "waiting" : "held";
    return state === "finished" ? "stored" : state;
  }

  /** By the metadata beside its file, or `null` where that is not there. */
  async #hasFields(
    record: UploadRecord,
    fields: NonNullable<UploadFilter["fields"]>,
  ): Promise<boolean | null> {
    const published = await publishedAs(record, this.#parts.storage);
    if (published === null) return null;
    const metadata = jsonValue(published.metadataText);
    return fields.every((it) => hasValue(metadata, it));
  }
}
