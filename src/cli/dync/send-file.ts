// Puts the real parts together for one upload. Called by `send.ts`.

import type { Clock } from "../../base/clock.ts";
import { DyncError } from "../../base/error.ts";
import type { Output } from "../output.ts";
import type { ProgressView } from "../progress.ts";
import type { SendOptions } from "./send-options.ts";

/** What the upload may show. */
export interface SendUi {
  readonly progress: ProgressView;
  readonly output: Output;
  readonly clock: Clock;
}

/** What the server confirmed. */
export interface SendReceipt {
  readonly uploadId: string;
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** Sends it; resolves when the server confirmed it, in every other case throws `DyncError`. */
export function sendFile(_options: SendOptions, _ui: SendUi, _signal: AbortSignal): Promise<SendReceipt> {
  return Promise.reject(new DyncError("failed", "Sending is not wired up yet"));
}
