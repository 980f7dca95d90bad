// Batches in `DYNC_HOME/batches/`: what each shall send is written down before its first message, so that what was never begun
// can be taken up as well. `ID.jobs` has one line for each file and is written in one step; `ID.log` gets a line for each that
// is done. Nothing of it decides what is stored: a mark that was lost costs a question to the server.

import { createHash, randomBytes } from "node:crypto";
import { appendFileSync, existsSync, rmSync } from "node:fs";
import { open, readdir, readFile, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { DyncError, messageOf, systemCode } from "../../base/error.ts";
import { FileLock } from "../../base/file-lock.ts";
import type { Job } from "../job.ts";
import type { Batch } from "./batch.ts";
import { BatchDraft, draftSuffix, Unwritable } from "./batch-draft.ts";
import {
  BatchDigest,
  type BatchHead,
  headBytes,
  linesOf,
  NoBatch,
  type OwnPart,
  ownPart,
  partsOf,
  type SharedPart,
  sharedPart,
} from "./batch-lines.ts";
import { FleetingBatch } from "./fleeting-batch.ts";
import { type BatchFiles, releaseBatch, removeBatch, WrittenBatch } from "./written-batch.ts";

/** A batch that is not done. */
export interface UnfinishedBatch {
  /** 32 lower-case hex digits. */
  readonly id: string;
  /** ISO 8601. */
  readonly startedAt: string;
  /** So many files are not done. */
  readonly files: number;
  /** What they have together; `null` where that is not known of one of them. */
  readonly bytes: number | null;
  /** The first of them, and to where. */
  readonly first: Pick<SharedPart, "host" | "port"> & { readonly path: string };
}

/** A file that is no batch, to this version of the program. */
export interface UnreadableBatch {
  readonly file: string;
  /** Whether a newer version of the program wrote it. */
  readonly isNewer: boolean;
}

const suffix = ".jobs";
const idPattern = /^[0-9a-f]{32}$/;
const leftoverAgeMsMin = 60 * 60_000;

export class BatchStore {
  readonly #folder: string;

  /** `home` is the DYNC_HOME folder. */
  constructor(home: string) {
    this.#folder = join(home, "batches");
  }

  /**
   * Writes down `jobs`, all of them; the same ones again are the same batch, which begins anew, and what is left of another one
   * is forgotten where all of it is in this one. Where nothing can be written the batch says why, and is sent all the same. Rejects with what the jobs throw, with the signal's reason, and with
   * `DyncError` ("failed") when another process is sending the same.
   */
  async begin(jobs: AsyncIterable<Job>, startedAt: string, signal: AbortSignal): Promise<Batch> {
    const rest = jobs[Symbol.asyncIterator]();
    let draft: BatchDraft | null = null;
    try {
      draft = await BatchDraft.open(this.#folder);
      await this.#clearLeftovers(draft).catch(() => {});
      const digest = new BatchDigest();
      const size = new Size();
      const others = await this.#names();
      const marks = new Set<string>();
      for (let next = await rest.next(); next.done !== true; next = await rest.next()) {
        signal.throwIfAborted();
        const [shared, own] = [sharedPart(next.value, resolve()), ownPart(next.value, size.files)];
        digest.add(shared, own);
        size.add(own);
        if (others.length > 0) marks.add(markOf(shared, own));
        await draft.add(shared, own);
      }
      const batch = await this.#beginWritten(draft, digest.text, size, startedAt);
      for (const name of others) await this.#forgetWithin(name.slice(0, -suffix.length), marks, batch);
      return batch;
    } catch (error) {
      if (error instanceof Unwritable) return new FleetingBatch({ fault: error, draft, rest });
      await draft?.discard();
      throw error;
    }
  }

  /** Forgets the batch `id`, if it is nobody's now, and all that is left of it is in another one. */
  async #forgetWithin(id: string, marks: ReadonlySet<string>, within: Batch): Promise<void> {
    const hold = id === within.id ? null : this.hold(id);
    if (hold === null) return;
    try {
      const { jobs, log } = this.#files(id);
      for await (const { shared, own } of leftOf(jobs, await doneIn(log)))
        if (!marks.has(markOf(shared, own))) return;
      hold.remove();
    } catch (error) {
      // What is no batch is left alone.
      if (!(error instanceof NoBatch)) throw error;
    } finally {
      hold.release();
    }
  }

  async #beginWritten(draft: BatchDraft, id: string, size: Size, startedAt: string): Promise<Batch> {
    const files = this.#files(id);
    const lock = FileLock.tryAcquire(files.lock);
    if (lock === null) {
      const hint = "wait for it, or stop it and give this command again";
      throw new DyncError("failed", "Another dync process is sending the same files already", { hint });
    }
    try {
      const known = await headOf(files.jobs).catch(() => null);
      const seed = known?.seed ?? randomBytes(16).toString("hex");
      const round = known === null ? 0 : known.round + 1;
      const head = { schema: 1, seed, round, startedAt: known?.startedAt ?? startedAt } as const;
      await draft.finish(head, files.jobs);
      rmSync(files.log, { force: true });
      return new WrittenBatch({ id, files, head, size, done: noNumbers, lock });
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** All batches that are not done, oldest first, and the files that are none, which are left alone. */
  async list(): Promise<{
    readonly batches: readonly UnfinishedBatch[];
    readonly unreadable: readonly UnreadableBatch[];
  }> {
    const batches: UnfinishedBatch[] = [];
    const unreadable: UnreadableBatch[] = [];
    for (const name of await this.#names()) {
      const id = name.slice(0, -suffix.length);
      const files = this.#files(id);
      try {
        const batch = idPattern.test(id) ? await this.#describe(id, files) : null;
        if (batch !== null) batches.push(batch);
      } catch (error) {
        unreadable.push({ file: files.jobs, isNewer: error instanceof NoBatch && error.isNewer });
      }
    }
    batches.sort((a, b) => a.startedAt.localeCompare(b.startedAt));
    return { batches, unreadable };
  }

  /** `null` when nothing of it is left. */
  async #describe(id: string, files: BatchFiles): Promise<UnfinishedBatch | null> {
    const { startedAt } = await headOf(files.jobs);
    const size = new Size();
    let first: UnfinishedBatch["first"] | null = null;
    for await (const { shared, own } of leftOf(files.jobs, await doneIn(files.log))) {
      size.add(own);
      first ??= { host: shared.host, port: shared.port, path: resolve(shared.folder, own.path) };
    }
    return first === null ? null : { id, startedAt, files: size.files, bytes: size.bytes, first };
  }

  /**
   * Takes up what is left of a batch. Resolves to `being-sent` when another process has it. Rejects with `DyncError`
   * ("configuration") where it cannot be read.
   */
  async takeUp(id: string): Promise<Batch | "being-sent"> {
    const files = this.#files(id);
    const lock = FileLock.tryAcquire(files.lock);
    if (lock === null) return "being-sent";
    try {
      const known = await headOf(files.jobs);
      const head = { ...known, round: known.round + 1 };
      const done = await doneIn(files.log);
      const left = await this.#compact(files, head, done).catch(async (error: unknown) => {
        // What cannot be written anew is sent as it is.
        if (error instanceof Unwritable) return { size: await sizeOf(leftOf(files.jobs, done)), done };
        throw error;
      });
      return new WrittenBatch({ id, files, head, ...left, lock });
    } catch (error) {
      lock.release();
      if (!(error instanceof NoBatch)) throw error;
      throw new DyncError("configuration", `${files.jobs} is no batch of uploads`, { cause: error });
    }
  }

  /** Writes anew what is left. Throws `Unwritable`. */
  async #compact(
    files: BatchFiles,
    head: BatchHead,
    done: ReadonlySet<number>,
  ): Promise<{ readonly size: Size; readonly done: ReadonlySet<number> }> {
    const draft = await BatchDraft.open(this.#folder);
    try {
      const size = new Size();
      for await (const { shared, own } of leftOf(files.jobs, done)) {
        size.add(own);
        await draft.add(shared, own);
      }
      await draft.finish(head, files.jobs);
      rmSync(files.log, { force: true });
      return { size, done: noNumbers };
    } catch (error) {
      await draft.discard();
      throw error;
    }
  }

  /** Marks a job as done of a batch that may be anybody's, or gone. */
  settle(id: string, number: number): void {
    const { jobs, log } = this.#files(id);
    if (existsSync(jobs)) appendFileSync(log, `${number}\n`, { mode: 0o600 });
  }

  /** Takes a batch for this process, to forget it. `null`: another process has it. */
  hold(id: string): { remove(): void; release(): void } | null {
    const files = this.#files(id);
    const lock = FileLock.tryAcquire(files.lock);
    if (lock === null) return null;
    return { remove: () => removeBatch(files), release: () => releaseBatch(files, lock) };
  }

  #files(id: string): BatchFiles {
    const file = (ending: string): string => join(this.#folder, `${id}${ending}`);
    return { jobs: file(suffix), log: file(".log"), lock: file(".lock") };
  }

  async #names(): Promise<readonly string[]> {
    try {
      return (await readdir(this.#folder)).filter((name) => name.endsWith(suffix));
    } catch (error) {
      if (systemCode(error) === "ENOENT") return [];
      const reason = messageOf(error).replace(/^[A-Z0-9]+: ([^,]+),.*$/, "$1");
      throw new DyncError("configuration", `Cannot read ${this.#folder}: ${reason}`, { cause: error });
    }
  }

  // What a process that was killed while it wrote, or in the end, left. Younger ones may be another process's.
  async #clearLeftovers(draft: BatchDraft): Promise<void> {
    const nowMs = await draft.modifiedMs();
    const names = new Set(await readdir(this.#folder));
    for (const name of names) {
      const isLeft = !names.has(name.replace(/\.[a-z]+$/, suffix)) || name.endsWith(draftSuffix);
      if (!isLeft) continue;
      const file = join(this.#folder, name);
      const modifiedMs = (await stat(file).catch(() => null))?.mtimeMs ?? nowMs;
      if (modifiedMs < nowMs - leftoverAgeMsMin) await rm(file, { force: true });
    }
  }
}

const noNumbers: ReadonlySet<number> = new Set();

/** The same for two jobs that send the same to the same place; some bytes, since there may be many. */
function markOf({ folder, host, port, selection }: SharedPart, { path, name }: OwnPart): string {
  const job = [host, port, resolve(folder, path), name, selection !== undefined];
  return createHash("sha256").update(JSON.stringify(job)).digest("base64url").slice(0, 16);
}

/** How much there is. */
class Size {
  files = 0;
  /** `null` where it is not known of one of them. */
  bytes: number | null = 0;

  add({ size, fault }: OwnPart): void {
    this.files += 1;
    if (fault !== undefined) return;
    this.bytes = this.bytes === null || size === undefined ? null : this.bytes + size;
  }
}

async function sizeOf(parts: AsyncIterable<{ readonly own: OwnPart }>): Promise<Size> {
  const size = new Size();
  for await (const { own } of parts) size.add(own);
  return size;
}

/** The first line of a batch file. Throws `NoBatch`. */
async function headOf(file: string): Promise<BatchHead> {
  const handle = await open(file, "r").catch(() => {
    throw new NoBatch(false);
  });
  try {
    for await (const line of linesOf(handle, { end: headBytes })) if ("batch" in line) return line.batch;
    throw new NoBatch(false);
  } finally {
    await handle.close();
  }
}

/** What is left of a batch, in its order. Throws `NoBatch`. */
async function* leftOf(
  file: string,
  done: ReadonlySet<number>,
): AsyncGenerator<{ readonly shared: SharedPart; readonly own: OwnPart }, void, undefined> {
  const handle = await open(file, "r");
  try {
    yield* partsOf(linesOf(handle), done);
  } finally {
    await handle.close();
  }
}

/** Numbers that are marked as done. A torn mark is none. */
async function doneIn(file: string): Promise<ReadonlySet<number>> {
  const text = await readFile(file, "utf8").catch(() => "");
  return new Set(text.split("\n").slice(0, -1).map(Number));
}
