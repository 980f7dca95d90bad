// One unfinished upload as a file: the path of every byte that a server receives. Writes straight from the
// caller's memory, without a copy. After a failure the descriptor is not trusted any more: only `truncate`,
// which opens the file anew, makes it usable again.

import * as fs from "node:fs";
import { promisify } from "node:util";
import { assert } from "../base/assert.ts";
import { systemClock } from "../base/clock.ts";
import { DyncError } from "../base/error.ts";
import { IoPace } from "../base/io-pace.ts";
import { timed } from "../base/stages.ts";
import { secondsText } from "../base/timestamp.ts";
import type { Destination } from "../upload/destination.ts";
import { syncFolder } from "./durable-files.ts";
import { changeTimes, fdatasync, fsync, openExisting, openFile, openNew, syncSmall } from "./file-calls.ts";
import { settleFile } from "./manner.ts";
import type { PartialUpload } from "./partial.ts";
import type { Description } from "./storage.ts";

/** What a partial needs from the storage that it belongs to. */
export interface PartialHome {
  /** Publishes the file at `path`, which is closed and on disk. */
  publish(id: string, destination: Destination, description: Description): Promise<void>;
  /** The error behind what the system said: also looks whether the folder of partials is still the same. */
  explain(action: string, cause: unknown): Promise<DyncError>;
  /** Nothing of it is open any more; never rejects, but for what the system says. */
  letGo(): Promise<void>;
  /** Removes the file and what a broken-off publish left of it. */
  discard(id: string): Promise<void>;
  /** The file system does not take the time of modification: the file is published with the time when it was written. */
  onTimeRefused(id: string, cause: unknown): void;
  /** Mode of published files. */
  readonly publishedMode: number;
  /** Where partials lie. */
  readonly folder: string;
}

/** Gives the file a copy of its first `length` bytes, see `PartialUpload.makeOwn`. Throws the system's error, or what `check` does. */
export type Detach = (length: number, check: () => void) => Promise<void>;

const closed = -1;
// So much is written in no time wherever a sync takes none.
const smallBytes = 64 * 1024;
const [ftruncate, read, write] = [promisify(fs.ftruncate), promisify(fs.read), promisify(fs.write)];

export class PartialFile implements PartialUpload {
  readonly #id: string;
  readonly #path: string;
  readonly #home: PartialHome;
  readonly #pace = new IoPace(systemClock);
  #descriptor: number;
  #length: number;
  #synced = 0;
  // The range after the last good sync may be lost: see the contract.
  #isBroken = false;
  // The file has its final name already (publishing was cut off at its end): its bytes must not change.
  #isPublished: boolean;
  #hasDurableEntry = false;
  #syncing: Promise<void> | null = null;
  /** Somebody else may write to the file; `null`: nobody does. */
  #detach: Detach | null = null;

  private constructor(
    id: string,
    path: string,
    home: PartialHome,
    descriptor: number,
    properties: Pick<fs.Stats, "size" | "nlink">,
  ) {
    this.#id = id;
    this.#path = path;
    this.#home = home;
    this.#descriptor = descriptor;
    this.#length = properties.size;
    this.#isPublished = properties.nlink > 1;
  }

  static async create(id: string, path: string, home: PartialHome): Promise<PartialFile> {
    const descriptor = await openFile(path, openNew, 0o600);
    return new PartialFile(id, path, home, descriptor, { size: 0, nlink: 1 });
  }

