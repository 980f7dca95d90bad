// syncfs under Bun: a worker thread that does nothing but wait in it, started with the first call.

import { dlopen } from "bun:ffi";
import { getSystemErrorName } from "node:util";
import { workerUrl } from "../../base/worker-url.ts";
import { type FileSystemSync, libraryNames, syncError } from "./file-system-sync.ts";

export interface SyncQuestion {
  readonly call: number;
  readonly descriptor: number;
}

export interface SyncAnswer {
  readonly call: number;
  /** 0: it went well. */
  readonly errno: number;
}

/** `null` where no C library with the call is found. */
export function openBunSync(): FileSystemSync | null {
  const library = libraryNames.find((name) => {
    try {
      dlopen(name, { syncfs: { args: ["i32"], returns: "i32" } }).close();
      return true;
    } catch {
      return false;
    }
  });
  return library === undefined ? null : new WorkerSync(library);
}

class WorkerSync implements FileSystemSync {
  readonly #library: string;
  readonly #calls = new Map<number, PromiseWithResolvers<void>>();
  #worker: Worker | null = null;
  #last = 0;

  constructor(library: string) {
    this.#library = library;
  }

  sync(descriptor: number): Promise<void> {
    const call = ++this.#last;
    const promised = Promise.withResolvers<void>();
    this.#calls.set(call, promised);
    this.#worker ??= this.#start();
    this.#worker.ref();
    const question: SyncQuestion = { call, descriptor };
    this.#worker.postMessage(question);
    return promised.promise;
  }

  #start(): Worker {
    const worker = new Worker(workerUrl("./syncfs-worker.ts", "src/storage/syncfs", import.meta.url));
    worker.addEventListener("message", ({ data }: MessageEvent) => {
      const { call, errno } = data as SyncAnswer;
      const promised = this.#calls.get(call);
      this.#calls.delete(call);
      // A process that has nothing else to do may end.
      if (this.#calls.size === 0) worker.unref();
      if (errno === 0) promised?.resolve();
      else promised?.reject(syncError(getSystemErrorName(-errno)));
    });
    worker.addEventListener("error", ({ message }: ErrorEvent) => {
      // The next call starts another one.
      this.#worker = null;
      for (const { reject } of this.#calls.values())
        reject(new Error(`The thread that syncs failed: ${message}`));
      this.#calls.clear();
    });
    worker.postMessage({ library: this.#library });
    return worker;
  }

  async close(): Promise<void> {
    this.#worker?.terminate();
    this.#worker = null;
  }
}
