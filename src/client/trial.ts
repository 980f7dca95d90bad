// A small upload that is dropped again as soon as the server has taken some of it: whether it could be sent to, found out by what sends.

import type { Clock } from "../base/clock.ts";
import { DyncError } from "../base/error.ts";
import type { ClientTransport } from "../transport/transport.ts";
import { cancelUpload } from "./cancel.ts";
import type { ConnectionParty } from "./failure.ts";
import { newIdentity } from "./identity.ts";
import type { Source } from "./source.ts";
import { type UploadProgress, upload } from "./upload.ts";

export interface TrialOptions {
  readonly party: ConnectionParty;
  /** Name and version of this program. */
  readonly client: string;
  readonly name: string;
  readonly metadataText: string;
}

export interface TrialParts {
  readonly transport: ClientTransport;
  readonly clock: Clock;
  /** Numbers in [0, 1). */
  readonly random: () => number;
}

export interface Trial {
  /** Bytes that the server took. */
  readonly bytes: number;
  /** From the first try to connect until it had taken them. */
  readonly durationMs: number;
  /** What there is to say of its end: such as a server that did not hear that it was dropped. */
  readonly notes: readonly string[];
}

/** Bytes that are announced. They never come to an end: a file that is whole would be published. */
export const trialBytes = 1024 * 1024;
const takesMsMax = 30_000;

/** Rejects with `DyncError`, as `upload` does: why it could not be sent. */
export async function tryUpload(
  { party, client, name, metadataText }: TrialOptions,
  { transport, clock, random }: TrialParts,
  signal: AbortSignal,
): Promise<Trial> {
  const enough = new DyncError("cancelled", "It was a trial");
  const late = new DyncError("timed-out", "The server has taken nothing of a trial upload for 30 s");
  const controller = new AbortController();
  const since = clock.now();
  const stopWaiting = clock.after(takesMsMax, () => controller.abort(late));
  const notes: string[] = [];
  let [bytes, durationMs, hasBegun] = [0, 0, false];
  const identity = Buffer.from(newIdentity(), "hex");
  const task = { name, metadataText, size: trialBytes, modified: null, canSeek: true, client };
  const source = endless(trialBytes, controller.signal);
  const options = {
    ...{ ...party, identity, source, isResumable: false, retryForMs: takesMsMax, retryFirst: false },
    task: { ...task, resume: false, replaces: [] },
  };
  const parts = {
    ...{ transport, clock, random },
    onProgress: ({ taken, sent }: Pick<UploadProgress, "taken" | "sent">) => {
      hasBegun ||= sent > 0;
      if (taken === 0 || bytes > 0) return;
      [bytes, durationMs] = [taken, clock.now() - since];
      controller.abort(enough);
    },
    onNote: (text: string) => void notes.push(text),
  };
  try {
    await upload(options, parts, AbortSignal.any([signal, controller.signal]));
  } catch (error) {
    if (error === enough) return { bytes, durationMs, notes };
    // Who gave up by itself has told nobody, and what was sent would be kept for days.
    if (hasBegun) await cancelUpload({ ...party, identity }, { transport, clock }, signal).catch(() => {});
    throw error;
  } finally {
    stopWaiting();
    controller.abort(enough);
  }
  throw new DyncError("malformed", "The server confirmed an upload that it did not get");
}

/** Zeros, of which the last one does not come before `over`. */
function endless(size: number, over: AbortSignal): Source {
  return {
    ...{ size, canSeek: true, modified: null },
    async read(offset, into) {
      const length = Math.min(into.length, size - 1 - offset);
      if (length > 0) {
        into.fill(0, 0, length);
        return length;
      }
      if (!over.aborted)
        await new Promise<void>((resolve) => over.addEventListener("abort", () => resolve(), { once: true }));
      return 0;
    },
    async verifyUnchanged() {},
    async close() {},
  };
}