  /** Opens what is there; `detach` where somebody else may write to it. Throws the system's error, `ENOENT` among them. */
  static async open(
    id: string,
    path: string,
    home: PartialHome,
    detach: Detach | null = null,
  ): Promise<PartialFile> {
    const descriptor = await openFile(path, openExisting, 0);
    const properties = fs.fstatSync(descriptor);
    if (!properties.isFile()) {
      fs.closeSync(descriptor);
      throw new Error("A partial upload is not a file");
    }
    const file = new PartialFile(id, path, home, descriptor, properties);
    // What has its final name was closed before it got that.
    if (!file.#isPublished) file.#detach = detach;
    return file;
  }

  async makeOwn(check: () => void = () => {}): Promise<void> {
    if (this.#detach === null) return;
    try {
      await this.#detach(this.#length, check);
      const descriptor = await openFile(this.#path, openExisting, 0);
      this.#close();
      this.#descriptor = descriptor;
    } catch (cause) {
      this.#isBroken = true;
      throw await this.#home.explain("copied", cause);
    }
    this.#synced = this.#length;
    this.#detach = null;
  }

  get length(): number {
    return this.#length;
  }

  get synced(): number {
    return this.#synced;
  }

  async append(data: Uint8Array): Promise<void> {
    this.#assertUsable();
    if (this.#isPublished) throw isPublished();
    if (this.#detach !== null) await this.makeOwn();
    try {
      let done = 0;
      while (done < data.length) {
        const written = await this.#write(data, done, this.#length + done);
        if (written === 0) throw new Error("The system took no bytes");
        done += written;
      }
    } catch (cause) {
      this.#isBroken = true;
      throw await this.#home.explain("written", cause);
    }
    this.#length += data.length;
  }

  #write(data: Uint8Array, from: number, position: number): number | Promise<number> {
    const inPlace = () => fs.writeSync(this.#descriptor, data, from, data.length - from, position);
    const pooled = async () =>
      (await write(this.#descriptor, data, from, data.length - from, position)).bytesWritten;
    return timed("write", () => this.#pace.run(inPlace, pooled));
  }

  sync(): Promise<void> {
    this.#assertUsable();
    assert(this.#syncing === null, "one sync at a time");
    this.#syncing = this.#sync().finally(() => {
      this.#syncing = null;
    });
    return this.#syncing;
  }

  async read(offset: number, into: Uint8Array): Promise<number> {
    this.#assertUsable();
    const wanted = Math.max(0, Math.min(into.length, this.#length - offset));
    let done = 0;
    try {
      while (done < wanted) {
        const { bytesRead } = await read(this.#descriptor, into, done, wanted - done, offset + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
    } catch (cause) {
      throw await this.#home.explain("read", cause);
    }
    return done;
  }

  async truncate(length: number): Promise<void> {
    assert(length >= 0 && length <= this.#length, "a partial is only ever cut back");
    await this.#settle();
    // No more than that is copied.
    if (this.#detach !== null) {
      this.#length = this.#synced = length;
      this.#isBroken = false;
      return;
    }
    try {
      if (this.#isBroken || this.#descriptor === closed) {
        // After a failed fsync the kernel may report success on the old descriptor without having written.
        this.#close();
        this.#descriptor = await openFile(this.#path, openExisting, 0);
        this.#isPublished = fs.fstatSync(this.#descriptor).nlink > 1;
      }
      if (this.#isPublished && length !== this.#length) throw isPublished();
      await ftruncate(this.#descriptor, length);
      await fsync(this.#descriptor);
    } catch (cause) {
      this.#isBroken = true;
      throw await this.#home.explain("cut back", cause);
    }
    this.#length = this.#synced = length;
    this.#isBroken = false;
  }

  async contents(): Promise<null> {
    return null;
  }

  async publish(destination: Destination, description: Description): Promise<void> {
    this.#assertUsable();
    await this.#settle();
    if (this.#detach !== null) await this.makeOwn();
    try {
      // Before the file gets its name: afterwards there is nothing left to do but to name it.
      await settleFile(this.#descriptor, destination.manner, this.#home.publishedMode);
      if (description.modified != null) await this.#setModified(description.modified);
      await (this.#length - this.#synced <= smallBytes ? syncSmall : fsync)(this.#descriptor);
      this.#synced = this.#length;
      // Windows does not rename or remove what is open.
      this.#close();
      await this.#home.publish(this.#id, destination, description);
    } catch (cause) {
      this.#isBroken = true;
      throw await this.#home.explain("published", cause);
    }
  }

  // As exact as the runtimes take it: to a quarter of a microsecond. What the file system cannot say stays in the metadata.
  async #setModified(modified: string): Promise<void> {
    try {
      const seconds = secondsText(modified);
      await changeTimes(this.#descriptor, new Date(), seconds);
    } catch (cause) {
      this.#home.onTimeRefused(this.#id, cause);
    }
  }

  async close(): Promise<void> {
    await this.#settle();
    this.#close();
    await this.#home.letGo();
  }

  async discard(): Promise<void> {
    await this.#settle();
    this.#close();
    try {
      await this.#home.discard(this.#id);
    } catch (cause) {
      throw await this.#home.explain("removed", cause);
    }
  }

  async #sync(): Promise<void> {
    if (this.#detach !== null) await this.makeOwn();
    const length = this.#length;
    try {
      const data = fdatasync(this.#descriptor);
      // Together, so that a journalling file system commits both at once.
      await (this.#hasDurableEntry ? data : Promise.all([data, syncFolder(this.#home.folder)]));
      this.#hasDurableEntry = true;
      this.#synced = length;
    } catch (cause) {
      this.#isBroken = true;
      throw await this.#home.explain("written", cause);
    }
  }

  // A descriptor that is closed under a running call may be another file's by the time the call uses it.
  async #settle(): Promise<void> {
    await this.#syncing?.catch(() => {});
  }

  #close(): void {
    if (this.#descriptor === closed) return;
    const descriptor = this.#descriptor;
    this.#descriptor = closed;
    try {
      fs.closeSync(descriptor);
    } catch {
      // Closed all the same; what was not written is not counted as durable.
    }
  }

  #assertUsable(): void {
    assert(this.#descriptor !== closed, "a partial is not used after it was closed");
    assert(!this.#isBroken, "a partial is cut back after a failure before it is used again");
  }
}

function isPublished(): DyncError {
  return new DyncError("internal", "The file is published already and cannot change on the server");
}
