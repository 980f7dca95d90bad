// Storage in memory, with faults that can be injected and a model of what a crash loses: for tests and the
// simulation. Same contract as `filesystem.ts`.

import { createHash } from "node:crypto";
import { assert } from "../../../src/base/assert.ts";
import { type Clock, systemClock } from "../../../src/base/clock.ts";
import { DyncError } from "../../../src/base/error.ts";
import type { PartialUpload } from "../../../src/storage/partial.ts";
import { PartialStorage, type PartialStorageOptions } from "../../../src/storage/partial-storage.ts";
import {
  type Description,
  NameTaken,
  type Obstacle,
  type Reading,
  type Storage,
  type StoredAs,
} from "../../../src/storage/storage.ts";
import { type Destination, pathOf } from "../../../src/upload/destination.ts";
import { occupiedNames, takenText } from "../../../src/upload/names.ts";
import { parseSidecar } from "../../../src/upload/sidecar.ts";
import { type MemoryBytes, MemoryPartial, type StorageOperation } from "./partial.ts";

export { ShortWrite, type StorageOperation } from "./partial.ts";

export interface MemoryStorageOptions {
  /** Bytes that partials and published files may take together. */
  readonly capacity?: number;
  /** Whose date partials were written at; the system's clock unless given. */
  readonly clock?: Clock;
  /** Runs before each operation takes effect: what it throws is the operation's failure, and it may delay. */
  readonly before?: (operation: StorageOperation) => void | Promise<void>;
  /**
   * What the medium makes of bytes that it took and never made durable, when a sync fails or a power cut comes;
   * they stay what they are unless given.
   */
  readonly lose?: (unsynced: Uint8Array) => void;
}

/** What a crash leaves of what was not synced. */
export interface CrashOutcome {
  /** Bytes that stay of a partial: from `durable` to `length`. */
  readonly bytesKept: (id: string, durable: number, length: number) => number;
  /** Whether the power failed: what was not synced may be anything. */
  readonly isPowerLost?: boolean;
  /** Whether a file that was shown, but not yet durable, stays shown. */
  readonly isShown: (id: string) => boolean;
}

export interface PublishedFile extends Destination, Description {
  readonly id: string;
  readonly bytes: Uint8Array;
}

/** A file under its final name: the same bytes as its partial, as with a hard link. */
interface Shown extends Destination, Description {
  /** Names that nobody else can have beside it: folding them anew for each question took most of a long test's time. */
  readonly occupied: ReadonlySet<string>;
  readonly id: string;
  readonly stored: MemoryBytes;
  isDurable: boolean;
}

export class MemoryStorage extends PartialStorage implements Storage {
  readonly #options: MemoryStorageOptions;
  readonly #partials = new Map<string, MemoryBytes>();
  readonly #published = new Map<string, Shown>();
  // Handles of a process that crashed do nothing any more.
  #life = 0;

  constructor(options: MemoryStorageOptions = {}) {
    super({ bootId: "boot", syncEveryBytes: 64 * 1024 * 1024 });
    this.#options = options;
  }

  /** From now on another process uses it, which remembers nothing. */
  mount(options: PartialStorageOptions): void {
    this.restart(options);
  }

  /** The process that used the storage died, and perhaps the machine with it. */
  crash(outcome: CrashOutcome): void {
    this.#life++;
    for (const [id, partial] of this.#partials) {
      const length = outcome.bytesKept(id, partial.durable, partial.length);
      assert(length >= partial.durable && length <= partial.length, "a crash keeps what was durable");
      partial.length = length;
      if (outcome.isPowerLost === true) this.#lose(partial);
    }
    for (const [id, file] of this.#published) {
      if (outcome.isPowerLost === true && !this.#partials.has(id)) this.#lose(file.stored);
      if (file.isDurable) continue;
      if (outcome.isShown(id)) file.isDurable = true;
      else this.#published.delete(id);
    }
  }

  // What is there after a restart is all that there is: nothing waits to be written any more.
  #lose(stored: MemoryBytes): void {
    this.#options.lose?.(stored.bytes.subarray(stored.durable, stored.length));
    stored.durable = stored.length;
  }

