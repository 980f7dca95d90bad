// Where log lines go: to stderr, in both formats, because stdout is for results. Text is for people and journals,
// JSON lines for collectors. Logging never waits, never throws, drops lines (counted) when nobody reads them, and goes
// on after a write that failed. What one peer can make us write is bounded (base/counted-logger.ts).

import { styleText } from "node:util";
import type { Clock } from "../base/clock.ts";
import { CountedLogger } from "../base/counted-logger.ts";
import { type LogFields, type LogFormat, type Logger, type LogLevel, logLevels } from "../base/log.ts";
import type { OutputStream } from "./output.ts";
import { jsonLine, printable } from "./printable.ts";
import { Sink } from "./sink.ts";

export interface LogOptions {
  readonly stream: OutputStream;
  readonly clock: Clock;
  /** Looked up for each line, as the level is. */
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
  const { stream, clock } = options;
  const sink = new Sink({ stream, clock, pendingMax });
  const lineOf = (lineLevel: LogLevel, message: string, fields: LogFields): string =>
    options.format === "json"
      ? `${jsonLine({ time: clock.date().toISOString(), level: lineLevel, message, ...fields })}\n`
      : `${textLine(clock.date(), lineLevel, message, fields, stream)}\n`;
  /** Tells what was lost, as soon as a line can be written again. Where this one is lost, so is what it told. */
  const tellLoss = (): void => {
    const loss = sink.pending === 0 ? sink.takeLoss() : null;
    if (loss === null) return;
    const { lines, reason } = loss;
    if (reason === null)
      sink.write(lineOf("warn", "Log lines dropped, nobody read them in time", { lines }), lines);
    else sink.write(lineOf("warn", "Log lines lost, they could not be written", { lines, reason }), lines);
  };
  const write = (lineLevel: LogLevel, message: string, fields: LogFields = {}): void => {
    tellLoss();
    sink.write(lineOf(lineLevel, message, fields));
  };
  const counted = new CountedLogger({ log: write }, clock);
  const logger: Logger = {
    log(lineLevel, message, fields) {
      if (logLevels.indexOf(lineLevel) >= logLevels.indexOf(options.level))
        counted.log(lineLevel, message, fields);
    },
  };
  const flush = async (waitMs: number): Promise<void> => {
    counted.settle();
    await sink.flush(waitMs);
    // No line may come any more before which it would be told.
    tellLoss();
    await sink.flush(waitMs);
  };
  return { logger, flush };
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
