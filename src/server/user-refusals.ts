// What was refused lately of each user, for the user: in memory, and no more than a little of each.

import type { Clock } from "../base/clock.ts";
import { cutText } from "../base/cut-text.ts";
import { dropOldest } from "../base/drop-oldest.ts";
import { errorMeanings } from "../base/error.ts";
import type { Refusal } from "../protocol/server/upload-life.ts";

export interface KeptRefusal {
  /** Of the upload. */
  readonly name: string;
  /** Number of the protocol. */
  readonly code: number;
  /** As its client was told; cut where it is long. */
  readonly reason: string;
  /** When that was last (ISO 8601, UTC), and how often in a row. */
  readonly at: string;
  readonly times: number;
}

const ofUserMax = 20;
const usersMax = 1000;
/** Names and reasons in answers, as JSON has them: with all that is beside them a page of a list has room for one. */
export const nameBytesMax = 500;
export const reasonBytesMax = 1000;

export class UserRefusals {
  readonly #clock: Pick<Clock, "date">;
  /** Those of a user the latest last; and the user last of whom something was refused last. */
  readonly #users = new Map<string, readonly KeptRefusal[]>();

  constructor(clock: Pick<Clock, "date">) {
    this.#clock = clock;
  }

  /** An upload of `user` was not taken, of `size` bytes as far as is known. */
  note(user: string, name: string, refusal: Refusal, size?: number): void {
    if (isStored(refusal, size)) return;
    const { code, text } = refusal;
    const about = { name: cutText(name, nameBytesMax), code, reason: cutText(text, reasonBytesMax) };
    const kept = this.#users.get(user) ?? [];
    const same = kept.find((it) => it.name === about.name && it.code === code && it.reason === about.reason);
    const others = kept.filter((it) => it !== same);
    const now = { ...about, at: this.#clock.date().toISOString(), times: (same?.times ?? 0) + 1 };
    this.#users.delete(user);
    this.#users.set(user, [...others, now].slice(-ofUserMax));
    dropOldest(this.#users, usersMax);
  }

  /** The latest first. */
  of(user: string): readonly KeptRefusal[] {
    return (this.#users.get(user) ?? []).toReversed();
  }
}

/** Whether that is stored already, as a client finds out that sends all of a folder again: then nothing was lost. */
function isStored({ code, info }: Refusal, size: number | undefined): boolean {
  const isTaken = code === errorMeanings["name-taken"].wire;
  return isTaken && info?.metadata === "same" && (size === undefined || info.size === size);
}
