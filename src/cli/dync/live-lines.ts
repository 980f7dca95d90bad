// Says now and then how a run gets on that is sent while it is written: what its end waits for, and how far behind the instrument the
// server is.

import { basename } from "node:path";
import type { CancelTimer } from "../../base/clock.ts";
import type { LiveRun } from "../../client/live/feed.ts";
import { formatDuration } from "../../config/duration.ts";
import { formatSize } from "../../config/size.ts";
import type { Behind } from "../../watch/live/behind.ts";
import { waitReasons } from "../../watch/wait-reason.ts";
import type { Waiting } from "../../watch/watch-list.ts";
import type { CommandContext } from "../command.ts";
import { printable } from "../printable.ts";

export interface LiveState {
  /** What the end of the run waits for; `null`: for what is under way alone. */
  readonly waiting: Waiting | null;
  readonly behind: Behind;
}

const everyMs = 1_000;
const recordMs = 10_000;
// Of what goes on for days.
const lineMs = 60_000;
// A line of a log that says the same is worth as much once an hour.
const sameLineMs = 60 * 60_000;
// The first looks are over by then.
const firstLineMs = 5_000;

export class LiveLines {
  readonly #parts: Pick<CommandContext, "clock" | "output">;
  readonly #lineMs: number;

  /** A line comes every `everyMs` at most. */
  constructor(parts: Pick<CommandContext, "clock" | "output">, everyMs = lineMs) {
    this.#parts = parts;
    this.#lineMs = everyMs;
  }

  /** Tells of a run until what this returns is called; `onWaiting` is told what its end waits for, when that is another. */
  follow(
    run: LiveRun,
    feed: LiveState,
    onNote: (text: string) => void,
    onWaiting: (waiting: Waiting) => void = () => {},
  ): () => void {
    const { clock, output } = this.#parts;
    let cancel: CancelTimer = () => {};
    let [saidText, saidAt] = ["", clock.now() - this.#lineMs + firstLineMs];
    let [recorded, recordedAt] = ["", Number.NEGATIVE_INFINITY];
    const tell = (): void => {
      const state = `${feed.waiting?.reason} ${feed.waiting?.detail} ${feed.behind.files}`;
      if (state !== recorded || clock.now() - recordedAt >= recordMs) {
        output.record("live", { path: run.path, ...liveFields(feed) });
        [recorded, recordedAt] = [state, clock.now()];
        if (feed.waiting !== null) onWaiting(feed.waiting);
      }
      const text = `"${printable(basename(run.path))}": ${liveText(feed)}`;
      const isNews = clock.now() - saidAt >= (saidText === text ? sameLineMs : this.#lineMs);
      if (isNews && !output.json) {
        onNote(text);
        [saidText, saidAt] = [text, clock.now()];
      }
      cancel = clock.after(everyMs, tell);
    };
    cancel = clock.after(everyMs, tell);
    return () => cancel();
  }
}

/** For programs. */
export function liveFields({ waiting, behind }: LiveState): object {
  return {
    waiting: waiting?.reason ?? null,
    detail: waiting?.detail ?? "",
    behindFiles: behind.files,
    behindBytes: behind.bytes,
    behindSeconds: behind.forMs / 1000,
  };
}

/** For people, as the rest of a sentence: "all that is complete is stored; waits (no-sign): it waits for Done.txt". */
export function liveText({ waiting, behind }: LiveState): string {
  if (waiting === null) return behindText(behind);
  const why = waiting.detail === "" ? waitReasons[waiting.reason] : printable(waiting.detail);
  return `${behindText(behind)}; its end waits (${waiting.reason}): ${why}`;
}

function behindText({ files, bytes, forMs }: Behind): string {
  if (files === 0) return "all that is complete is stored";
  const what = files === 1 ? "1 complete file is" : `${files} complete files are`;
  return `${what} not stored yet, ${formatSize(bytes)}, the first for ${formatDuration(forMs)}`;
}
