// A dataset that comes: what its tar asks for is done in the store, each file an object at its final key. Theory of operation.
//
// Small members are on their way some at a time. What the record is told follows from a *checkpoint*: all that is on its way arrives, what came of the tar
// and the checksums of files go into the journal (segments.ts), and the record says up to where that goes, and what there is of the member under way.
// While a large member comes nothing else is on its way, and each of its parts is told as that of a file is.
//
// Nothing is deleted before the dataset is published: what was taken out again, or never counted, goes then (publish-dataset.ts). So a server
// that has lost the upload, and is late, removes nothing that its successor stored.

import { setImmediate } from "node:timers/promises";
import { DyncError, messageOf } from "../../../base/error.ts";
import { timed } from "../../../base/stages.ts";
import { Turns } from "../../../base/turns.ts";
import type { Contents, Layout } from "../../../upload/upload.ts";
import type { Entry } from "../../dataset/journal-entries.ts";
import { contentsOf } from "../../dataset/listing.ts";
import type { MemberIndex } from "../../dataset/member-index.ts";
import type { FileMember, Members, Step } from "../../dataset/members.ts";
import type { Sha256 } from "../../sha256/sha256.ts";
import type { StoredNote } from "../../storage.ts";
import type { Patience } from "../client/s3-request.ts";
import { hashedBeside } from "../hashed-beside.ts";
import type { S3Home } from "../home.ts";
import { keyBytesMax } from "../keys.ts";
import { Ledger, parseMark } from "../ledger.ts";
import { takenAway } from "../stored-parts.ts";
import { keepState } from "../upload-state.ts";
import { type DatasetMark, noteOf, parseDatasetMark } from "./mark.ts";
import { type MemberParts, MemberUpload } from "./member-upload.ts";
import type { Segments } from "./segments.ts";

export interface WorkParts {
  readonly home: S3Home;
  readonly id: string;
  readonly layout: Layout;
  /** Below which all of the dataset lies. */
  readonly root: string;
  readonly index: MemberIndex;
  readonly members: Members;
  readonly segments: Segments;
  /** Whether the store knows of the upload. */
  readonly isClaimed: boolean;
  /** Has `note` written down; resolves whether it is. */
  readonly tell: (note: StoredNote) => Promise<boolean>;
  /** Otherwise what `tell` is told goes nowhere, and the record names what it named before. */
  readonly isWrittenDown: boolean;
  /** For how long the store is asked for what nobody waits for. */
  readonly patience: () => Patience;
  readonly onFailed: (error: unknown) => void;
}

/** Where in the stream somebody goes on. */
export interface Beginning {
  readonly hash: Sha256;
  readonly offset: number;
  readonly note: StoredNote;
}

/** A digest whose ETag comes when the file is stored. */
type Noted = Exclude<Entry, { type: "digest" }> | { type: "digest"; sha256: Uint8Array; etag: string | null };

/** The member under way, and the state of the stream's checksum where its content begins. */
interface Current {
  readonly upload: MemberUpload;
  readonly state: Uint8Array;
}

// Each is a request of its own, and most of it is waiting.
const membersUnderWayMax = 16;
// What is read of the tar in one turn: with nothing but headers in it some milliseconds.
const pieceBytes = 256 * 1024;
const filesPerTurn = 16;
const neverAborted = new AbortController().signal;

export class DatasetWork {
  readonly parts: WorkParts;
  #hash: Sha256;
  /** The state of the checksum when it was asked for. */
  #end: Uint8Array | null = null;
  #offset: number;
  #note: StoredNote;
  #current: Current | null = null;
  /** What the journal is to be told. */
  readonly #entries: Noted[] = [];
  /** Bytes of what of that is no content. */
  #rawBytes = 0;
  readonly #underWay = new Set<Promise<void>>();
  #error: unknown = null;
  /** Members that were put together from pieces, which are still there. */
  readonly #withPieces: MemberUpload[] = [];
  #isClaimed: boolean;
  #asked = 0;
  #telling: Promise<unknown> = Promise.resolve();

  constructor(parts: WorkParts, { hash, offset, note }: Beginning) {
    this.parts = parts;
    this.#hash = hash;
    this.#offset = offset;
    this.#note = note;
    this.#isClaimed = parts.isClaimed;
  }

  /** What can be relied on. */
  get note(): StoredNote {
    return this.#note;
  }

  get offset(): number {
    return this.#offset;
  }

  /** Bytes of the member under way that are in memory. */
  get heldBytes(): number {
    return this.#current?.upload.heldBytes ?? 0;
  }

  /** Bytes of what the journal is to be told, which are in memory until then. */
  get untoldBytes(): number {
    return this.#rawBytes;
  }

