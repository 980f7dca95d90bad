// Watches a folder: looks, sends what is ready, looks again. Once, or for as long as nobody stops it. What it finds out goes to the list
// (`watch-list.ts`), which decides; how anything is sent is for who made it.

import { type Clock, sleep } from "../base/clock.ts";
import { DyncError } from "../base/error.ts";
import { doubled, jittered, type Pauses } from "../base/pauses.ts";
import { untilOneFails } from "../base/until-one-fails.ts";
import { BeingSent } from "../client/resumption.ts";
import { isOfServer } from "../client/servers.ts";
import type { Receipt } from "../client/upload.ts";
import type { SentEntry } from "./folder/sent-memory.ts";
import { Hurry } from "./hurry.ts";
import { type Looker, type Ready, readyMax } from "./looker.ts";
import { costOf, pauseAfter } from "./pace.ts";
import { ReadyQueue } from "./ready-queue.ts";
import { isInUse, refusalOf } from "./refusal.ts";
import type { WaitReason } from "./wait-reason.ts";
import type { WatchList } from "./watch-list.ts";

/** Is told how each ended. */
export interface SendEnds {
  readonly stored: (ready: Ready, receipt: Receipt) => void | Promise<void>;
  readonly failed: (ready: Ready, error: unknown) => void;
}

export interface WatcherParts {
  readonly clock: Clock;
  readonly list: WatchList;
  readonly looker: Pick<Looker, "all" | "some" | "isStill">;
  /** Sends all that comes, and resolves when each has ended. Rejects when the signal aborts. */
  readonly send: (ready: AsyncIterable<Ready>, ends: SendEnds, signal: AbortSignal) => Promise<void>;
  /** Remembers what was sent. */
  readonly remember: (entry: SentEntry) => void;
  /** Is called after each look: for what is done now and then. */
  readonly onLooked?: () => void;
  /** Calls back when the system says that something in the folder changed; what that returns stops it. */
  readonly onChange: (hurry: () => void) => () => void;
  readonly settleMs: number;
  /** Numbers in [0, 1), for jitter. */
  readonly random: () => number;
}

// After the server could not be reached, with all the patience of an upload.
export const serverPauses: Pauses = { minMs: 15_000, maxMs: 10 * 60_000 };
// A look in between is cheap as long as not too much waits.
const lookedAgainMax = 200;
// A look in between finds out nothing of them: their turn comes, or somebody is at it.
const notSeenAgain: readonly WaitReason[] = ["queued", "left", "live"];
// So many come after the others when nothing is left that is ready.
const inTurnMax = 200;

export class Watcher {
  readonly #parts: WatcherParts;
  readonly #queue = new ReadyQueue<Ready>();
  #underWay = 0;
  /** Whether there may be some that are complete, and wait for nothing but their turn. */
  #hasMore = false;
  /** What the server, or the way to it, failed with last; `null` where something was stored since. */
  #serverFault: DyncError | null = null;

  constructor(parts: WatcherParts) {
    this.#parts = parts;
  }

  /**
   * Sends what is complete, or becomes so while it is looked at as long as an entry has to be quiet. Resolves to why the server could not be
   * reached, `null` where it could. Rejects when the signal aborts.
   */
  async once(signal: AbortSignal): Promise<DyncError | null> {
    const { clock, looker, settleMs } = this.#parts;
    // What the first look saw late, since it took long, has its time as well.
    let lookedAt: number | null = null;
    for (;;) {
      const elapsedMs = lookedAt === null ? 0 : clock.now() - lookedAt;
      const ready = await looker.all(signal);
      this.#hasMore = true;
      lookedAt ??= clock.now();
      if (ready.length > 0) {
        this.#queue.push(ready);
        await this.#session(false, signal);
        const fault = this.#serverFault;
        this.#returnAll();
        if (fault !== null) return fault;
      } else if (elapsedMs > settleMs || !this.#isAnySettling()) return null;
      else await sleep(clock, pauseAfter({ wallMs: 0, cpuMs: 0 }, settleMs, true), signal);
    }
  }

  #isAnySettling(): boolean {
    const { settling = 0, changing = 0, queued = 0 } = this.#parts.list.reasons;
    return settling + changing + queued > 0;
  }