  /** Everything that can be seen under its final name. */
  published(): readonly PublishedFile[] {
    return [...this.#published.values()].map(({ stored, isDurable: _, occupied: __, ...file }) => {
      return { ...file, bytes: stored.bytes.subarray(0, stored.length) };
    });
  }

  /** Somebody takes a published file away. */
  remove(folder: string, name: string): void {
    for (const [id, file] of this.#published)
      if (file.folder === folder && file.name === name) this.#published.delete(id);
  }

  async create(id: string): Promise<PartialUpload> {
    await this.#before("create", id);
    assert(!this.#partials.has(id), "a partial is created once");
    const stored = { bytes: new Uint8Array(0), length: 0, durable: 0, writtenAt: this.#date() };
    this.#partials.set(id, stored);
    return this.#handle(id, stored);
  }

  async open(id: string): Promise<PartialUpload | null> {
    await this.#before("open", id);
    const stored = this.#partials.get(id);
    return stored === undefined ? null : this.#handle(id, stored);
  }

  async *ids(): AsyncGenerator<string> {
    yield* [...this.#partials.keys()];
  }

  async lookAt(id: string): Promise<{ readonly bytes: number; readonly writtenAt: Date } | null> {
    const stored = this.#partials.get(id);
    return stored === undefined ? null : { bytes: stored.length, writtenAt: stored.writtenAt };
  }

  async discard(id: string): Promise<void> {
    await this.#before("discard", id);
    this.#partials.delete(id);
  }

  async obstacle(destination: Destination): Promise<Obstacle | null> {
    return this.#obstacleAt(destination);
  }

  #obstacleAt({ folder, name }: Destination): Obstacle | null {
    const wanted = occupiedNames(name);
    const all = [...this.#published.values()].filter(
      (it) => it.folder === folder && wanted.some((one) => it.occupied.has(one)),
    );
    const file = all.find((it) => it.name === name) ?? all[0];
    if (file === undefined) return null;
    const { sha256, metadataText, id, stored } = file;
    const own = parseSidecar(metadataText);
    const nobody = {
      user: "nobody",
      metadataText: "{}",
      added: null,
      receivedAt: "1970-01-01T00:00:00.000Z",
      amended: undefined,
    };
    const { user, metadataText: text, added, receivedAt, amended } = own ?? nobody;
    const known = { id, user, name, size: stored.length, sha256, contents: null };
    const published = { ...known, metadataText: text, added, receivedAt, amended };
    return { file: file.name, published: file.name === name ? published : null };
  }

  async amend(id: string, { name }: Destination, metadataText: string): Promise<string> {
    const file = this.#published.get(id);
    if (file === undefined) throw new DyncError("unknown-upload", "It does not lie where it was stored");
    this.#published.set(id, { ...file, metadataText });
    return `${name}.meta.json.1`;
  }

  async tryDestination(): Promise<void> {}

  pathOf(): null {
    return null;
  }

  async isPublished(id: string, { folder, name }: Destination, sha256: string): Promise<boolean> {
    const file = this.#published.get(id);
    return file?.folder === folder && file.name === name && file.sha256 === sha256;
  }

  protected override async endPublishing(id: string): Promise<void> {
    const file = this.#published.get(id);
    assert(file !== undefined, "what is not visible is published from its beginning");
    await this.#before("show", id);
    file.isDurable = true;
    this.#partials.delete(id);
  }

  async readBack(destination: Destination, stored: StoredAs, { pace, flaw }: Reading): Promise<boolean> {
    const path = pathOf(destination);
    const file = this.#published.get(stored.id);
    if (file?.folder !== destination.folder || file.name !== destination.name) {
      await flaw({ kind: "missing", path, reason: "it is not there" });
      return false;
    }
    await pace(file.stored.length);
    const bytes = file.stored.bytes.subarray(0, file.stored.length);
    if (createHash("sha256").update(bytes).digest("hex") !== stored.sha256)
      await flaw({ kind: "damaged", path, reason: "its content is another one" });
    return true;
  }

  async freeBytes(): Promise<number | null> {
    const { capacity } = this.#options;
    return capacity === undefined ? null : Math.max(0, capacity - this.#used());
  }

  async close(): Promise<void> {}

  #handle(id: string, stored: MemoryBytes): PartialUpload {
    return new MemoryPartial(stored, {
      before: (type) => this.#before(type, id),
      free: () => (this.#options.capacity ?? Number.POSITIVE_INFINITY) - this.#used(),
      publish: (destination, description) => this.publish(id, destination, description),
      discard: () => void this.#partials.delete(id),
      lose: (unsynced) => this.#options.lose?.(unsynced),
      date: () => this.#date(),
    });
  }

  /** Gives a partial that is there, durable, its final name. */
  async publish(id: string, destination: Destination, description: Description): Promise<void> {
    await this.#before("publish", id);
    const stored = this.#partials.get(id);
    assert(stored !== undefined, "what is published is there");
    const obstacle = this.#published.has(id) ? null : this.#obstacleAt(destination);
    if (obstacle !== null) throw new NameTaken(takenText(destination.name, obstacle.file), obstacle);
    const file: Shown = {
      id,
      folder: destination.folder,
      name: destination.name,
      occupied: new Set(occupiedNames(destination.name)),
      sha256: description.sha256,
      metadataText: description.metadataText,
      modified: description.modified ?? null,
      stored,
      isDurable: false,
    };
    this.#published.set(id, file);
    await this.endPublishing(id);
  }

  async #before(type: StorageOperation["type"], id: string): Promise<void> {
    const life = this.#life;
    await this.#options.before?.({ type, id });
    if (life !== this.#life) throw new DyncError("internal", "The process that asked for this crashed");
  }

  #date(): Date {
    return (this.#options.clock ?? systemClock).date();
  }

  #used(): number {
    let used = 0;
    for (const { length } of this.#partials.values()) used += length;
    for (const { id, stored } of this.#published.values()) if (!this.#partials.has(id)) used += stored.length;
    return used;
  }
}
