// The credit of one upload, counted on the server, and what the credit office has to hear of it. Part of `server-upload.ts`.
//
// Theory of operation.
//
// What a client may still send is a function of its position: after an upload-approved or a status-report
// (offset s, credit C), both sides count C plus what transfer-credit added minus the chunks between s and the
// position. We keep the same number for our own position (`UploadCredit`). So a duplicate costs nothing, a
// repetition costs nothing twice, and a lost transfer-credit leaves the client with less than we think, never
// with more. A chunk in sequence without credit therefore means a broken client (400), unless a status-report
// has lowered its credit while the chunk was under way: each one forgives one window of such chunks, unread. Several of
// them can be under way at once, each with a window sent before it was heard: what took credit back, or the position,
// forgives one window more than is forgiven already, up to a bound.
//
// A chunk counts against the server's memory from the grant until it is stored: the office gets it back then, not on
// arrival. Credit is wanted only while a client is there to use it.

import { assert } from "../../base/assert.ts";
import { limits } from "../limits.ts";
import type { CreditReport } from "./credit-office.ts";

export class UploadCredit {
  readonly #tell: (report: CreditReport) => void;
  #outstanding = 0;
  /** Where the chunks end that were accepted and are not stored, in order. */
  #ends: number[] = [];
  #forgiven = 0;
  #wanted = 0;
  #mustRecount = false;

  /** `tell` takes what the office has to hear. */
  constructor(tell: (report: CreditReport) => void) {
    this.#tell = tell;
  }

  /** Chunks that the client may still send. */
  get outstanding(): number {
    return this.#outstanding;
  }

  /** Chunks that were accepted and are not stored. */
  get unstored(): number {
    return this.#ends.length;
  }

  /** Window that the office was told last, or 0 when it has to be counted anew. */
  get wanted(): number {
    return this.#mustRecount ? 0 : this.#wanted;
  }

  /** From now on up to `window` chunks at once are of use, 0 for none; `onLine` of them are on a long line at any time. */
  want(window: number, onLine = 0): void {
    this.#mustRecount = false;
    if (window === this.#wanted) return;
    this.#wanted = window;
    this.#tell({ kind: "want", window, ...(onLine > 0 ? { onLine } : {}) });
  }

  /** Takes a grant, or gives it back where it came too late. Returns whether it was taken. */
  grant(amount: number): boolean {
    assert(Number.isInteger(amount) && amount >= 1, "a grant has at least one chunk");
    if (this.#wanted > 0) this.#outstanding += amount;
    else this.#tell({ kind: "give-back", amount });
    return this.#wanted > 0;
  }

  /** A chunk in sequence, which ends at `end`, uses one. */
  spend(end: number): void {
    assert(this.#outstanding > 0, "only credit that is there is spent");
    this.#outstanding -= 1;
    this.#ends.push(end);
    this.#tell({ kind: "use" });
  }

  /** Everything before `offset` left our memory. */
  stored(offset: number): void {
    const first = this.#ends.findIndex((end) => end > offset);
    const count = first < 0 ? this.#ends.length : first;
    assert(count > 0, "what was not accepted cannot be stored");
    this.#ends.splice(0, count);
    for (let chunk = 0; chunk < count; chunk++) this.#tell({ kind: "stored" });
  }

  /** What was accepted and not stored is lost; the client holds that credit once more, and may need more. */
  undo(): void {
    this.#outstanding += this.#ends.length;
    this.#ends = [];
    this.#tell({ kind: "undo" });
    // Not `#wanted`, which has to stay what the office knows: it would grant for ever what is given back at once.
    this.#mustRecount = true;
  }

  /** Takes all unused credit from the client. */
  giveBack(): void {
    if (this.#outstanding > 0) this.#tell({ kind: "give-back", amount: this.#outstanding });
    this.#outstanding = 0;
  }

  /** From now on `amount` chunks without credit may be stale ones of an honest client. */
  forgive(amount: number): void {
    this.#forgiven = Math.max(this.#forgiven, amount);
  }

  /**
   * The client's credit was lowered, or its position: what it sends until it hears of that comes on top of what is under
   * way from before an earlier report. One more window is forgiven, up to `limits.forgivenWindowsMax` of them.
   */
  forgiveMore(window: number): void {
    this.forgive(Math.min(this.#forgiven + window, window * limits.forgivenWindowsMax));
  }

  /** A chunk came without credit. Returns whether it is forgiven. */
  excess(): boolean {
    if (this.#forgiven === 0) return false;
    this.#forgiven -= 1;
    this.#tell({ kind: "late" });
    return true;
  }
}

/** Most chunks that are of use to an upload of `size` bytes (`null`: nobody knows how many), which goes on from `position`. */
export function usableWindow(
  { size, position }: { readonly size: number | null; readonly position: number },
  credit: UploadCredit,
  { chunkBytes, maxQueue }: { readonly chunkBytes: number; readonly maxQueue: number },
): number {
  if (size === null) return steady(credit.wanted, maxQueue, maxQueue);
  // And one for the last chunk, which is empty.
  const remaining = Math.ceil(Math.max(0, size - position) / chunkBytes) + 1;
  if (credit.outstanding >= remaining) return 0;
  // Its client may send shorter ones. Where all of its bytes are in one, more credit costs nothing (`credit-office.ts`).
  const suitable = size <= chunkBytes ? maxQueue : Math.min(maxQueue, remaining);
  return steady(credit.wanted, suitable, maxQueue);
}

/** How much wider a window is worth a message, and how much narrower. */
const wider = 5 / 4;
const narrower = 1 / 2;

/** `suitable`, or the window that is `wanted` already where that will do: changing it with every chunk would only make messages. */
function steady(wanted: number, suitable: number, maxQueue: number): number {
  const willDo = wanted > 0 && suitable < wanted * wider && maxQueue >= wanted * narrower;
  return willDo ? wanted : suitable;
}
