// Reads a stored upload again, from its disk, for the client that sent it: which then may delete what it has itself. Long work for
// whoever asks, so it is bounded: one at a time for a user, a few in all, and at a pace that uploads do not feel.

import type { Clock } from "../base/clock.ts";
import { DyncError, errorMeanings } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import { Semaphore } from "../base/semaphore.ts";
import type { TokenBucket } from "../base/token-bucket.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import { limits } from "../protocol/limits.ts";
import type { Refusal } from "../protocol/server/upload-life.ts";
import type { PostFile } from "../protocol/wire/message.ts";
import { storedName } from "../protocol/wire/stored-name.ts";
import type { Flaw, Storage } from "../storage/storage.ts";
import { nameFault } from "../upload/names.ts";
import { ReadingPace, readAgain, readingBucket, type StoredUpload } from "./paced-reading.ts";

export interface RereadParts {
  readonly catalogue: Catalogue;
  readonly storage: Storage;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether any upload moves just now. */
  readonly isBusy: () => boolean;
}

/** Who asks. */
export interface Reader {
  readonly user: string;
  /** Says that the server is at it; returns whether the client is there. */
  readonly poke: () => boolean;
  /** Aborts when no answer is wanted any more: it then is that reason. */
  readonly signal: AbortSignal;
}

const MiB = 1024 * 1024;
const atOnceMax = 2;
const ofUserMax = 1;
/** Of a user, with those that are read: who asks for more is told to come back. */
const waitingMax = 16;
/** In all, in bytes a second: while uploads move a small part of what a disk does, else what leaves others a turn. */
const rates = { busy: 16 * MiB, idle: 256 * MiB };
/** Whether it is busy is looked at so often. */
const lookEveryMs = 250;

export class Rereads {
  readonly #parts: RereadParts;
  readonly #all = new Semaphore();
  readonly #users = new Map<string, { readonly places: Semaphore; count: number }>();
  readonly #buckets = {
    busy: readingBucket(rates.busy),
    idle: readingBucket(rates.idle),
  };
  #isBusy = false;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: RereadParts) {
    this.#parts = parts;
  }

  /**
   * What is said of the upload `id` of this user, which was asked about by `post`, after all of it was read again. Rejects with
   * `DyncError`, also where nobody waits for it any more.
   */
  async answer(id: string, post: PostFile, { user, poke, signal }: Reader): Promise<Refusal> {
    const { clock } = this.#parts;
    const gone = new AbortController();
    const either = AbortSignal.any([signal, gone.signal]);
    // Whether the client is there shows in what it is sent, and it sees that the server is.
    let cancel = (): void => {};
    const beat = (): void => {
      if (!poke()) return gone.abort(new DyncError("timed-out", "Who asked is gone"));
      cancel = clock.after(limits.pokeMs, beat);
    };
    beat();
    try {
      return await this.#inTurn(user, either, () => this.#read(id, user, post, either));
    } finally {
      cancel();
    }
  }

  async #inTurn(user: string, signal: AbortSignal, read: () => Promise<Refusal>): Promise<Refusal> {
    const own = this.#users.get(user) ?? { places: new Semaphore(), count: 0 };
    if (own.count >= waitingMax) {
      const text = `${waitingMax} uploads of yours are to be read again already, the most that one user may have`;
      throw new DyncError("too-many-uploads", text);
    }
    this.#users.set(user, own);
    own.count++;
    try {
      // Its user's first: who asks for many keeps no other user's from being read.
      return await withPlace(own.places, ofUserMax, signal, () =>
        withPlace(this.#all, atOnceMax, signal, read),
      );
    } finally {
      if (--own.count === 0) this.#users.delete(user);
    }
  }

  async #read(id: string, user: string, post: PostFile, signal: AbortSignal): Promise<Refusal> {
    const name = storedName(post);
    const record = await this.#find(id, user, name);
    if (record === null)
      return notStored(`Nothing that you sent is stored as ${JSON.stringify(name)} by this id`);
    const isDataset = post.info.unpack !== undefined;
    const [wanted, content] = isDataset
      ? [post.info.files, record.content]
      : [post.info.sha256, record.sha256];
    const isOther = (record.form !== "file") !== isDataset || wanted === undefined || wanted !== content;
    if (isOther) return { code: mismatch, text: "What was stored then has another checksum" };
    const pace = new ReadingPace(this.#parts.clock, signal);
    const flaws: Flaw[] = [];
    const { catalogue, storage } = this.#parts;
    const isThere = await readAgain(record, await catalogue.metadataOf(id), storage, {
      pace: (bytes) => pace.wait(bytes, this.#bucket()),
      // What somebody put beside it is nothing that is missing. Of many the first says enough.
      flaw: async (flaw) => {
        if (flaw.kind !== "extra" && flaws.length < flawsMax) flaws.push(flaw);
      },
    });
    const [flaw] = flaws;
    const isSound = flaw === undefined && isThere;
    await catalogue.alarms.readAgain(record.id, isSound, this.#parts.clock.date().toISOString());
    if (!isSound) return this.#flawed(record, flaw, isThere);
    const { size, sha256 } = record;
    return {
      code: errorMeanings["name-taken"].wire,
      text: "It was read again just now, and is what was stored",
      info: {
        readAgain: id,
        upload: id,
        ...(size === null ? {} : { size }),
        ...(sha256 === null ? {} : { sha256 }),
        ...(isDataset && content !== null ? { files: content } : {}),
      },
    };
  }

  /** The stored upload `id`, if it is this user's and has that name. */
  async #find(id: string, user: string, name: string): Promise<StoredUpload | null> {
    const { catalogue, storage } = this.#parts;
    const record = await catalogue.get(id);
    if (record !== null) {
      const isMeant = record.state === "finished" && record.user === user && record.name === name;
      return isMeant ? record : null;
    }
    // Records are forgotten one day. What lies where uploads go by themselves says itself what it is.
    if (nameFault(name, "posix") !== null) return null;
    const published = (await storage.obstacle({ folder: user, name }))?.published ?? null;
    if (published?.id !== id || published.user !== user) return null;
    const { sha256, size, contents } = published;
    const form = contents?.layout ?? "file";
    return { id, user, name, place: null, form, sha256, size, content: contents?.list ?? sha256 };
  }

  #flawed({ id, user, name }: StoredUpload, flaw: Flaw | undefined, isThere: boolean): Refusal {
    const what = flaw === undefined ? "it is not there" : `${JSON.stringify(flaw.path)}: ${flaw.reason}`;
    const fields = { upload: id, user, name, reason: what };
    this.#parts.logger.log("error", "A stored upload is not as it was stored", fields);
    if (!isThere) return notStored("It was stored, and is not there any more");
    return { code: mismatch, text: `It is not as it was stored: ${what}` };
  }

  #bucket(): TokenBucket {
    const { clock, isBusy } = this.#parts;
    if (clock.now() - this.#lookedAt >= lookEveryMs) {
      this.#lookedAt = clock.now();
      this.#isBusy = isBusy();
    }
    return this.#isBusy ? this.#buckets.busy : this.#buckets.idle;
  }
}

const mismatch = errorMeanings["checksum-mismatch"].wire;
const flawsMax = 1;

function notStored(text: string): Refusal {
  return { code: errorMeanings["unknown-upload"].wire, text };
}

async function withPlace<T>(
  places: Semaphore,
  max: number,
  signal: AbortSignal,
  act: () => Promise<T>,
): Promise<T> {
  await places.take(max, signal);
  try {
    return await act();
  } finally {
    places.release();
  }
}
