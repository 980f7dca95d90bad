// What all uploads of an S3 storage share.

import { type Clock, sleep } from "../../base/clock.ts";
import { DyncError } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import type { Semaphore } from "../../base/semaphore.ts";
import type { Sha256Maker } from "../sha256/sha256.ts";
import type { BodyThreads } from "./beside/body-threads.ts";
import type { ByteBudget } from "./byte-budget.ts";
import type { ObjectStore } from "./client/s3-client.ts";
import type { Patience } from "./client/s3-request.ts";
import type { FolderNames } from "./folder-names.ts";
import type { Keys } from "./keys.ts";
import type { PartPlan } from "./part-plan.ts";

export interface S3Home {
  readonly client: ObjectStore;
  readonly keys: Keys;
  readonly budget: ByteBudget;
  readonly plan: PartPlan;
  /** Parts that are put together of pieces, each of which is in memory then, besides the budget. */
  readonly assembling: Semaphore;
  readonly names: FolderNames;
  /** Threads beside this one for what is long, or `null`. */
  readonly beside: BodyThreads | null;
  readonly sha256: Sha256Maker;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A server that stops waits so long for what is on its way. */
export const closeMs = 15_000;

/** Does `work`, the last of an upload that is put away; what takes longer than a server that stops waits is aborted. */
export async function puttingAway(
  clock: Clock,
  abort: AbortController,
  work: () => Promise<void>,
): Promise<void> {
  const late = new AbortController();
  const ended = sleep(clock, closeMs, late.signal).then(
    () => abort.abort(new DyncError("cancelled", "The upload is put away")),
    () => {},
  );
  try {
    await work();
  } finally {
    late.abort();
    await ended;
  }
}

/** What is told of an upload that is not published because its server stops. */
export function leftUnpublished(): DyncError {
  const text = "All of it has arrived; the server stops, and the object store did not take it over in time";
  return new DyncError("not-ready", text);
}

/** Somebody waits for the answer: who asks for an upload, or a server that stops. */
export const soon: Patience = { forMs: 20_000 };

/** What arrived already is stored whenever the store is back. */
export function patiently(signal: AbortSignal): Patience {
  return { forMs: 3_600_000, signal };
}
