// The parts of one upload on their way into the store, and what the upload's record is told of them: numbers before they are used, parts in their order.

import { DyncError, messageOf } from "../../base/error.ts";
import { timed } from "../../base/stages.ts";
import type { StoredNote } from "../storage.ts";
import type { Part } from "./client/s3-client.ts";
import type { Patience } from "./client/s3-request.ts";
import { GrowingPart, type PiecePlace } from "./growing-part.ts";
import { type S3Home, soon } from "./home.ts";
import type { Ledger } from "./ledger.ts";
import { isOf } from "./publish-object.ts";
import type { UploadState } from "./upload-state.ts";

export interface StoredPartsParts {
  readonly id: string;
  readonly ledger: Ledger;
  /** Bytes that are to come; not there where nobody said. */
  readonly size: number | undefined;
  readonly home: S3Home;
  /** What they become. */
  readonly target: PartsTarget;
  /** Has `note` written down; resolves whether it is. Not there: nothing is written down any more. */
  readonly tell: ((note: StoredNote) => Promise<boolean>) | null;
  readonly onFailed: (error: unknown) => void;
}

/** The object that parts become. */
export interface PartsTarget {
  readonly key: string;
  readonly about: Readonly<Record<string, string>>;
  pieceKey(place: PiecePlace): string;
  /** Its multipart upload has begun, and has no part. */
  begun(state: UploadState, patience: Patience): Promise<void>;
}

interface UnderWay {
  readonly part: GrowingPart;
  number: number;
  /** Of the checksum, behind it. */
  readonly state: Uint8Array;
  etag: string | null;
}

const partsAtOnceOfAPiece = 2;

export class StoredParts {
  readonly #parts: StoredPartsParts;
  /** In their order. */
  readonly #underWay: UnderWay[] = [];
  readonly #waiting = new Set<() => void>();
  #running = 0;
  #beginning: Promise<void> | null = null;
  /** Numbers are given to parts in their order. */
  #numbering: Promise<unknown> = Promise.resolve();
  #error: unknown = null;

  constructor(parts: StoredPartsParts) {
    this.#parts = parts;
  }

  /** Parts that are being stored. */
  get underWay(): number {
    return this.#running;
  }

  /** The part that is filled behind all that is durable. */
  rest(): GrowingPart {
    const { ledger } = this.#parts;
    return this.#partAt(ledger.partBytes, ledger.parts.length, ledger.pieces);
  }

  /** The one that is filled behind `part`, which is the last one on its way. */
  behind(part: GrowingPart): GrowingPart {
    const before = this.#parts.ledger.parts.length + this.#underWay.length;
    return this.#partAt(part.start + part.length, before);
  }

