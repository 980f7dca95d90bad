// Makes all that was written to a file system durable by one call (Linux: syncfs), where a dataset of ten thousand files would need as
// many. The call waits for the disk, so it is not made on the main thread; how depends on the runtime.

/** One for the process. */
export interface FileSystemSync {
  /**
   * Resolves when everything that was written to the file system of `descriptor` before the call is durable. Rejects with an error
   * that has a `code`, also when something was lost since the descriptor was opened, or since the last call with it.
   */
  sync(descriptor: number): Promise<void>;
  /** Ends what waits for calls. Nothing may be under way. */
  close(): Promise<void>;
}

/** The C libraries that have it: glibc, and musl as it is called by some systems. */
export const libraryNames = ["libc.so.6", `libc.musl-${process.arch === "x64" ? "x86_64" : "aarch64"}.so.1`];

/** What the system said by a number, as its other errors are. */
export function syncError(code: string): Error {
  return Object.assign(new Error(`${code}: syncfs`), { code });
}
