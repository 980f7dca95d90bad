// What the simulated server stores: the memory storage and the memory catalogue, slow and failing as the faults say.
// Both outlive the server's process; a power cut takes what was not synced.

import { DyncError } from "../../src/base/error.ts";
import type { Catalogue } from "../../src/catalogue/catalogue.ts";
import type { PartialStorageOptions } from "../../src/storage/partial-storage.ts";
import { MemoryCatalogue } from "../support/memory/catalogue.ts";
import { ShortWrite, type StorageOperation } from "../support/memory/storage.ts";
import type { FaultPlan } from "./fault-plan.ts";
import type { Random } from "./random.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import { type SimulatedWorkersOptions, WorkedStorage } from "./simulated-workers.ts";
import type { Trace } from "./simulation-failure.ts";

export interface SimulatedDiskOptions {
  readonly random: Random;
  readonly faults: FaultPlan;
  readonly trace: Trace;
  readonly delayMs: () => number;
  /** A fault took `bytes` of upload `id` back, or may have. */
  readonly onLost: (id: string) => void;
  /** Ends the server's process here and now. */
  readonly crash: () => void;
  /** Threads that store uploads; `null`: there are none. */
  readonly workers: SimulatedWorkersOptions | null;
}

export class SimulatedDisk {
  readonly storage: WorkedStorage;
  readonly catalogue = new MemoryCatalogue();
  readonly #options: SimulatedDiskOptions;
  #process: SimulatedProcess | null = null;
  isFull = false;
  /** Whether something may have changed since this was set to false. */
  isTouched = true;

  constructor(options: SimulatedDiskOptions) {
    this.#options = options;
    this.storage = new WorkedStorage({
      before: (operation) => this.#before(operation),
      // Neither what was written nor what was there before: the worst that a disk can give back.
      lose: (unsynced) => {
        if (unsynced.length > 0) unsynced.fill(options.random.chance(0.5) ? 0 : 0xee);
      },
    });
  }

  /** From now on this process uses the disk. */
  mountFor(process: SimulatedProcess, options: PartialStorageOptions): void {
    this.#process = process;
    const { workers } = this.#options;
    if (workers === null) this.storage.mount(options);
    else this.storage.mountWithWorkers(process, options, workers);
  }