  /** Goes on in the midst of `file`, of which the ledger says what is stored. */
  goOn(file: FileMember, ledger: Ledger, hash: Sha256, state: Uint8Array): MemberUpload {
    const start = this.#offset - ledger.durable;
    const upload = new MemberUpload({ ...this.#memberParts(file), start, ledger, hash });
    this.#current = { upload, state };
    return upload;
  }

  /** Takes the next bytes of the stream, for which the budget lent memory. */
  async take(data: Uint8Array, patience: Patience): Promise<void> {
    const { budget } = this.parts.home;
    let lent = data.length;
    const keep = (bytes: number): void => {
      lent -= bytes;
    };
    try {
      for (let at = 0; at < data.length; at += pieceBytes, await setImmediate())
        for (const steps of this.parts.members.push(data.subarray(at, at + pieceBytes)))
          for (const step of steps) {
            await this.#perform(step, keep, patience);
            patience.signal?.throwIfAborted();
          }
    } finally {
      budget.giveBack(lent);
    }
  }

  async #perform(step: Step, keep: (bytes: number) => void, patience: Patience): Promise<void> {
    switch (step.type) {
      case "raw":
        this.#hash.update(step.bytes);
        this.#offset += step.bytes.length;
        this.#rawBytes += step.bytes.length;
        return void this.#entries.push({ type: "raw", bytes: step.bytes.slice() });
      case "folder":
        return;
      case "file":
        // What it takes the place of is there before.
        if (step.replaced !== null) await this.#settle(0);
        return await this.#begin(step.file);
      case "content":
        return await this.#content(step.bytes, keep, patience);
      case "end":
        return await this.#finish(step.file, patience);
      case "removal":
        await this.#settle(0);
        for (const _some of this.parts.members.removing(step.path)) await setImmediate();
    }
  }

  async #begin(file: FileMember): Promise<void> {
    const key = this.#keyOf(file);
    const bytes = Buffer.byteLength(key);
    if (bytes > keyBytesMax)
      throw new DyncError(
        "content-rejected",
        `A path in the tar becomes ${bytes} bytes in the object store, which takes ${keyBytesMax}: give the folder shorter names`,
      );
    await this.#claim();
    const hash = this.parts.home.sha256.create();
    const state = this.state();
    const ledger = new Ledger(Buffer.concat([state, saved(hash)]));
    const upload = new MemberUpload({ ...this.#memberParts(file), ledger, hash });
    if (upload.isLarge) await this.#settle(0);
    this.#current = { upload, state };
  }

  /** The store knows of the upload before it has anything of it. */
  async #claim(): Promise<void> {
    const { home, id, root, patience } = this.parts;
    if (!this.#isClaimed) await keepState(home, id, { members: root }, patience());
    this.#isClaimed = true;
  }

  #keyOf({ path }: FileMember): string {
    return `${contentRoot(this.parts)}${path}`;
  }

  #memberParts(file: FileMember): Omit<MemberParts, "ledger" | "hash"> {
    const { home, id, onFailed } = this.parts;
    return {
      ...{ home, id, key: this.#keyOf(file), file, start: this.#offset, onFailed },
      tell: (note) => this.#tell(note),
      confirm: () => this.confirm(),
    };
  }

  async #content(bytes: Uint8Array, keep: (bytes: number) => void, patience: Patience): Promise<void> {
    const { upload } = this.#current as Current;
    for (let from = 0; from < bytes.length; ) {
      if (upload.room === 0) await upload.cut(this.#bothStates(), patience);
      const piece = bytes.subarray(from, from + upload.room);
      const beside = hashedBeside(this.parts.home, [this.#hash, upload.hash], piece);
      const [hash, own] = beside === null ? [] : await beside;
      patience.signal?.throwIfAborted();
      if (hash === undefined || own === undefined) {
        timed("hash", () => {
          this.#hash.update(piece);
          upload.hash.update(piece);
        });
      } else [this.#hash, upload.hash] = [hash, own];
      upload.add(piece);
      keep(piece.length);
      this.#offset += piece.length;
      from += piece.length;
    }
  }

  #bothStates(): Uint8Array {
    const { upload } = this.#current as Current;
    return Buffer.concat([this.state(), saved(upload.hash)]);
  }

  async #finish(file: FileMember, patience: Patience): Promise<void> {
    const { upload } = this.#current as Current;
    const both = this.#bothStates();
    const sha256 = upload.hash.digest();
    const digest: Noted = { type: "digest", sha256, etag: null };
    if (upload.isCut) digest.etag = await upload.complete(both, patience);
    this.#current = null;
    if (!upload.isCut) this.#put(upload, digest, patience);
    if (file.size > 0) this.#entries.push({ type: "content", length: file.size });
    this.#entries.push(digest);
    this.parts.members.ended(file, sha256, digest.etag);
    await this.#settle(membersUnderWayMax - 1);
  }

  /** All of it is there, as an earlier owner wrote down, and is an object now that is called `etag`. */
  finishOld({ parts: { file }, hash }: MemberUpload, etag: string): void {
    const sha256 = hash.digest();
    this.#current = null;
    this.#entries.push({ type: "content", length: file.size }, { type: "digest", sha256, etag });
    this.parts.members.ended(file, sha256, etag);
  }

  #put(upload: MemberUpload, digest: Noted & { type: "digest" }, patience: Patience): void {
    const storing = (async () => {
      try {
        digest.etag = await upload.put(patience);
        this.parts.index.putEtag(upload.parts.file.path, digest.etag);
        if (upload.hasPieces) this.#withPieces.push(upload);
      } catch (error) {
        this.#error ??= error;
        this.parts.onFailed(error);
      }
    })();
    this.#underWay.add(storing);
    void storing.then(() => this.#underWay.delete(storing));
  }

  /** Resolves when no more than so many small members are on their way. Rejects when one failed. */
  async #settle(most: number): Promise<void> {
    while (this.#underWay.size > most) await Promise.race(this.#underWay);
    if (this.#error !== null) throw this.#error;
  }

  /** State of the checksum of all that came. */
  state(): Uint8Array {
    return this.#end ?? saved(this.#hash);
  }

  /** Has the record say how far all is stored, but for what is in memory of the member under way. */
  async checkpoint(patience: Patience): Promise<void> {
    await this.#settle(0);
    const upload = this.#current?.upload ?? null;
    if (upload !== null) await upload.untilStored();
    const ledger = upload === null ? null : upload.parts.ledger.note();
    if (!(await this.#tell(ledger))) throw takenAway();
    if (ledger !== null) upload?.parts.ledger.recorded(ledger);
    await this.#tidy(patience);
  }

  /** The same, with what is in memory alone, which stays there as well where it `keeps`. */
  async spill(keeps: boolean, patience: Patience): Promise<void> {
    await this.#settle(0);
    await this.#current?.upload.spill(keeps, this.#bothStates(), patience);
    if (this.#note.durable < this.#offset) await this.checkpoint(patience);
  }

  /** Has written down what is stored: all that came before the member under way, and of that what `ledger` says. */
  #tell(ledger: StoredNote | null): Promise<boolean> {
    return this.#inTurn(() => this.#tellNow(ledger));
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const telling = this.#telling.then(work);
    this.#telling = telling.catch(() => {});
    return await telling;
  }

  async #tellNow(ledger: StoredNote | null): Promise<boolean> {
    const { segments, layout } = this.parts;
    await this.#claim();
    const told = this.#entries.length;
    await segments.add(this.#entries, this.parts.patience());
    this.#entries.splice(0, told);
    this.#rawBytes = 0;
    return await this.#write({
      ...{ layout, segment: segments.name, asked: this.#asked },
      at: this.#current?.upload.parts.start ?? this.#offset,
      state: Buffer.from(this.#current?.state ?? this.state()).toString("base64"),
      member: parseMark(ledger?.mark ?? null),
    });
  }

  async #write(mark: Omit<DatasetMark, "v">): Promise<boolean> {
    const note = noteOf(mark);
    if (!(await this.parts.tell(note))) return false;
    this.#note = note;
    return true;
  }

  /** What is there already is written over, or taken away, by who has the upload, and by nobody else: rejects where that is another one. */
  async confirm(): Promise<void> {
    const { layout, home } = this.parts;
    const isOurs = await this.#inTurn(async () => {
      // Not what was written down a moment ago, which would be believed without asking.
      const asked = ++this.#asked;
      const nothing = Buffer.from(saved(home.sha256.create())).toString("base64");
      const before = parseDatasetMark(this.#note.mark) ?? {
        layout,
        at: 0,
        state: nothing,
        segment: null,
        member: null,
      };
      return await this.#write({ ...before, asked });
    });
    if (!isOurs) throw takenAway();
  }

  async #tidy(patience: Patience): Promise<void> {
    const { home, id, segments, isWrittenDown } = this.parts;
    if (!isWrittenDown) return;
    try {
      await segments.tidy(patience);
      for (const upload of this.#withPieces.splice(0)) await upload.removePieces(patience);
    } catch (error) {
      const message = "A piece that is not needed any more goes with its upload";
      home.log.log("info", message, { upload: id, reason: messageOf(error) });
    }
  }

  /** SHA-256 of all that came, hex; nothing may come any more. */
  digest(): string {
    this.#end = this.state();
    return this.#hash.digest().toString("hex");
  }

  /** What is in it. Rejects with "content-rejected" when it is not whole. */
  async contents(): Promise<Contents> {
    const { members, index, layout } = this.parts;
    members.finish();
    return await contentsOf(index, layout, new Turns(filesPerTurn, neverAborted));
  }

  /** Resolves when nothing is on its way any more, stored or failed. */
  async untilStored(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.race(this.#underWay);
    await this.#current?.upload.untilStored();
    await this.#telling;
  }

  /** Lets go of all memory. Nothing may be on its way. */
  forget(): void {
    this.#current?.upload.forget();
    this.#current = null;
    this.parts.index.close();
  }
}

/** Below which the files of a dataset lie. */
export function contentRoot({ root, layout }: Pick<WorkParts, "root" | "layout">): string {
  return layout === "bagit" ? `${root}data/` : root;
}

function saved(hash: Sha256): Uint8Array {
  const state = hash.save();
  if (state === null) throw new DyncError("internal", "The state of the checksum cannot be saved here");
  return state;
}
