// Keeps what the charts of the status page show, and what the disk's forecast is made of, over restarts: a small file beside the catalogue, which nobody else needs. Lost or
// damaged, it begins anew.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import type { Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/error.ts";
import type { Logger } from "../../base/log.ts";
import { replaceFile } from "../../base/replace-file.ts";
import { History, type HistoryLook, spans, type WrittenHistory } from "../../server/history.ts";
import { stateFolder } from "../../storage/state-folder.ts";
import { counts } from "./command-schemas.ts";

export interface KeptHistory {
  readonly history: History;
  /** Looks and writes from now on, until `end`; called again it does no more. */
  begin(freeBytes: HistoryLook["freeBytes"], logger: Logger): void;
  end(): void;
}

const sample = v.nullable(
  v.object({ bytes: counts, uploads: counts, memory: counts, free: v.nullable(counts) }),
);
const samplesOf = (steps: number) => v.pipe(v.array(sample), v.minLength(1), v.maxLength(steps));
const written = v.object({
  schema: v.literal(1),
  at: v.object({ hour: counts, day: counts, month: counts }),
  samples: v.object({
    hour: samplesOf(spans.hour.steps),
    day: samplesOf(spans.day.steps),
    month: samplesOf(spans.month.steps),
  }),
});

// What a crash takes away is minutes of a chart.
const writeMs = 600_000;

export function openHistory(dataFolder: string, clock: Clock): KeptHistory {
  const path = join(stateFolder(dataFolder), "history.json");
  const history = new History(clock, readHistory(path));
  let writtenAt = clock.now();
  let hasBegun = false;
  let write = (): void => {};
  return {
    history,
    begin(freeBytes, logger) {
      if (hasBegun) return;
      hasBegun = true;
      write = () => {
        writtenAt = clock.now();
        try {
          replaceFile(path, JSON.stringify({ schema: 1, ...history.written() }));
        } catch (error) {
          logger.log("warn", "The history for charts was not written", {
            file: path,
            reason: messageOf(error),
          });
        }
      };
      const memoryBytes = () => process.memoryUsage.rss();
      history.begin({ freeBytes, memoryBytes }, () => {
        if (clock.now() - writtenAt >= writeMs) write();
      });
    },
    end() {
      history.stop();
      write();
    },
  };
}

function readHistory(path: string): WrittenHistory | null {
  try {
    const parsed = v.safeParse(written, JSON.parse(readFileSync(path, "utf8")));
    return parsed.success ? parsed.output : null;
  } catch {
    return null;
  }
}
