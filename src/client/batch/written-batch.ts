// A batch that is written down, while it is this process's: its jobs are read back as they are sent, so memory holds none of
// them, and each that is done gets a mark.

import { closeSync, existsSync, openSync, rmSync, writeSync } from "node:fs";
import { open } from "node:fs/promises";
import type { Batch, BatchJob } from "./batch.ts";
import { jobsOf, placeIn } from "./batch-jobs.ts";
import { type BatchHead, linesOf } from "./batch-lines.ts";

export interface BatchFiles {
  /** One line a file. */
  readonly jobs: string;
  /** One line for each that is done: its number. */
  readonly log: string;
  readonly lock: string;
}

export interface WrittenParts {
  readonly id: string;
  readonly files: BatchFiles;
  readonly head: BatchHead;
  readonly size: { readonly files: number; readonly bytes: number | null };
  /** Numbers that are done but still have a line. */
  readonly done: ReadonlySet<number>;
  readonly lock: { release(): void };
}

export class WrittenBatch implements Batch {
  readonly fault = null;
  readonly #parts: WrittenParts;
  #log: number | null = null;
  #left: number;

  constructor(parts: WrittenParts) {
    this.#parts = parts;
    this.#left = parts.size.files;
  }

  get id(): string {
    return this.#parts.id;
  }

  get size(): WrittenParts["size"] {
    return this.#parts.size;
  }

  async *jobs(): AsyncGenerator<BatchJob, void, undefined> {
    const { id, files, head, done } = this.#parts;
    const file = await open(files.jobs, "r");
    try {
      yield* jobsOf(linesOf(file), (number) => placeIn(id, head, number), done);
    } finally {
      await file.close();
    }
  }

  settle({ place }: BatchJob): void {
    this.#left -= 1;
    try {
      this.#log ??= openSync(this.#parts.files.log, "a", 0o600);
      writeSync(this.#log, `${place.number}\n`);
    } catch {
      // What is taken up without the mark is asked about once more, and is there already.
    }
  }

  async close(): Promise<void> {
    const { files, lock } = this.#parts;
    if (this.#log !== null) closeSync(this.#log);
    if (this.#left === 0) removeBatch(files);
    releaseBatch(files, lock);
  }
}

/** Removes the files of a batch but for its lock: the jobs first, without which the rest is nothing. */
export function removeBatch(files: BatchFiles): void {
  for (const file of [files.jobs, files.log]) rmSync(file, { force: true });
}

/** Lets go of a batch. Its lock stays a file for as long as there is something to be locked. */
export function releaseBatch(files: BatchFiles, lock: { release(): void }): void {
  lock.release();
  // Behind it: Windows keeps a file that is open.
  if (!existsSync(files.jobs)) rmSync(files.lock, { force: true });
}
