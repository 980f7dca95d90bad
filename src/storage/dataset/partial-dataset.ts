// One unfinished dataset: a hidden folder in which the members of the tar become files as they come, each byte written once,
// beside a journal of everything else. To whoever sends it is a stream like any other, that can be read again and cut back.
//
// Files are written before the journal says so: what it says is there while the system runs, whatever becomes of our process. What
// is there and not in the journal goes when the dataset is opened again.

import { constants } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { assert } from "../../base/assert.ts";
import { DyncError } from "../../base/error.ts";
import { Turns } from "../../base/turns.ts";
import type { Destination } from "../../upload/destination.ts";
import type { Contents, Layout } from "../../upload/upload.ts";
import { syncFolder } from "../durable-files.ts";
import { closeFile, lookAt, makeFolder, openFile } from "../file-calls.ts";
import type { PartialUpload, StateKeeper } from "../partial.ts";
import type { PartialHome } from "../partial-file.ts";
import type { Sha256Maker } from "../sha256/sha256.ts";
import type { Description } from "../storage.ts";
import type { FileSystemSync } from "../syncfs/file-system-sync.ts";
import { Journal } from "./journal.ts";
import type { Entry } from "./journal-entries.ts";
import { contentsOf } from "./listing.ts";
import { MemberIndex } from "./member-index.ts";
import { Members } from "./members.ts";
import { repair } from "./repair.ts";
import { encodeStates, lastStateIn, ReplayedStates } from "./saved-states.ts";
import { StreamView } from "./stream-view.ts";
import { type Parts, partsOf, Tree } from "./tree.ts";
import { Unpacker } from "./unpacker.ts";
import type { WholeDataset } from "./whole-dataset.ts";

/** What a dataset needs from the storage that it belongs to. */
export interface DatasetHome extends Omit<PartialHome, "publish"> {
  /** Publishes the dataset, whose files are whole. */
  publish(
    id: string,
    destination: Destination,
    description: Description,
    dataset: WholeDataset,
  ): Promise<void>;
  /** Makes a whole file system durable, `null` where the system does not offer it. */
  readonly fileSystemSync: FileSystemSync | null;
  /** Most files and folders that a dataset may have. */
  readonly membersMax: number;
  /** By what files are hashed. */
  readonly sha256: Sha256Maker;
}

/** Where a dataset lies. */
interface Place {
  readonly id: string;
  /** The hidden folder. */
  readonly folder: string;
  /** See `Storage.begin`. */
  readonly root?: string | undefined;
}

// How many steps (a file looked at) are done in one turn of the event loop: some milliseconds. A record, of hundreds of
// members, takes as long alone.
const stepsPerTurn = 32;
const recordsPerTurn = 1;
const neverAborted = new AbortController().signal;

/** All that follows from the journal, and goes when some of it is cut off. */
interface Work {
  readonly index: MemberIndex;
  readonly members: Members;
  readonly tree: Tree;
  readonly unpacker: Unpacker;
  readonly view: StreamView;
}

export class PartialDataset implements PartialUpload {
  readonly #place: Place;
  readonly #home: DatasetHome;
  readonly #parts: Parts;
  readonly #turns = new Turns(stepsPerTurn, neverAborted);
  #journal: Journal;
  /** Opened before the first write, so that what is lost of it is told to who syncs by it; `null`: nobody does. */
  #descriptor: number | null;
  #work: Work;
  #length = 0;
  #synced = 0;
  /** What came after the last good sync may be lost: see the contract. */
  #isBroken = false;
  #isClosed = false;
  /** Those in the journal. */
  #states = new ReplayedStates();
  #syncing: Promise<void> | null = null;
  #contents: Contents | null = null;

  private constructor(place: Place, home: DatasetHome, journal: Journal, descriptor: number | null) {
    this.#place = place;
    this.#home = home;
    this.#journal = journal;
    this.#descriptor = descriptor;
    this.#parts = partsOf(place.folder, journal.layout);
    this.#work = this.#begin();
  }

