// Makes the entries of folders durable, once for all uploads that wait: of many that publish side by side in one user's folder
// each needs two such calls, and one call answers everybody who asked before it began.

import { syncFolder } from "./durable-files.ts";

export class FolderSyncs {
  readonly #running = new Map<string, Promise<void>>();
  /** Those that begin when the running one is over. */
  readonly #next = new Map<string, Promise<void>>();

  /** Resolves when every entry that `folder` had at the time of the call is durable. Rejects with the system's error. */
  sync(folder: string): Promise<void> {
    const next = this.#next.get(folder);
    if (next !== undefined) return next;
    const running = this.#running.get(folder);
    // It may have begun before the entry was made.
    if (running === undefined) return this.#run(folder);
    const begun = (): Promise<void> => {
      this.#next.delete(folder);
      return this.#run(folder);
    };
    const waiting = running.then(begun, begun);
    this.#next.set(folder, waiting);
    return waiting;
  }

  #run(folder: string): Promise<void> {
    const running = syncFolder(folder).finally(() => {
      if (this.#running.get(folder) === running) this.#running.delete(folder);
    });
    this.#running.set(folder, running);
    return running;
  }
}
