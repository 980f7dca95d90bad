// Writes a batch file beside its place, and puts it there in one step when it is whole. What fails says so, and what was
// added so far can be read back: a disk that is full is no reason not to send. Used by `batch-store.ts`.

import { randomBytes } from "node:crypto";
import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { DyncError, messageOf } from "../../base/error.ts";
import {
  type BatchHead,
  type BatchLine,
  headBytes,
  headLine,
  isSameShared,
  lineOf,
  linesOf,
  type OwnPart,
  type SharedPart,
} from "./batch-lines.ts";

export const draftSuffix = ".tmp";

const blockChars = 256 * 1024;

export class BatchDraft {
  readonly #folder: string;
  readonly #file: string;
  readonly #handle: FileHandle;
  #shared: SharedPart | null = null;
  /** Lines that are not in the file yet. */
  #block: string[] = [];
  #blockChars = 0;
  /** Where in the file the next block goes. */
  #end = headBytes;

  private constructor(folder: string, file: string, handle: FileHandle) {
    this.#folder = folder;
    this.#file = file;
    this.#handle = handle;
  }

  /** Begins one in `folder`, which is made where it is missing. Throws `Unwritable`, as all that follows. */
  static async open(folder: string): Promise<BatchDraft> {
    const file = join(folder, `${randomBytes(8).toString("hex")}${draftSuffix}`);
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      return new BatchDraft(folder, file, await open(file, "wx+", 0o600));
    } catch (error) {
      throw new Unwritable(folder, error);
    }
  }

  /** Adds a job. What fails is to be told; the job is kept all the same. */
  async add(shared: SharedPart, own: OwnPart): Promise<void> {
    if (this.#shared === null || !isSameShared(this.#shared, shared)) {
      this.#shared = shared;
      this.#push(lineOf({ shared }));
    }
    this.#push(lineOf(own));
    if (this.#blockChars >= blockChars) await this.#flush();
  }

  #push(line: string): void {
    this.#block.push(line);
    this.#blockChars += line.length;
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.from(this.#block.join(""));
    try {
      for (let written = 0; written < bytes.length; )
        written += (await this.#handle.write(bytes, written, undefined, this.#end + written)).bytesWritten;
    } catch (error) {
      throw new Unwritable(this.#folder, error);
    }
    this.#end += bytes.length;
    this.#block = [];
    this.#blockChars = 0;
  }

  /** Puts the file, durably, in its place. */
  async finish(head: BatchHead, place: string): Promise<void> {
    await this.#flush();
    try {
      await this.#handle.write(Buffer.from(headLine(head)), 0, undefined, 0);
      await this.#handle.sync();
      await this.#handle.close();
      await rename(this.#file, place);
    } catch (error) {
      throw new Unwritable(this.#folder, error);
    }
  }

  /** What was added so far, without a first line. */
  async *lines(): AsyncGenerator<BatchLine, void, undefined> {
    await this.#handle.truncate(this.#end).catch(() => {});
    yield* linesOf(this.#handle, { begin: headBytes, end: this.#end });
    for (const line of this.#block) yield JSON.parse(line) as BatchLine;
  }

  /** When the file system says that it was last written. */
  async modifiedMs(): Promise<number> {
    return (await this.#handle.stat()).mtimeMs;
  }

  async discard(): Promise<void> {
    await this.#handle.close().catch(() => {});
    await rm(this.#file, { force: true }).catch(() => {});
  }
}

/** The folder takes nothing, or not all of it. */
export class Unwritable extends DyncError {
  constructor(folder: string, cause: unknown) {
    const reason = messageOf(cause).replace(/^[A-Z0-9]+: ([^,]+),.*$/, "$1");
    const hint = "dync keeps there which files are still to be sent; make the folder writable";
    super("configuration", `Cannot write to ${folder}: ${reason}`, { cause, hint });
  }
}
