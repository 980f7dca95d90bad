// How a watcher does, for `dync service status`: written beside what it remembers of the folder, and read by another process.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import type { CancelTimer, Clock } from "../../base/clock.ts";
import { replaceFile } from "../../base/replace-file.ts";
import type { WatchList } from "../../watch/watch-list.ts";
import { alsoLine } from "./watch-also.ts";

const form = v.object({
  /** ISO 8601, UTC. */
  startedAt: v.string(),
  entries: v.number(),
  waiting: v.number(),
  /** How many wait for which reason. */
  reasons: v.record(v.string(), v.number()),
  /** The first of those that lack metadata. */
  lacking: v.optional(v.array(v.object({ path: v.string(), fields: v.array(v.string()) })), []),
  /** Folders that are sent along. */
  also: v.optional(v.array(alsoLine), []),
  /** What needed a person last, since it was started. */
  lastTrouble: v.nullable(v.object({ at: v.string(), text: v.string() })),
});

export type WatchState = v.InferOutput<typeof form>;

const everyMs = 5_000;
const lackingMax = 10;

/** Where the state of a watcher lies, whose memory of the folder is in `state`. */
function fileIn(state: string): string {
  return join(state, "status.json");
}

/** Writes down how the watcher of `list` does, as often as it changes, until it is disposed of. */
export class WatchStatus implements Disposable {
  readonly #file: string;
  readonly #clock: Clock;
  readonly #state: () => WatchState;
  #written = "";
  #cancel: CancelTimer = () => {};

  constructor(
    state: string,
    clock: Clock,
    {
      list,
      also = () => [],
      lastTrouble,
    }: {
      readonly list: WatchList;
      readonly also?: () => WatchState["also"];
      readonly lastTrouble: () => WatchState["lastTrouble"];
    },
  ) {
    const startedAt = clock.date().toISOString();
    this.#file = fileIn(state);
    this.#clock = clock;
    this.#state = () => ({
      ...{ startedAt, ...list.counts, reasons: list.reasons },
      ...{ lacking: lackingIn(list), also: also(), lastTrouble: lastTrouble() },
    });
    this.#write();
  }

  #write(): void {
    const text = `${JSON.stringify(this.#state())}\n`;
    if (text !== this.#written) {
      try {
        replaceFile(this.#file, text);
        this.#written = text;
      } catch {
        // It watches all the same.
      }
    }
    this.#cancel = this.#clock.after(everyMs, () => this.#write());
  }

  [Symbol.dispose](): void {
    this.#cancel();
  }
}

function lackingIn(list: WatchList): WatchState["lacking"] {
  const lacking: WatchState["lacking"] = [];
  for (const { path, fields = [] } of list.waiting("metadata-missing")) {
    lacking.push({ path, fields: [...fields] });
    if (lacking.length === lackingMax) break;
  }
  return lacking;
}

/** What the watcher wrote last whose memory is in `state`; `null`: nothing. */
export function readWatchState(state: string): WatchState | null {
  try {
    const parsed = v.safeParse(form, JSON.parse(readFileSync(fileIn(state), "utf8")));
    return parsed.success ? parsed.output : null;
  } catch {
    return null;
  }
}
