// Where log lines go: to stderr, in both formats, because stdout is for results. Text is for people and journals,
// JSON lines for collectors. Logging never waits, never throws, and drops lines (counted) when nobody reads them.

import { styleText } from "node:util";
import type { Clock } from "../base/clock.ts";
import type { LogFields, Logger, LogLevel } from "../base/log.ts";
import type { OutputStream } from "./output.ts";
import { jsonLine, printable } from "./printable.ts";
import { Sink } from "./sink.ts";

export const logFormats = ["text", "json"] as const;
export type LogFormat = (typeof logFormats)[number];
export const logLevels = ["debug", "info", "warn", "error"] as const satisfies readonly LogLevel[];

export interface LogOptions {
  readonly stream: OutputStream;
  readonly clock: Clock;
  readonly format: LogFormat;
  /** Lines below this level are left out. */
  readonly level: LogLevel;
}

// Some ten thousand lines: what a reader may be late before lines are dropped.
const pendingMax = 1024 * 1024;

/** A logger that writes to `stream`, and how to wait for its last lines. */
export function openLog(options: LogOptions): {
  readonly logger: Logger;
  flush(waitMs: number): Promise<void>;
} {
  const { stream, clock, format, level } = options;
  const sink = new Sink({ stream, clock, pendingMax });
  const least = logLevels.indexOf(level);
  const write = (lineLevel: LogLevel, message: string, fields: LogFields): void => {
    const line =
      format === "json"
        ? jsonLine({ time: clock.date().toISOString(), level: lineLevel, message, ...fields })
        : textLine(clock.date(), lineLevel, message, fields, stream);
    sink.write(`${line}\n`);
  };
  const logger: Logger = {
    log(lineLevel, message, fields = {}) {
      if (logLevels.indexOf(lineLevel) < least) return;
      if (sink.pending === 0) {
        const lines = sink.takeDropped();
        if (lines > 0) write("warn", "Log lines dropped, nobody read them in time", { lines });
      }
      write(lineLevel, message, fields);
    },
  };
  return { logger, flush: (waitMs) => sink.flush(waitMs) };
}

/** `2026-01-02T03:04:05Z info  Upload started user=meyer name="run 42.raw"`. */
function textLine(
  date: Date,
  level: LogLevel,
  message: string,
  fields: LogFields,
  stream: OutputStream,
): string {
  const time = `${date.toISOString().slice(0, 19)}Z`;
  const parts = Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : [`${printable(name)}=${fieldText(value)}`],
  );
  const levelText = level === "info" ? "info " : styleText(colours[level], level.padEnd(5), { stream });
  return [time, levelText, printable(message), ...parts].join(" ");
}

const colours = { debug: "gray", warn: "yellow", error: "red" } as const;

function fieldText(value: string | number | boolean | null): string {
  if (typeof value !== "string") return String(value);
  const text = printable(value);
  return /^[^\s"=]+$/.test(text) ? text : `"${text.replaceAll('"', '\\"')}"`;
}