  /** Watches until the signal aborts, and rejects then. */
  async forever(signal: AbortSignal): Promise<void> {
    await untilOneFails([(it) => this.#lookLoop(it), (it) => this.#sendLoop(it)], signal);
  }

  async #lookLoop(signal: AbortSignal): Promise<void> {
    const { clock, looker, onChange, settleMs } = this.#parts;
    const hurry = new Hurry();
    const stopEvents = onChange(() => hurry.now());
    try {
      let wholeDueAt = clock.now();
      let hurriedFrom = wholeDueAt;
      let again = this.#toBeSeenAgain();
      while (true) {
        const isWhole = clock.now() >= wholeDueAt || (hurry.isAsked && clock.now() >= hurriedFrom);
        if (isWhole) hurry.done();
        const cost = await costOf(clock, async () => {
          const room = readyMax - this.#queue.length;
          this.#push(await (isWhole ? looker.all(signal, room) : looker.some(again.paths, signal)));
          if (isWhole) this.#hasMore = true;
        });
        this.#parts.onLooked?.();
        const now = clock.now();
        if (isWhole) wholeDueAt = now + pauseAfter(cost, settleMs, false);
        if (isWhole) hurriedFrom = now + pauseAfter(cost, settleMs, true);
        again = this.#toBeSeenAgain();
        const againAt =
          again.paths.length === 0
            ? Number.POSITIVE_INFINITY
            : now + pauseAfter(cost, settleMs, again.isSoon);
        await hurry.sleep(clock, { until: Math.min(wholeDueAt, againAt), hurriedFrom }, signal);
      }
    } finally {
      stopEvents();
    }
  }

  /** What waits for something that a look can see, unless that is much; `isSoon`: some of it may be complete soon. */
  #toBeSeenAgain(): { readonly paths: readonly string[]; readonly isSoon: boolean } {
    const { list } = this.#parts;
    const { settling = 0, changing = 0 } = list.reasons;
    const isSoon = settling + changing > 0;
    const others = notSeenAgain.reduce((sum, reason) => sum + (list.reasons[reason] ?? 0), 0);
    if (list.counts.waiting - others > lookedAgainMax) return { paths: [], isSoon };
    const paths: string[] = [];
    for (const { path, reason } of list.waiting()) if (!notSeenAgain.includes(reason)) paths.push(path);
    return { paths, isSoon };
  }

  #push(ready: readonly Ready[]): void {
    const { list } = this.#parts;
    // They wait for more than their turn.
    const fault = this.#serverFault;
    if (fault !== null)
      for (const { sighting } of ready)
        list.waits(sighting.path, { reason: "retrying", detail: fault.message });
    this.#queue.push(ready);
  }

  async #sendLoop(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#parts;
    signal.addEventListener("abort", () => this.#queue.close(), { once: true });
    let failures = 0;
    while (!this.#queue.isClosed) {
      if (this.#queue.length === 0) {
        await this.#queue.change();
        continue;
      }
      await this.#session(true, signal);
      const fault = this.#serverFault;
      if (fault === null) {
        failures = 0;
        continue;
      }
      this.#returnAll();
      await sleep(clock, jittered(doubled(serverPauses, failures++), random()), signal);
    }
  }

  /** Sends what is in the queue, and what comes while something is under way, until the server fails us. */
  async #session(goesOn: boolean, signal: AbortSignal): Promise<void> {
    this.#serverFault = null;
    const ends: SendEnds = {
      stored: (ready, receipt) => this.#ended(() => this.#stored(ready, receipt)),
      failed: (ready, error) => this.#ended(() => this.#failed(ready, error, signal)),
    };
    await this.#parts.send(this.#jobs(goesOn, signal), ends, signal);
  }

  async *#jobs(goesOn: boolean, signal: AbortSignal): AsyncGenerator<Ready, void, undefined> {
    const { list, looker, clock } = this.#parts;
    while (this.#serverFault === null && !this.#queue.isClosed) {
      const ready = this.#queue.take() ?? (await this.#nextInTurn(signal));
      if (ready === undefined) {
        if (!goesOn || this.#underWay === 0) return;
        await this.#queue.change();
        continue;
      }
      if (!(await looker.isStill(ready, signal))) list.changed(ready.sighting.path, clock.now());
      else {
        this.#underWay += 1;
        yield ready;
      }
    }
  }

  /** Of those that the last look at everything had no room for. */
  async #nextInTurn(signal: AbortSignal): Promise<Ready | undefined> {
    const { list, looker } = this.#parts;
    const { queued = 0 } = list.reasons;
    if (!this.#hasMore || queued <= this.#underWay) return undefined;
    const ready = await looker.some(list.inTurn(inTurnMax), signal);
    this.#hasMore = ready.length > 0;
    this.#queue.push(ready);
    return this.#queue.take();
  }

  #ended(note: () => void): void {
    this.#underWay -= 1;
    note();
    this.#queue.wake();
  }

  #returnAll(): void {
    const { list } = this.#parts;
    const detail = this.#serverFault?.message ?? "";
    for (let ready = this.#queue.take(); ready !== undefined; ready = this.#queue.take()) {
      list.returned(ready.sighting.path);
      list.waits(ready.sighting.path, { reason: "retrying", detail });
    }
  }

  #stored({ sighting, job }: Ready, { sha256, uploadId, storedAs }: Receipt): void {
    const { clock, list, remember } = this.#parts;
    const { path, kind, fingerprint } = sighting;
    this.#serverFault = null;
    const at = clock.date().toISOString();
    remember({ path, kind, fingerprint, sha256, upload: uploadId, name: storedAs ?? job.name, at });
    list.sent(path, fingerprint.text);
  }

  #failed({ sighting, key }: Ready, error: unknown, signal: AbortSignal): void {
    const { clock, list } = this.#parts;
    const { path } = sighting;
    if (!(error instanceof DyncError)) throw error;
    const detail = error.message;
    if (signal.aborted || error instanceof BeingSent) return list.returned(path);
    if (error.code === "source-changed") return list.changed(path, clock.now());
    const isServers: boolean = isOfServer(error);
    if (isServers) {
      this.#serverFault = error;
      list.returned(path);
      return list.waits(path, { reason: "retrying", detail });
    }
    const waiting = refusalOf(error);
    if (isInUse(error)) list.inUse(path, detail, clock.now());
    else if (waiting === null) list.failed(path, detail, clock.now());
    else list.refused(path, key, waiting);
  }
}
