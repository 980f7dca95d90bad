// The runs of a watched folder that are sent while they are written: beside what is sent when it is complete, since each takes days, and is not
// what it was when it began. The looker finds out which of them begin; how they are followed and sent is for who made this.

import { sleep } from "../../base/clock.ts";
import { dropOldest } from "../../base/drop-oldest.ts";
import { causeOf, DyncError } from "../../base/error.ts";
import { doubled, jittered, type Pauses } from "../../base/pauses.ts";
import { RunAborted } from "../../client/live/feed.ts";
import { UploadKept } from "../../client/resumption.ts";
import { isOfServer } from "../../client/servers.ts";
import { GrowthRefused } from "../../client/source.ts";
import type { Receipt } from "../../client/upload.ts";
import type { Completion } from "../completion.ts";
import type { Scanner, Sighting } from "../folder/scan.ts";
import type { Prepared, Ready, RunBeginner } from "../looker.ts";
import { ReadyQueue } from "../ready-queue.ts";
import { refusalOf } from "../refusal.ts";
import { retryPauses, type Waiting } from "../watch-list.ts";
import { serverPauses, type WatcherParts } from "../watcher.ts";
import { RunLeft } from "./live-rule.ts";

export interface LiveRunsParts extends Pick<WatcherParts, "clock" | "list" | "remember" | "send" | "random"> {
  readonly scanner: Pick<Scanner, "look">;
  /** The paths of those that an earlier process began. */
  readonly begun: Iterable<string>;
  /** As that of the looker, for a run that is still being written. */
  readonly prepare: (sighting: Sighting, completion: Completion) => Promise<Prepared>;
  /** Whether what lies there is what was given of the run last. */
  readonly isAsGiven: (ready: Ready) => Promise<boolean>;
  /** Is told of one that is stored. */
  readonly onStored: (ready: Ready) => void;
  /** Is told why the server takes none. */
  readonly onRefused: (text: string) => void;
}

/** So many at once: of one that is not written for minutes the server has no more than the bytes. */
export const liveAtOnceMax = 64;
// An older server, which may take them after its next update.
const refusedMs = 24 * 60 * 60_000;
// What was sent otherwise since then is of no interest.
const heldMax = 1000;

/** Why a run that failed is not begun again just now. */
interface Held {
  readonly waiting: Waiting;
  /** Until its name and metadata are others than this stands for; `null`: until the time comes. */
  readonly key: string | null;
  readonly until: number;
  readonly tries: number;
}

export class LiveRuns implements RunBeginner {
  readonly #parts: LiveRunsParts;
  readonly #queue = new ReadyQueue<Ready>();
  readonly #begun: Set<string>;
  readonly #held = new Map<string, Held>();
  #underWay = 0;
  /** What the server, or the way to it, failed with, until it is tried again. */
  #serverFault: DyncError | null = null;
  #refusedUntil = Number.NEGATIVE_INFINITY;
  #failures = 0;

  constructor(parts: LiveRunsParts) {
    this.#parts = parts;
    this.#begun = new Set(parts.begun);
  }

  get isOpen(): boolean {
    const isFull = this.#queue.length + this.#underWay >= liveAtOnceMax;
    return !isFull && this.#parts.clock.now() >= this.#refusedUntil;
  }

  isBegun(path: string): boolean {
    return this.#begun.has(path);
  }

