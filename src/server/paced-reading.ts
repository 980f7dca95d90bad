// Reads stored uploads again, gently: everybody else has a turn after each piece, and there is a rate that is not passed.

import { type Clock, sleep } from "../base/clock.ts";
import { TokenBucket } from "../base/token-bucket.ts";
import { Turns } from "../base/turns.ts";
import type { UploadRecord } from "../catalogue/catalogue.ts";
import type { Reading, Storage } from "../storage/storage.ts";
import { destinationOf } from "../upload/destination.ts";

// What is read at once after a pause.
const burstMs = 250;

// Who waits is told, or looks for others, so often.
const stepMs = 250;

/** A bucket for so many bytes a second. */
export function readingBucket(bytesPerSecond: number): TokenBucket {
  return new TokenBucket(bytesPerSecond, (bytesPerSecond * burstMs) / 1000);
}

/** Lets so many bytes be read at a time. */
export class ReadingPace {
  readonly #clock: Clock;
  readonly #signal: AbortSignal;
  readonly #onStep: () => Promise<void>;
  readonly #turns: Turns;

  /** `onStep` is called after each piece, and some times a second while it is waited. */
  constructor(clock: Clock, signal: AbortSignal, onStep: () => Promise<void> = async () => {}) {
    this.#clock = clock;
    this.#signal = signal;
    this.#onStep = onStep;
    this.#turns = new Turns(1, signal);
  }

  /** Resolves when `bytes` more may be read, which are taken from `bucket`; rejects with the signal's reason. */
  async wait(bytes: number, bucket: TokenBucket | null): Promise<void> {
    await this.#turns.step();
    let waitMs = bytes === 0 ? 0 : (bucket?.take(bytes, this.#clock.now()) ?? 0);
    await this.#onStep();
    for (; waitMs > 0; waitMs -= stepMs) {
      await sleep(this.#clock, Math.min(waitMs, stepMs), this.#signal);
      await this.#onStep();
    }
  }
}

/** What is known of a stored upload. */
export type StoredUpload = Pick<
  UploadRecord,
  "id" | "user" | "name" | "place" | "form" | "sha256" | "content" | "size"
>;

/**
 * Reads all of a stored upload again, and tells what is not as it was stored; `metadataText` is the client's, `null` where it is not known.
 * Returns whether anything of it is there.
 */
export async function readAgain(
  upload: StoredUpload,
  metadataText: string | null,
  storage: Storage,
  reading: Reading,
): Promise<boolean> {
  const { id, form, sha256, content, size } = upload;
  const about = { id, form, sha256: sha256 ?? "", content: content ?? sha256 ?? "", size, metadataText };
  return await storage.readBack(destinationOf(upload), about, reading);
}
