// Sends a run while it is written, begins it anew where what was sent of it is of no use any more, and where the server takes no such thing
// waits for the end of the run and sends it as any other folder.

import { DyncError } from "../../base/error.ts";
import type { Origin } from "../origin.ts";
import { CannotGoOn, GrowthRefused } from "../source.ts";
import { type LiveRun, type OpenFeed, RunAborted } from "./feed.ts";

export interface RunParts<T> {
  readonly openFeed: OpenFeed;
  /** Sends what the origin names. */
  readonly send: (origin: Origin) => Promise<T>;
  readonly onNote: (text: string) => void;
  /** Whether it is sent when it is complete where the server takes none that grows; else `send`'s error is that of this. */
  readonly isSentAtEnd?: boolean;
}

// What was sent is lost then, and each time all of it goes again: once may be a crash of the computer, more is a fault that stays.
const anewMax = 2;

/** Sends `run`; resolves and rejects as `send`. */
export async function sendRun<T>(
  run: Extract<Origin, { kind: "live" }>,
  parts: RunParts<T>,
  signal: AbortSignal,
): Promise<T> {
  const { send, onNote, isSentAtEnd = true } = parts;
  for (let times = 0; ; times++) {
    try {
      return await send(run);
    } catch (error) {
      if (error instanceof GrowthRefused && isSentAtEnd) {
        onNote(error.message);
        await waitForEnd(run, parts, signal);
        const { path, selection } = run;
        return await send({ kind: "dataset", path, selection });
      }
      if (times === anewMax || !isOfNoUse(error)) throw error;
      onNote(`${error.message}: all of the run is sent anew`);
    }
  }
}

/** Whether nothing but what was sent, or is known of it, is wrong. */
function isOfNoUse(error: unknown): error is DyncError {
  return error instanceof CannotGoOn || (error instanceof DyncError && error.code === "checksum-mismatch");
}

async function waitForEnd(
  run: LiveRun,
  { openFeed, onNote }: Pick<RunParts<never>, "openFeed" | "onNote">,
  signal: AbortSignal,
) {
  const feed = await openFeed(run, [], signal, onNote);
  try {
    for (;;) {
      const step = feed.next();
      if (step?.kind === "end") return;
      if (step?.kind === "aborted") throw new RunAborted(run.path, step);
      if (step === undefined) await feed.more(signal);
    }
  } finally {
    await feed.close();
  }
}