  /** Makes an empty one. Throws the system's error. */
  static async create(place: Place, layout: Layout, home: DatasetHome): Promise<PartialDataset> {
    const { folder } = place;
    // Left by a process that died while it made this very one: nothing was ever written to it.
    if ((await lookAt(folder)) !== null) await rm(folder, { recursive: true });
    const parts = partsOf(folder, layout);
    await makeFolder(folder, 0o700);
    for (const path of new Set([parts.tree, parts.content])) await makeFolder(path);
    const journal = await Journal.create(parts.journal, layout);
    return new PartialDataset(place, home, journal, await openFolder(folder, home));
  }

  /**
   * Opens what is there, or returns `null`; where somebody else may have files of it open, these are given to `detach` first. Throws the
   * system's error, `ENOENT` among them.
   */
  static async open(
    place: Place,
    home: DatasetHome,
    detach?: (path: string) => Promise<void>,
  ): Promise<PartialDataset | null> {
    const { journal: path, tree } = partsOf(place.folder, "plain");
    // Without a beginning nothing was ever taken; without its files it has its name.
    const [isBegun, isThere] = [await lookAt(path), await lookAt(tree)];
    if (isBegun === null || isThere === null) return null;
    await detach?.(path);
    const journal = await Journal.open(path);
    if (journal === null) return null;
    const dataset = new PartialDataset(place, home, journal, await openFolder(place.folder, home));
    try {
      await dataset.#goBackTo(Number.POSITIVE_INFINITY);
      // One file at a time is written: what the journal knows as whole was closed before, and what it does not know went just now.
      const { unfinished } = dataset.#work.members;
      if (unfinished !== null) await detach?.(join(dataset.#parts.content, unfinished.file.path));
    } catch (error) {
      await dataset.#close();
      throw error;
    }
    return dataset;
  }

  #begin(): Work {
    const { fileSystemSync, membersMax, onTimeRefused, sha256 } = this.#home;
    const { layout } = this.#journal;
    const index = new MemberIndex(this.#parts.index);
    const members = new Members(index, { layout, membersMax, root: this.#place.root });
    const tree = new Tree(this.#parts, {
      syncsEach: fileSystemSync === null,
      sha256,
      onTimeRefused: (cause) => onTimeRefused(this.#place.id, cause),
    });
    const unpacker = new Unpacker(members, tree, this.#journal);
    return { index, members, tree, unpacker, view: new StreamView(this.#journal, index, this.#parts) };
  }

  get length(): number {
    return this.#length;
  }

  get synced(): number {
    return this.#synced;
  }

  async append(data: Uint8Array): Promise<void> {
    this.#assertUsable();
    try {
      await this.#work.unpacker.take(data);
      await this.#journal.flush();
    } catch (cause) {
      this.#isBroken = true;
      throw await this.#home.explain("written", cause);
    }
    this.#length += data.length;
  }

  sync(): Promise<void> {
    this.#assertUsable();
    assert(this.#syncing === null, "one sync at a time");
    this.#syncing = this.#sync().finally(() => {
      this.#syncing = null;
    });
    return this.#syncing;
  }

  async #sync(): Promise<void> {
    const length = this.#length;
    try {
      await this.#syncAll();
      this.#synced = length;
    } catch (cause) {
      this.#isBroken = true;
      throw await this.#home.explain("written", cause);
    }
  }

  async #syncAll(): Promise<void> {
    const { fileSystemSync, folder } = this.#home;
    if (this.#descriptor !== null) return await fileSystemSync?.sync(this.#descriptor);
    await this.#work.tree.sync();
    await this.#journal.sync();
    for (const path of [this.#parts.content, this.#parts.tree, this.#place.folder, folder])
      await syncFolder(path);
  }

  async read(offset: number, into: Uint8Array): Promise<number> {
    this.#assertUsable();
    const wanted = Math.max(0, Math.min(into.length, this.#length - offset));
    try {
      return await this.#work.view.read(offset, into.subarray(0, wanted));
    } catch (cause) {
      throw await this.#home.explain("read", cause);
    }
  }

  readonly states: StateKeeper = {
    keep: (state) => this.#keepState(state),
    last: async (limit) => {
      this.#assertUsable();
      const { stream } = this.#states;
      return stream === null || stream.length <= limit ? stream : await lastStateIn(this.#journal, limit);
    },
  };

  async #keepState(state: Uint8Array): Promise<void> {
    this.#assertUsable();
    try {
      this.#journal.addStates(encodeStates({ stream: state, file: this.#work.tree.state() }));
      await this.#journal.flush();
    } catch (cause) {
      this.#isBroken = true;
      throw await this.#home.explain("written", cause);
    }
    this.#states.stream = { length: this.#length, state };
  }

  async truncate(length: number): Promise<void> {
    assert(length >= 0 && length <= this.#length, "a partial is only ever cut back");
    await this.#settle();
    try {
      await this.#openAgain();
      await this.#goBackTo(length);
      await this.#syncAll();
    } catch (cause) {
      this.#isBroken = true;
      throw await this.#home.explain("cut back", cause);
    }
    this.#synced = length;
    this.#isBroken = false;
  }

  // After a failed sync the kernel may report success on the old descriptor without having written.
  async #openAgain(): Promise<void> {
    await this.#close();
    const journal = await Journal.open(this.#parts.journal);
    if (journal === null)
      throw new DyncError("internal", "The stored bytes of a dataset have lost their beginning");
    this.#journal = journal;
    this.#descriptor = await openFolder(this.#place.folder, this.#home);
    this.#isClosed = false;
  }

  /** Makes everything what it was after the first `length` bytes, as far as they are there. */
  async #goBackTo(length: number): Promise<void> {
    this.#work.index.close();
    this.#work = this.#begin();
    this.#contents = null;
    const { members, index, tree } = this.#work;
    const states = new ReplayedStates();
    this.#states = states;
    const visit = (entry: Entry, offset: number): Iterable<unknown> => {
      if (entry.type === "states") states.replay(entry, offset, members.unfinished);
      return members.replay(entry);
    };
    const end = await this.#journal.replay(length, visit, new Turns(recordsPerTurn, neverAborted));
    await this.#journal.goOn(end);
    this.#length = this.#journal.length;
    await repair(this.#parts, index, members.files, this.#turns);
    const { unfinished } = members;
    if (unfinished === null) return;
    const { file, taken } = unfinished;
    tree.goOn(file, taken, states.ofFile(file.number));
  }

  async contents(): Promise<Contents> {
    this.#assertUsable();
    this.#work.members.finish();
    this.#contents ??= await contentsOf(this.#work.index, this.#journal.layout, this.#turns);
    return this.#contents;
  }

  async publish(destination: Destination, description: Description): Promise<void> {
    this.#assertUsable();
    await this.#settle();
    let hasSynced = false;
    const sync = async (): Promise<void> => {
      // Also where it fails: a second one would know nothing of what the first one could not write.
      hasSynced = true;
      await this.#syncAll();
      this.#synced = this.#length;
    };
    try {
      await this.#home.publish(this.#place.id, destination, description, {
        parts: this.#parts,
        layout: this.#journal.layout,
        index: this.#work.index,
        contents: await this.contents(),
        syncsEach: this.#home.fileSystemSync === null,
        onTimeRefused: (cause) => this.#home.onTimeRefused(this.#place.id, cause),
        sync,
        close: () => this.#close(),
      });
    } catch (cause) {
      this.#isBroken = true;
      // All of it is there, and only what describes it found no room: nothing shall be sent again for that.
      if (!hasSynced) await sync().catch(() => {});
      throw await this.#home.explain("published", cause);
    }
  }

  async close(): Promise<void> {
    await this.#settle();
    await this.#close();
    await this.#home.letGo();
  }

  async discard(): Promise<void> {
    await this.#settle();
    await this.#close();
    try {
      await this.#home.discard(this.#place.id);
    } catch (cause) {
      throw await this.#home.explain("removed", cause);
    }
  }

  // A descriptor that is closed under a running call may be another file's by the time the call uses it.
  async #settle(): Promise<void> {
    await this.#syncing?.catch(() => {});
  }

  async #close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#work.view.close();
    await this.#work.tree.close();
    this.#work.index.close();
    this.#journal.close();
    if (this.#descriptor !== null) await closeFile(this.#descriptor);
    this.#descriptor = null;
  }

  #assertUsable(): void {
    assert(!this.#isClosed, "a partial is not used after it was closed");
    assert(!this.#isBroken, "a partial is cut back after a failure before it is used again");
  }
}

async function openFolder(folder: string, { fileSystemSync }: DatasetHome): Promise<number | null> {
  return fileSystemSync === null ? null : await openFile(folder, constants.O_RDONLY, 0);
}
