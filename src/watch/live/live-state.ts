// What a live run as a whole is: whether the sign of its end is there, and what its end waits for. Pure.

import { nameFaultText, ownFault } from "../../client/listing/name-faults.ts";
import type { BadEnd, LiveStep } from "../../client/live/feed.ts";
import type { Completion } from "../completion.ts";
import { reasonsOfEnds } from "../wait-reason.ts";
import type { Waiting } from "../watch-list.ts";

export class LiveState {
  readonly #settleMs: number;
  readonly #runSettleMs: number;
  /** Whether no look has ended yet. */
  isNew = true;
  /** When something of the run last changed. */
  changedAt: number;
  /** What the look could not see first. */
  hidden: { readonly path: string; readonly why: string } | null = null;
  /** A file that a program has open for writing. */
  open: string | null = null;
  #isSigned = false;
  #lost: string | null = null;
  /** What its instrument says of a run that ended otherwise than it should. */
  #failure: (Failure & { readonly since: number }) | null = null;
  #unsendable: string | null = null;
  #waiting: Waiting | null = null;

  constructor(
    { settleMs, runSettleMs }: { readonly settleMs: number; readonly runSettleMs: number },
    now: number,
  ) {
    this.#settleMs = settleMs;
    this.#runSettleMs = runSettleMs;
    this.changedAt = now;
  }

  /** Whether nothing more is to come. */
  get isSigned(): boolean {
    return this.#isSigned;
  }

  lost(detail: string, now: number): void {
    this.#lost = detail;
    this.#isSigned = false;
    this.changedAt = now;
  }

  /** The run could be looked at, and its rule said that of it. */
  judge(completion: Completion, now: number): void {
    this.isNew = false;
    this.#lost = null;
    this.open = null;
    this.#unsendable = null;
    this.#waiting = null;
    const failure = failureIn(completion);
    if (failure === null) this.#failure = null;
    else this.#failure = { ...failure, since: this.#failure?.since ?? now };
    // Of a run that failed all that is there is sent, for who decides what becomes of it.
    if (failure !== null || completion.type === "complete") this.#isSigned = true;
    else if (completion.type === "by-quiet") this.#isSigned = now - this.changedAt >= this.#runSettleMs;
    else {
      this.#isSigned = false;
      this.#waiting = { reason: completion.reason, detail: completion.detail };
    }
  }

  /** Whether a path cannot be sent: by its name, or since `clash`, which was given, counts as the same. */
  isNameWrong(path: string, clash: string | null): boolean {
    const fault = ownFault(path) ?? (clash === null ? null : `counts as the same as "${clash}"`);
    if (fault !== null) this.#unsendable ??= nameFaultText(path, fault);
    return fault !== null;
  }

  /** Whether there is nothing that was not given, or given and is not there: then the end may come. */
  isWhole(
    { files, pending, missed }: { readonly files: number; readonly pending: number; readonly missed: number },
    now: number,
  ): boolean {
    if (!this.#isSigned || this.hidden !== null) return false;
    if (this.#failure !== null && now - this.#failure.since < this.#settleMs) return false;
    if (files === 0) this.#waiting = { reason: "empty", detail: "" };
    else if (pending > 0) this.#waiting = { reason: "settling", detail: filesText(pending, "not sent yet") };
    else if (missed > 0) this.#waiting = { reason: "vanished", detail: filesText(missed, "not there") };
    return this.#waiting === null;
  }

  /** The last step. */
  get ending(): LiveStep {
    if (this.#failure === null) return { kind: "end" };
    const { reason, detail } = this.#failure;
    return { kind: "aborted", reason, why: detail === "" ? reason : detail };
  }

  get waiting(): Waiting | null {
    if (this.#lost !== null) return { reason: "not-reachable", detail: this.#lost };
    if (this.hidden !== null) return { reason: "unreadable", detail: this.hidden.why };
    if (this.#failure !== null) return { reason: this.#failure.reason, detail: this.#failure.detail };
    if (this.#unsendable !== null) return { reason: "unsendable", detail: this.#unsendable };
    if (this.#isSigned && this.open !== null) return { reason: "open-for-writing", detail: this.open };
    if (!this.#isSigned && this.#waiting === null) return { reason: "changing", detail: "" };
    return this.#waiting;
  }
}

/** That a run ended otherwise than it should. */
export interface Failure extends Waiting {
  readonly reason: BadEnd;
}

/** How a run ended otherwise than it should; `null`: it did not, or not yet. */
export function failureIn(completion: Completion): Failure | null {
  if (completion.type === "complete" && completion.outcome !== "finished")
    return { reason: reasonsOfEnds[completion.outcome], detail: completion.sign };
  if (completion.type !== "waits" || !isBadEnd(completion.reason)) return null;
  return { reason: completion.reason, detail: completion.detail };
}

function isBadEnd(reason: Waiting["reason"]): reason is BadEnd {
  return reason === "run-failed" || reason === "run-aborted" || reason === "hash-mismatch";
}

function filesText(count: number, what: string): string {
  return count === 1 ? `1 file is ${what}` : `${count} files are ${what}`;
}
