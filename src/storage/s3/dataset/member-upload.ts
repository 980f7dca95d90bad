// One file of a dataset on its way into the store: an object by itself. What fits into a part is one request; what is longer is a multipart upload,
// whose parts the record tells of as it does of those of a file that is sent alone, and which is completed when the record tells of all.

import { createHash } from "node:crypto";
import { DyncError } from "../../../base/error.ts";
import { timed } from "../../../base/stages.ts";
import { secondsText } from "../../../base/timestamp.ts";
import type { FileMember } from "../../dataset/members.ts";
import type { Sha256 } from "../../sha256/sha256.ts";
import type { StoredNote } from "../../storage.ts";
import type { ObjectFacts, Part } from "../client/s3-client.ts";
import { S3Error } from "../client/s3-error.ts";
import type { Patience } from "../client/s3-request.ts";
import type { GrowingPart, PiecePlace } from "../growing-part.ts";
import type { S3Home } from "../home.ts";
import type { Ledger } from "../ledger.ts";
import { partsUnderWayMax } from "../part-plan.ts";
import { isOf } from "../publish-object.ts";
import { StoredParts } from "../stored-parts.ts";
import { abort } from "../upload-state.ts";

export interface MemberParts {
  readonly home: S3Home;
  /** Of the dataset's upload. */
  readonly id: string;
  readonly key: string;
  readonly file: FileMember;
  /** Where in the stream its content begins. */
  readonly start: number;
  readonly ledger: Ledger;
  /** Of what is stored of it. */
  readonly hash: Sha256;
  readonly tell: (note: StoredNote) => Promise<boolean>;
  /** Rejects where the record cannot say that the upload is still ours. */
  readonly confirm: () => Promise<void>;
  readonly onFailed: (error: unknown) => void;
}

export class MemberUpload {
  readonly parts: MemberParts;
  /** Of its content so far. */
  hash: Sha256;
  readonly #stored: StoredParts;
  #part: GrowingPart;
  #isCut: boolean;

