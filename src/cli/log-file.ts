// The file that the log goes to for programs, beside what people read. It is only ever added to, so that `tail -F` sees each line
// once; opened anew when somebody has moved it away; and tried again with the next line where it could not be written.

import { type FileHandle, open, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { DyncError, systemCode } from "../base/error.ts";
import { isPassing, whyUnreadable } from "../base/system-errors.ts";
import type { TextTarget } from "./sink.ts";

// Names of users and of their files are nobody's business but the server's and its group's.
const mode = 0o640;

export interface LogFileOptions {
  /** Absolute path of the file that is meant now, or `null`: none is. */
  readonly path: () => string | null;
  /** It cannot be written any more; told once, until it can be again. */
  readonly onFailed: (error: DyncError) => void;
}

/** What a `Sink` writes into a file. Everything happens one after the other, in the order of the calls. */
export class LogFile implements TextTarget, AsyncDisposable {
  readonly destroyed = false;
  readonly #options: LogFileOptions;
  #handle: FileHandle | null = null;
  #hasFailed = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: LogFileOptions) {
    this.#options = options;
  }

  /** Adds `text`, and calls `done` when the system has all of it, or with what was in the way. */
  write(text: string, done: (error?: unknown) => void): void {
    this.#inTurn(() => this.#append(Buffer.from(text))).then(
      () => done(),
      (error) => done(error),
    );
  }

  /**
   * Opens the file that is meant now, whatever is open. Rejects with a `DyncError` when it cannot be: "configuration", or
   * "unavailable" where that may pass. Then lines go where they went before.
   */
  reopen(): Promise<void> {
    return this.#inTurn(async () => {
      const path = this.#options.path();
      const before = this.#handle;
      this.#handle = path === null ? null : await openToAdd(path);
      this.#hasFailed = false;
      await before?.close();
    });
  }

  /** Nothing may be written any more. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#inTurn(async () => await this.#handle?.close());
  }

  async #append(bytes: Buffer): Promise<void> {
    const path = this.#options.path();
    try {
      if (this.#handle === null && path === null) return;
      this.#handle ??= await openToAdd(path as string);
      // A disk that is nearly full takes less than it is given, before it takes nothing.
      for (let at = 0; at < bytes.length; ) at += (await this.#handle.write(bytes, at)).bytesWritten;
      this.#hasFailed = false;
    } catch (cause) {
      if (!this.#hasFailed) this.#options.onFailed(logFileError(path ?? "", cause));
      this.#hasFailed = true;
      throw cause;
    }
  }

  #inTurn<T>(action: () => Promise<T>): Promise<T> {
    const result = this.#last.then(action);
    this.#last = result.catch(() => {});
    return result;
  }
}

async function openToAdd(path: string): Promise<FileHandle> {
  try {
    // To open a pipe would take until somebody reads it.
    const there = await stat(path).catch(() => null);
    if (there !== null && !there.isFile() && !there.isDirectory()) {
      throw new DyncError("configuration", `The log file ${path} is no file`);
    }
    return await open(path, "a", mode);
  } catch (cause) {
    throw logFileError(path, cause);
  }
}

function logFileError(path: string, cause: unknown): DyncError {
  if (cause instanceof DyncError) return cause;
  const isMissing = systemCode(cause) === "ENOENT";
  const why = isMissing ? `there is no folder ${dirname(path)}` : whyUnreadable(cause);
  const passes = isPassing(cause);
  const hint = "its folder has to be there, and the server's user has to be able to write in it";
  return new DyncError(
    passes ? "unavailable" : "configuration",
    `The log file ${path} cannot be written: ${why}`,
    passes ? { cause } : { cause, hint },
  );
}