  async begin(sighting: Sighting, completion: Completion): Promise<Waiting | null> {
    const { clock, list, prepare } = this.#parts;
    const { path, kind, fingerprint, at } = sighting;
    const held = this.#held.get(path);
    if (held !== undefined && clock.now() < held.until) return held.waiting;
    const prepared = await prepare(sighting, completion);
    if (prepared.type === "waits") return prepared;
    const { job, key } = prepared;
    if (held !== undefined && held.key === key) return held.waiting;
    if (this.#serverFault !== null && this.#underWay === 0) return retrying(this.#serverFault);
    list.begun(path);
    this.#begun.add(path);
    this.#queue.push([{ sighting: { path, kind, fingerprint, at }, job, key }]);
    return null;
  }

  /** Sends what begins until the signal aborts. */
  async forever(signal: AbortSignal): Promise<void> {
    const { clock, random } = this.#parts;
    signal.addEventListener("abort", () => this.#queue.close(), { once: true });
    while (!this.#queue.isClosed) {
      if (this.#queue.length === 0) {
        await this.#queue.change();
        continue;
      }
      await this.#session(signal);
      if (this.#serverFault === null) continue;
      await sleep(clock, jittered(doubled(serverPauses, this.#failures++), random()), signal);
      this.#serverFault = null;
    }
  }

  /** Sends what comes, until the server failed us and nothing is under way. */
  async #session(signal: AbortSignal): Promise<void> {
    await this.#parts.send(
      this.#jobs(),
      {
        stored: async (ready, receipt) => {
          await this.#stored(ready, receipt);
          this.#ended();
        },
        failed: (ready, error) => {
          this.#failed(ready, error, signal);
          this.#ended();
        },
      },
      signal,
    );
  }

  async *#jobs(): AsyncGenerator<Ready, void, undefined> {
    while (!this.#queue.isClosed) {
      // Others are connected, perhaps, and go on for days: who comes is tried meanwhile.
      if (this.#serverFault !== null && this.#underWay === 0) return;
      const ready = this.#queue.take();
      if (ready === undefined) {
        await this.#queue.change();
        continue;
      }
      this.#underWay += 1;
      yield ready;
    }
  }

  #ended(): void {
    this.#underWay -= 1;
    this.#queue.wake();
  }

  async #stored(ready: Ready, { sha256, uploadId, storedAs }: Receipt): Promise<void> {
    const { clock, list, scanner, remember, isAsGiven, onStored } = this.#parts;
    const { path, kind, fingerprint: begunAs } = ready.sighting;
    this.#serverFault = null;
    this.#failures = 0;
    // What is confirmed is remembered, whoever stops the program now.
    const now = await scanner.look(path, new AbortController().signal);
    const isSame = now !== null && now.fault === null && (await isAsGiven(ready));
    const { files, bytes } = now?.fingerprint ?? begunAs;
    // What came since then makes it another one than was sent.
    const fingerprint = isSame ? now.fingerprint : { files, bytes, text: `other than ${uploadId}` };
    const at = clock.date().toISOString();
    remember({ path, kind, fingerprint, sha256, upload: uploadId, name: storedAs ?? ready.job.name, at });
    list.sent(path, fingerprint.text);
    this.#begun.delete(path);
    this.#held.delete(path);
    onStored(ready);
  }

  #failed({ sighting, key }: Ready, error: unknown, signal: AbortSignal): void {
    const { list, onRefused, clock } = this.#parts;
    const { path } = sighting;
    if (!(error instanceof DyncError)) throw error;
    if (causeOf(error, UploadKept) === null) this.#begun.delete(path);
    list.returned(path);
    if (signal.aborted) return;
    const isServerOlder = causeOf(error, GrowthRefused) !== null;
    if (isServerOlder) {
      if (this.#refusedUntil <= clock.now()) onRefused(error.message);
      this.#refusedUntil = clock.now() + refusedMs;
    }
    // What it waits for the next look says.
    if (isServerOlder || causeOf(error, RunLeft) !== null)
      return list.waits(path, { reason: "changing", detail: "" });
    if (isOfServer(error)) {
      this.#serverFault = error;
      return this.#hold(path, { waiting: retrying(error), key: null }, serverPauses);
    }
    const waiting = refusalOf(error);
    if (waiting === null) this.#hold(path, { waiting: retrying(error), key: null }, retryPauses);
    // The next look finds that out by itself, and when it is over.
    else if (causeOf(error, RunAborted) !== null) list.waits(path, waiting);
    else this.#hold(path, { waiting, key }, null);
  }

  #hold(path: string, { waiting, key }: Pick<Held, "waiting" | "key">, pauses: Pauses | null): void {
    const { clock, list, random } = this.#parts;
    const tries = this.#held.get(path)?.tries ?? 0;
    const pauseMs = pauses === null ? 0 : jittered(doubled(pauses, tries), random());
    this.#held.set(path, { waiting, key, until: clock.now() + pauseMs, tries: tries + 1 });
    dropOldest(this.#held, heldMax);
    list.waits(path, waiting);
  }
}

function retrying({ message: detail }: DyncError): Waiting {
  return { reason: "retrying", detail };
}
