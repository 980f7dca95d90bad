// The storage workers of a server: which of them has which upload. A worker is started with the first upload that needs one, and an upload that
// comes back goes to the one that had it, which may still have the state of its checksum.

import type { Logger } from "../../base/log.ts";
import type { Prospect } from "../storage.ts";
import { type StartThread, startThread } from "./thread.ts";
import { WorkerLink, type WorkerParts } from "./worker-link.ts";

// As many as have the state of their checksum kept (parked-hashes.ts), in each of some workers.
const rememberedMax = 10_000;

export type StorageWorkersParts = Omit<WorkerParts, "start" | "onEnded"> & {
  /** Workers at most. */
  readonly threads: number;
  /** Uploads that are announced with at most so many bytes stay with the main thread. */
  readonly smallBytes: number;
  readonly log: Logger;
  /** How one is started, where that is not as a thread. */
  readonly start?: StartThread | undefined;
};

export class StorageWorkers {
  readonly #parts: StorageWorkersParts;
  readonly #links: WorkerLink[] = [];
  /** By the id of an upload, which worker had it last; the oldest first. */
  readonly #had = new Map<string, WorkerLink>();
  readonly #ending = new Set<WorkerLink>();
  /** They cannot be started here. */
  #isUseless = false;

  constructor(parts: StorageWorkersParts) {
    this.#parts = parts;
  }

  /** The worker for upload `id`; `null`: it is the main thread's. */
  of(id: string, { size }: Prospect): WorkerLink | null {
    if (this.#isUseless) return null;
    const had = this.#had.get(id);
    if (had === undefined && size !== undefined && size <= this.#parts.smallBytes) return null;
    const link = had?.isWorking === true ? had : this.#leastLoaded();
    this.#had.delete(id);
    this.#had.set(id, link);
    if (this.#had.size > rememberedMax)
      for (const oldest of this.#had.keys()) if (this.#had.delete(oldest)) break;
    return link;
  }

  #leastLoaded(): WorkerLink {
    let least: WorkerLink | null = null;
    for (const link of this.#links) if (least === null || link.load < least.load) least = link;
    if (least !== null && (least.load === 0 || this.#links.length >= this.#parts.threads)) return least;
    return this.#startOne();
  }

  #startOne(): WorkerLink {
    const { log } = this.#parts;
    const link: WorkerLink = new WorkerLink({
      ...this.#parts,
      start: this.#parts.start ?? startThread,
      onEnded: (reason, hasWorked) => {
        this.#links.splice(this.#links.indexOf(link), 1);
        this.#ending.add(link);
        if (hasWorked)
          return log.log("error", "A thread that stores uploads ended; its uploads go on in another one", {
            reason,
          });
        this.#isUseless = true;
        log.log("warn", "No threads that store uploads can be started: the main thread does it", { reason });
      },
    });
    this.#links.push(link);
    return link;
  }

  /** Ends them. All uploads are put away. */
  async close(): Promise<void> {
    this.#isUseless = true;
    await Promise.all([...this.#links, ...this.#ending].map((link) => link.close()));
  }
}
