// What all uploads of an S3 storage share.

import type { Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import type { Semaphore } from "../../base/semaphore.ts";
import type { Sha256Maker } from "../sha256/sha256.ts";
import type { ByteBudget } from "./byte-budget.ts";
import type { S3Client } from "./client/s3-client.ts";
import type { Patience } from "./client/s3-request.ts";
import type { FolderNames } from "./folder-names.ts";
import type { Keys } from "./keys.ts";

export interface S3Home {
  readonly client: S3Client;
  readonly keys: Keys;
  readonly budget: ByteBudget;
  /** Parts that are put together of pieces, each of which is in memory then, besides the budget. */
  readonly assembling: Semaphore;
  readonly names: FolderNames;
  readonly sha256: Sha256Maker;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Somebody waits for the answer: who asks for an upload, or a server that stops. */
export const soon: Patience = { forMs: 20_000 };

/** What arrived already is stored whenever the store is back. */
export function patiently(signal: AbortSignal): Patience {
  return { forMs: 3_600_000, signal };
}
