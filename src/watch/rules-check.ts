// Judges metadata before anything is sent, by the copy of the server's rules that is here, and keeps that copy fresh: what lacks a field
// waits with its name, and goes when it is there or the rules want another one. Where there is no copy nothing is judged: then the
// server says it.

import { type Clock, sleep } from "../base/clock.ts";
import { DyncError } from "../base/error.ts";
import { jittered } from "../base/pauses.ts";
import type { Job } from "../client/job.ts";
import { lacking } from "./refusal.ts";
import type { Waiting } from "./watch-list.ts";

/** Who judges by a copy of the rules. */
export interface MetadataJudge {
  /** Stands for the rules. */
  readonly digest: string;
  metadataFault(job: Job): DyncError | null;
}

export interface RulesCheckParts {
  readonly clock: Clock;
  /** Numbers in [0, 1), for jitter. */
  readonly random: () => number;
  /** Fetches a copy from the server. Rejects with `DyncError`. */
  readonly fetch: (signal: AbortSignal) => Promise<void>;
  /** Who judges by the copy that is here. Rejects with `DyncError` where there is none. */
  readonly open: () => Promise<MetadataJudge>;
  /** Whether something waits for its metadata, or was refused. */
  readonly isWaitedFor: () => boolean;
}

const everyMs = 15 * 60_000;
const waitedForMs = 60_000;
// An older one, which may know the question after its next update.
const cannotAnswerMs = 24 * 60 * 60_000;
// Very many wait for one look after the other.
const rememberedMax = 10_000;

export class RulesCheck {
  readonly #parts: RulesCheckParts;
  #judge: MetadataJudge | null = null;
  /** What was found of the metadata behind a key. */
  readonly #verdicts = new Map<string, Waiting | null>();
  #first: Promise<void> | null = null;
  #canAnswer = true;

  constructor(parts: RulesCheckParts) {
    this.#parts = parts;
  }

  /** Stands for the rules that are judged by; empty where there are none. */
  get digest(): string {
    return this.#judge?.digest ?? "";
  }

  /** Takes the copy that is here. */
  async readCopy(): Promise<void> {
    try {
      const judge = await this.#parts.open();
      if (judge.digest !== this.digest) this.#verdicts.clear();
      this.#judge = judge;
    } catch (error) {
      // There is none, or none that is known here: the server judges.
      if (!(error instanceof DyncError)) throw error;
      this.#judge = null;
    }
  }

  /** Asks the server for its rules once, and takes what is here then. */
  async refresh(signal: AbortSignal): Promise<void> {
    try {
      await this.#parts.fetch(signal);
      this.#canAnswer = true;
    } catch (error) {
      if (!(error instanceof DyncError) || signal.aborted) throw error;
      // It is told of the entries, when they are sent.
      this.#canAnswer = error.code !== "cannot-know";
    }
    await this.readCopy();
  }

  /** Keeps the copy fresh until the signal aborts; rejects then. */
  async forever(signal: AbortSignal): Promise<never> {
    const { clock, random, isWaitedFor } = this.#parts;
    await this.begin(signal);
    for (let askedAt = clock.now(); ; ) {
      await sleep(clock, jittered(waitedForMs, random()), signal);
      const dueMs = this.#canAnswer ? (isWaitedFor() ? 0 : everyMs) : cannotAnswerMs;
      if (clock.now() - askedAt < dueMs) continue;
      await this.refresh(signal);
      askedAt = clock.now();
    }
  }

  /** The first `refresh`, once, however often this is called. */
  begin(signal: AbortSignal): Promise<void> {
    this.#first ??= this.refresh(signal);
    return this.#first;
  }

  /** What `job` lacks; `key` stands for its name and metadata. Waits for the first answer of the server where one was begun. */
  async against(job: Job, key: string): Promise<Waiting | null> {
    await this.#first?.catch(() => {});
    if (this.#judge === null) return null;
    const known = this.#verdicts.get(key);
    if (known !== undefined) return known;
    const fault = this.#judge.metadataFault(job);
    const waiting = fault === null ? null : lacking(fault);
    if (this.#verdicts.size >= rememberedMax) this.#verdicts.clear();
    this.#verdicts.set(key, waiting);
    return waiting;
  }
}