  #partAt(start: number, before: number, pieces: readonly number[] = []): GrowingPart {
    const { size, home } = this.#parts;
    return new GrowingPart(start, home.plan.partBytesOf(size, before), pieces);
  }

  /** Begins to store `part`, behind all others; `state` is that of the checksum behind it. */
  begin(part: GrowingPart, state: Uint8Array, patience: Patience): void {
    const one: UnderWay = { part, number: 0, state, etag: null };
    this.#underWay.push(one);
    this.#running++;
    this.#store(one, patience)
      .catch((error: unknown) => {
        this.#error ??= error;
        this.#parts.onFailed(error);
      })
      .finally(() => {
        this.#running--;
        for (const wake of this.#waiting) wake();
        this.#waiting.clear();
      });
  }

  /** Resolves when no more than so many are being stored. Rejects when one of them failed. */
  async untilUnderWay(most: number): Promise<void> {
    while (this.#running > most) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.add(resolve);
      await promise;
    }
    if (this.#error !== null) throw this.#error;
  }

  async #store(one: UnderWay, patience: Patience): Promise<void> {
    const { client } = this.#parts.home;
    const target = await this.#begun(patience);
    const numbering = this.#numbering.then(() => this.#number(one, patience));
    this.#numbering = numbering.catch(() => {});
    await numbering;
    if (one.etag === null) {
      await this.#reserve(one.number);
      one.etag = await this.withBody(one.part, patience, (body) =>
        timed("write", () => client.putPart(target, one.number, body, patience)),
      );
    }
    await this.#advance();
  }

  async #number(one: UnderWay, patience: Patience): Promise<void> {
    const { ledger } = this.#parts;
    if (ledger.hasLeft) {
      const { client } = this.#parts.home;
      const md5 = await this.withBody(one.part, patience, (body) => client.md5(body));
      const adopted = ledger.adopt(one.part.length, md5.toString("hex"));
      if (adopted !== null) {
        one.number = adopted.number;
        one.etag = adopted.etag;
        return;
      }
    }
    one.number = ledger.takeNumber();
  }

  /** Its multipart upload, which the record knows of before it has a part. */
  async #begun(patience: Patience): Promise<{ readonly key: string; readonly uploadId: string }> {
    const { ledger, home, target } = this.#parts;
    this.#beginning ??= (async () => {
      if (ledger.uploadId !== null) return;
      const { key, about } = target;
      const uploadId = await home.client.begin(key, { about }, patience);
      await target.begun({ key, uploadId }, patience);
      ledger.uploadId = uploadId;
      ledger.key = key;
    })();
    await this.#beginning;
    return { key: ledger.key as string, uploadId: ledger.uploadId as string };
  }

  async #reserve(number: number): Promise<void> {
    const { ledger } = this.#parts;
    if (!ledger.isSure(number)) await this.#tell();
  }

  async #tell(): Promise<void> {
    const { ledger, tell } = this.#parts;
    const note = ledger.note();
    if (tell !== null && !(await tell(note))) throw takenAway();
    ledger.recorded(note);
  }

  async #advance(): Promise<void> {
    const { ledger, home } = this.#parts;
    const pieces: PiecePlace[] = [];
    let isNew = false;
    for (let first = this.#underWay[0]; first?.etag != null; first = this.#underWay[0]) {
      const { part, number, etag, state } = first;
      this.#underWay.shift();
      pieces.push(...part.pieces);
      home.budget.giveBack(part.heldBytes);
      const stored: Part = { number, etag, size: part.length };
      ledger.addPart(stored, state);
      isNew = true;
    }
    if (!isNew) return;
    await this.#tell();
    // Who goes on from the record needs what that tells of: then it goes with the upload.
    if (this.#parts.tell === null) return;
    for (const piece of pieces) await this.#removePiece(piece);
  }

  async #removePiece(place: PiecePlace): Promise<void> {
    const { home, id, target } = this.#parts;
    try {
      await home.client.remove(target.pieceKey(place), soon);
    } catch (error) {
      home.log.log("info", "A piece that is not needed any more goes with its upload", {
        upload: id,
        reason: messageOf(error),
      });
    }
  }

  /** Stores a piece of the part that is being filled, while no part is on its way. */
  async putPiece(
    piece: ReturnType<GrowingPart["nextPiece"]>,
    state: Uint8Array,
    keeps: boolean,
    patience: Patience,
  ): Promise<void> {
    const { home, ledger, target } = this.#parts;
    const { bytes, body, done } = piece;
    await timed("write", () => home.client.put(target.pieceKey(piece), body, {}, patience));
    done(keeps);
    if (!keeps) home.budget.giveBack(bytes);
    ledger.addPiece(bytes, state);
    await this.#tell();
  }

  /** Does `use` with all that is in `part`: pieces that are in the store alone are read again, and in memory until it is done. */
  async withBody<T>(
    part: GrowingPart,
    patience: Patience,
    use: (body: readonly Uint8Array[]) => Promise<T>,
  ): Promise<T> {
    const { home, target } = this.#parts;
    const read = async (place: PiecePlace): Promise<Uint8Array> => {
      const found = await home.client.read(target.pieceKey(place), patience);
      if (found === null) throw await this.#pieceGone(patience);
      return found.bytes;
    };
    if (part.heldBytes === part.length) return await use(await part.body(read));
    await home.assembling.take(partsAtOnceOfAPiece, patience.signal);
    try {
      return await use(await part.body(read));
    } finally {
      home.assembling.release();
    }
  }

  /** Why a piece is not there: whoever has the upload by now stored a part with it, or published all of it, or it is lost. */
  async #pieceGone(patience: Patience): Promise<DyncError> {
    const { home, id, ledger, target } = this.#parts;
    const { key, uploadId } = ledger;
    const isOpen = key !== null && uploadId !== null;
    const listed = isOpen ? await home.client.parts(key, uploadId, patience) : [];
    // An object is made before the pieces go that are in it.
    const made = isOpen ? null : await home.client.head(target.key, patience);
    const isPublished = made !== null && isOf(id, made);
    const isOthers = isPublished || listed === null || ledger.strangeAmong(listed).length > 0;
    return isOthers ? takenAway() : new DyncError("internal", "A stored piece of the upload is gone");
  }

  /** Lets go of what failed, while nothing is being stored. */
  forget(): void {
    for (const { part } of this.#underWay.splice(0)) this.#parts.home.budget.giveBack(part.heldBytes);
    this.#error = null;
    this.#beginning = null;
  }
}

/** The record says that somebody else has the upload, or cannot be had. */
export function takenAway(): DyncError {
  return new DyncError(
    "not-ready",
    "Something else is being done with this upload, or the catalogue is not there",
  );
}
