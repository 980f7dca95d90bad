// Where log lines go. To stderr, because stdout is for results: text, which is short and for people and journals, or JSON lines. And,
// where the settings name one, JSON lines into a file, for programs. Logging never waits, never throws, drops lines (counted) when
// nobody reads them, and goes on after a write that failed. What one peer can make us write is bounded (base/counted-logger.ts).

import { isAbsolute } from "node:path";
import { styleText } from "node:util";
import type { Clock } from "../base/clock.ts";
import { CountedLogger } from "../base/counted-logger.ts";
import { localSeconds } from "../base/local-time.ts";
import { type LogFields, type LogFormat, type Logger, type LogLevel, logLevels } from "../base/log.ts";
import { formatSize } from "../config/size.ts";
import { journalPrefixes } from "./journal.ts";
import { LogFile } from "./log-file.ts";
import type { OutputStream } from "./output.ts";
import { jsonLine, printable } from "./printable.ts";
import { Sink, type TextTarget } from "./sink.ts";

export interface LogOptions {
  readonly stream: OutputStream;
  readonly clock: Clock;
  /** Whether `stream` is systemd's journal: lines for people have their level in its way then, and leave the time to it. */
  readonly isJournal?: boolean;
  /** Of what goes to `stream`. Looked up for each line, as the rest is. */
  readonly format: LogFormat;
  /** Absolute path of the file for programs, or `null`: there is none. */
  readonly file: string | null;
  /** Lines below this level are left out. */
  readonly level: LogLevel;
}

/** Disposed of, it lets go of the file. */
export interface Log extends AsyncDisposable {
  readonly logger: Logger;
  /**
   * Opens the file for programs anew, which may be another one or none by now. Rejects with a `DyncError` when it cannot be
   * opened: "configuration", or "unavailable" where that may pass.
   */
  reopen(): Promise<void>;
  /** Waits for the last lines, at most `waitMs` for each of the two ways. */
  flush(waitMs: number): Promise<void>;
}

interface LogLine {
  readonly date: Date;
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

// Some ten thousand lines: what a reader may be late before lines are dropped.
const pendingMax = 1024 * 1024;

export function openLog(options: LogOptions): Log {
  const { stream, clock } = options;
  const people = new LogOutput(stream, clock, (line) =>
    options.format === "json" ? jsonOf(line) : textLine(line, options),
  );
  const file = new LogFile({
    path: () => options.file,
    onFailed: ({ message, hint }) =>
      people.write({ date: clock.date(), level: "error", message, fields: { hint } }),
  });
  const programs = new LogOutput(file, clock, jsonOf);
  const write = (level: LogLevel, message: string, fields: LogFields = {}): void => {
    const line = { date: clock.date(), level, message, fields };
    people.write(line);
    if (options.file !== null) programs.write(line);
  };
  const counted = new CountedLogger({ log: write }, clock);
  const logger: Logger = {
    log(level, message, fields) {
      if (logLevels.indexOf(level) >= logLevels.indexOf(options.level)) counted.log(level, message, fields);
    },
  };
  const flush = async (waitMs: number): Promise<void> => {
    counted.settle();
    await Promise.all([people.flush(waitMs), programs.flush(waitMs)]);
  };
  return {
    logger,
    reopen: () => file.reopen(),
    flush,
    [Symbol.asyncDispose]: () => file[Symbol.asyncDispose](),
  };
}

/** One way out: lines in one form, and what was lost of them. */
class LogOutput {
  readonly #sink: Sink;
  readonly #clock: Clock;
  readonly #textOf: (line: LogLine) => string;

  constructor(stream: TextTarget, clock: Clock, textOf: (line: LogLine) => string) {
    this.#sink = new Sink({ stream, clock, pendingMax });
    this.#clock = clock;
    this.#textOf = textOf;
  }

  write(line: LogLine): void {
    this.#tellLoss();
    this.#put(line);
  }

  async flush(waitMs: number): Promise<void> {
    await this.#sink.flush(waitMs);
    // No line may come any more before which it would be told.
    this.#tellLoss();
    await this.#sink.flush(waitMs);
  }

  /** Tells what was lost, as soon as a line can be written again. Where this one is lost, so is what it told. */
  #tellLoss(): void {
    const loss = this.#sink.pending === 0 ? this.#sink.takeLoss() : null;
    if (loss === null) return;
    const { lines, reason } = loss;
    const told =
      reason === null
        ? { message: "Log lines dropped, nobody read them in time", fields: { lines } }
        : { message: "Log lines lost, they could not be written", fields: { lines, reason } };
    this.#put({ date: this.#clock.date(), level: "warn", ...told }, lines);
  }

  #put(line: LogLine, lines = 1): void {
    this.#sink.write(`${this.#textOf(line)}\n`, lines);
  }
}

function jsonOf({ date, level, message, fields }: LogLine): string {
  return jsonLine({ time: date.toISOString(), level, message, ...fields });
}

/** `2026-01-02 03:04:05 info  Upload started user=meyer name="run 42.raw" size=1.5MiB upload=0a1b2c3d`, in local time. */
function textLine({ date, level, message, fields }: LogLine, { stream, isJournal }: LogOptions): string {
  const { upload, ...others } = fields;
  const parts = Object.entries(others).flatMap(([name, value]) =>
    value === undefined || isForPrograms(name, value) || (value === null && name in sizesIn)
      ? []
      : [`${printable(name)}=${fieldText(name, value)}`],
  );
  // Enough to find the others about it.
  if (upload !== undefined) parts.push(`upload=${fieldText("upload", String(upload).slice(0, 8))}`);
  const levelText = level === "info" ? "info " : styleText(colours[level], level.padEnd(5), { stream });
  const begin = isJournal === true ? journalPrefixes[level] : `${localSeconds(date)} `;
  return begin + [levelText, printable(message), ...parts].join(" ");
}

const colours = { debug: "gray", warn: "yellow", error: "red" } as const;

/** Long, and no help to who reads the rest: of a path, one that begins at the root. Where in the data folder a rule puts a file is news. */
function isForPrograms(name: string, value: unknown): boolean {
  return name === "sha256" || (name === "path" && isAbsolute(String(value)));
}

const sizesIn: Readonly<Record<string, string>> = { size: "", offset: "", rate: "/s" };

function fieldText(name: string, value: string | number | boolean | null): string {
  const unit = sizesIn[name];
  if (unit !== undefined && typeof value === "number") return formatSize(value).replace(" ", "") + unit;
  if (typeof value !== "string") return String(value);
  const text = printable(value);
  return /^[^\s"=]+$/.test(text) ? text : `"${text.replaceAll('"', '\\"')}"`;
}