  async #before({ type, id }: StorageOperation): Promise<void> {
    const { random, faults, delayMs, crash, trace, onLost } = this.#options;
    const process = this.#process;
    if (process === null || !process.isAlive) return new Promise(() => {});
    await process.wait(delayMs());
    this.isTouched = true;
    const before = random.chance(0.5);
    if (before && faults.strikes("crash-at-step")) {
      trace(() => `crash before ${type} of ${id}`);
      crash();
      return new Promise(() => {});
    }
    if (this.isFull && (type === "append" || type === "create" || type === "publish")) {
      // Whether it was the data or its name that found no room nobody can tell: the data is sent again.
      if (type === "publish") onLost(id);
      throw new DyncError("no-space", "No space left on the server's disk");
    }
    const fault = faultOf(type);
    if (fault !== null && faults.strikes(fault)) {
      trace(() => `${fault} at ${type} of ${id}`);
      onLost(id);
      throw new DyncError("internal", `The file could not be used on the server (EIO)`);
    }
    if (type === "append" && faults.strikes("short-write")) {
      trace(() => `short write of ${id}`);
      onLost(id);
      throw new ShortWrite(1);
    }
  }

  /** The process, and perhaps the system, ended. */
  crash(isPowerLost: boolean): void {
    const { random, onLost } = this.#options;
    this.isTouched = true;
    // And of those whose worker was at fault, and had not said yet what it wrote.
    for (const { id, mark } of this.catalogue.list(["open", "publishing"]))
      if (isPowerLost || mark === null) onLost(id);
    this.storage.crash({
      bytesKept: (_id, durable, length) => (isPowerLost ? random.between(durable, length) : length),
      isShown: () => !isPowerLost || random.chance(0.5),
      isPowerLost,
    });
  }

  /** The catalogue as a process sees it: any call may fail for now, and a crash strike before or after each change. */
  catalogueFor(process: SimulatedProcess): Catalogue {
    const { catalogue } = this;
    const { faults, trace, delayMs } = this.#options;
    const ask = async <Result>(effect: () => Promise<Result>): Promise<Result> => {
      if (!faults.strikes("catalogue-trouble")) return effect();
      trace(() => "the catalogue cannot be used just now");
      throw new DyncError("not-ready", "The catalogue cannot be used just now");
    };
    const change = async <Result>(effect: () => Promise<Result>): Promise<Result> => {
      if (!process.isAlive) throw new DyncError("internal", "The process that asked for this crashed");
      await ask(async () => {});
      this.#crashPoint(process);
      const result = await effect();
      this.#crashPoint(process);
      // Calls take effect in their order; that it is durable is heard when the disk says so.
      await process.wait(delayMs());
      return result;
    };
    return {
      outbox: catalogue.outbox,
      alarms: catalogue.alarms,
      instruments: catalogue.instruments,
      admit: (...what) => change(() => catalogue.admit(...what)),
      withdraw: (hold) => change(() => catalogue.withdraw(hold)),
      take: (...what) => change(() => catalogue.take(...what)),
      change: (hold, what) => {
        // That a sync failed, and that the process dies before it could note that or cut the bytes off, is one fault too
        // many: see README.md.
        const isDistrust = what.verb === "progress" && what.mark === null;
        return isDistrust
          ? ask(() => catalogue.change(hold, what))
          : change(() => catalogue.change(hold, what));
      },
      grow: (...what) => change(() => catalogue.grow(...what)),
      room: (...question) => ask(() => catalogue.room(...question)),
      heldElsewhere: (...question) => ask(() => catalogue.heldElsewhere(...question)),
      usageOf: (user) => ask(() => catalogue.usageOf(user)),
      usages: (...question) => ask(() => catalogue.usages(...question)),
      recount: (...what) => change(() => catalogue.recount(...what)),
      amend: (...what) => change(() => catalogue.amend(...what)),
      find: (...question) => ask(() => catalogue.find(...question)),
      get: (id) => ask(() => catalogue.get(id)),
      withContent: (...question) => ask(() => catalogue.withContent(...question)),
      listPage: (...question) => ask(() => catalogue.listPage(...question)),
      withIdPrefix: (...question) => ask(() => catalogue.withIdPrefix(...question)),
      metadataOf: (id) => ask(() => catalogue.metadataOf(id)),
      unchanged: (...question) => ask(() => catalogue.unchanged(...question)),
      emptyOf: (...question) => ask(() => catalogue.emptyOf(...question)),
      endedOf: (...question) => ask(() => catalogue.endedOf(...question)),
      unfinishedOf: (...question) => ask(() => catalogue.unfinishedOf(...question)),
      storedSince: (...question) => ask(() => catalogue.storedSince(...question)),
      users: (after, limit) => ask(() => catalogue.users(after, limit)),
      forget: (before, limit) => change(() => catalogue.forget(before, limit)),
      trim: (...what) => change(() => catalogue.trim(...what)),
      compact: () => catalogue.compact(),
      close: () => {},
    };
  }

  #crashPoint(process: SimulatedProcess): void {
    if (!this.#options.faults.strikes("crash-at-step")) return;
    this.#options.trace(() => "crash at a change of the catalogue");
    this.#options.crash();
    if (!process.isAlive) throw new DyncError("internal", "The process that asked for this crashed");
  }
}

function faultOf(type: StorageOperation["type"]): "write-error" | "sync-error" | "read-error" | null {
  if (type === "append" || type === "create" || type === "truncate") return "write-error";
  if (type === "sync" || type === "publish" || type === "show") return "sync-error";
  return type === "read" || type === "open" ? "read-error" : null;
}