  constructor(parts: MemberParts) {
    const { home, id, key, file, ledger, tell, onFailed } = parts;
    this.parts = parts;
    this.hash = parts.hash;
    this.#stored = new StoredParts({
      ...{ id, ledger, home, size: file.size, tell, onFailed },
      target: {
        ...{ key, about: aboutOf(id, file) },
        pieceKey: (place) => this.#pieceKey(place),
        // All that is begun below the dataset's name is ended with it.
        begun: async () => {},
      },
    });
    this.#part = this.#stored.rest();
    this.#isCut = ledger.uploadId !== null;
  }

  /** Whether it has parts. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** Whether it will have parts, as its size says. */
  get isLarge(): boolean {
    return this.#isCut || this.parts.file.size > this.#part.wanted;
  }

  /** Bytes that it has in memory. */
  get heldBytes(): number {
    return this.#part.heldBytes;
  }

  /** How many bytes fit before its part is whole. */
  get room(): number {
    return this.#part.wanted - this.#part.length;
  }

  /** Takes the next bytes, at most `room`, which are in the hash already. */
  add(bytes: Uint8Array): void {
    this.#part.add(bytes);
  }

  /** Its part is whole, and more is to come. `state`: of both checksums, behind it. */
  async cut(state: Uint8Array, patience: Patience): Promise<void> {
    this.#store(state, patience);
    await this.#stored.untilUnderWay(partsUnderWayMax - 1);
  }

  #store(state: Uint8Array, patience: Patience): void {
    const part = this.#part;
    this.#isCut = true;
    this.#stored.begin(part, state, patience);
    this.#part = this.#stored.behind(part);
  }

  /** Stores by itself what is in memory alone; it stays there as well where it `keeps`. */
  async spill(keeps: boolean, state: Uint8Array, patience: Patience): Promise<void> {
    await this.#stored.untilUnderWay(0);
    if (!keeps) this.parts.home.budget.giveBack(this.#part.letGo());
    if (this.#part.freshBytes === 0) return;
    await this.#stored.putPiece(this.#part.nextPiece(), state, keeps, patience);
  }

  /** All of it came, and it fits into one request: stores it. Resolves with its ETag. */
  async put(patience: Patience): Promise<string> {
    const part = this.#part;
    try {
      return await this.#stored.withBody(part, patience, (body) => this.#put(body, patience));
    } finally {
      this.parts.home.budget.giveBack(part.heldBytes);
    }
  }

  /** Removes pieces that are not needed any more. */
  async removePieces(patience: Patience): Promise<void> {
    for (const place of this.#part.pieces)
      await this.parts.home.client.remove(this.#pieceKey(place), patience);
  }

  get hasPieces(): boolean {
    return this.#part.pieces.length > 0;
  }

  #pieceKey({ offset, bytes }: PiecePlace): string {
    const { home, id, start } = this.parts;
    return home.keys.piece(id, { offset: start + offset, bytes });
  }

  async #put(body: readonly Uint8Array[], patience: Patience): Promise<string> {
    const { home, id, key, file, confirm } = this.parts;
    const about = aboutOf(id, file);
    const store = (isNew: boolean) =>
      timed("write", () => home.client.store(key, body, { about, isNew }, patience));
    const etag = await store(true);
    if (etag !== null) return etag;
    const there = await home.client.head(key, patience);
    if (there !== null) expectOwn(id, key, there);
    const md5 = (await home.client.md5(body)).toString("hex");
    // Stored by an earlier owner, or by a request whose answer got lost.
    if (there?.etag === md5 && there.size === file.size) return md5;
    await confirm();
    return (await store(false)) as string;
  }

  /** All of it came, in parts: stores the rest, and makes its object. Resolves with its ETag. */
  async complete(state: Uint8Array, patience: Patience): Promise<string> {
    if (this.#part.length > 0) this.#store(state, patience);
    await this.#stored.untilUnderWay(0);
    return await this.makeObject(patience);
  }

  /** Makes the object, where the record tells of all parts: the same, whoever does it and however often. */
  async makeObject(patience: Patience): Promise<string> {
    const { home, id, key, file, ledger, confirm } = this.parts;
    const before = await home.client.head(key, patience);
    if (before !== null) expectOwn(id, key, before);
    if (before !== null) await confirm();
    const target = { key, uploadId: ledger.uploadId as string };
    const outcome = await this.#completed(target, patience);
    const there = outcome === "exists" ? null : await home.client.head(key, patience);
    const isOurs = there !== null && isOf(id, there) && there.size === file.size;
    if (isOurs && (outcome === "done" || there.etag === etagOf(ledger.parts))) return there.etag;
    throw new DyncError(
      "not-ready",
      "The object store did not make an object of what was stored of a member",
    );
  }

  async #completed(
    target: { readonly key: string; readonly uploadId: string },
    patience: Patience,
  ): Promise<"done" | "exists" | "gone"> {
    const { home, id, ledger } = this.parts;
    try {
      return await home.client.complete(target, ledger.parts, patience, false);
    } catch (error) {
      if (!(error instanceof S3Error) || error.code !== "InvalidPart") throw error;
      // Ceph makes no object where a server that has lost the upload stored a part late.
      home.log.log(
        "error",
        "The object store has parts of a member that are not its own: the upload begins anew",
        {
          ...{ upload: id, key: target.key },
        },
      );
      await abort(home, target);
      throw new DyncError(
        "not-ready",
        "What was stored of a member was spoilt; the server asks for it again",
        {
          cause: error,
        },
      );
    }
  }

  /** Lets go of what is in memory. Nothing may be on its way. */
  forget(): void {
    this.#stored.forget();
    this.parts.home.budget.giveBack(this.#part.heldBytes);
    this.#part = this.#stored.rest();
  }

  /** Resolves when none of its parts is on its way, stored or failed. */
  async untilStored(): Promise<void> {
    while (this.#stored.underWay > 0) await this.#stored.untilUnderWay(0).catch(() => {});
  }
}

/** What is said of its object: whose it is, and its time as rclone writes it. */
function aboutOf(id: string, { modified }: FileMember): Readonly<Record<string, string>> {
  const own = { "dync-upload": id };
  return modified === null ? own : { ...own, mtime: secondsText(modified) };
}

function expectOwn(id: string, key: string, there: ObjectFacts): void {
  if (isOf(id, there)) return;
  throw new DyncError("internal", "Something else was put where the dataset goes in the object store", {
    hint: `look at ${key} in the object store, and take it away`,
  });
}

/** What a store calls an object that it makes of parts. */
function etagOf(parts: readonly Part[]): string {
  const all = createHash("md5");
  for (const { etag } of parts) all.update(Buffer.from(etag, "hex"));
  return `${all.digest("hex")}-${parts.length}`;
}
