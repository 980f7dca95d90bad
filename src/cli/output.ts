// Everything that dync prints goes through here. The rules:
//   stdout   what was asked for: help, version, results; with --json only JSON lines, the last one a `summary`
//   stderr   everything else: what happens, warnings, errors, progress, logs; with --json only JSON lines
//   errors   one line "PROGRAM: error: What was found", then, where something can be done, "PROGRAM: hint: …"
//   colour   only on a terminal, and not with NO_COLOR; never the only carrier of a meaning
//   names    text that others chose is printed with control characters escaped (printable.ts)
//   pipes    a reader that goes away is no error: the work goes on, its outcome is the exit status

import type { Writable } from "node:stream";
import { styleText } from "node:util";
import type { Clock } from "../base/clock.ts";
import { type DyncError, SeveralErrors } from "../base/error.ts";
import { shorten } from "./display-width.ts";
import { errorLines, listedFaults } from "./fault-lines.ts";
import { jsonLine, printable } from "./printable.ts";
import { Sink } from "./sink.ts";

export type JsonFields = Readonly<Record<string, unknown>>;
type Environment = Readonly<Record<string, string | undefined>>;
export type OutputStream = Writable & {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
};

export interface OutputOptions {
  /** `dync` or `dync-server`: the prefix of errors. */
  readonly program: string;
  readonly json: boolean;
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly clock: Clock;
  /** Variables of this process that tell what a terminal can; the process's own unless given. */
  readonly environment?: Environment;
}

// A reader that is this far behind has stopped reading; what is not out yet is given up.
const flushMs = 2000;

/** The two streams of one program run, and whom they speak to: people, or (`json`) programs. */
export class Output {
  readonly json: boolean;
  /** Raw stderr, for the progress display and the log. */
  readonly stderr: Sink;
  readonly #options: OutputOptions;
  readonly #stdout: Sink;
  readonly #summary: Record<string, unknown> = {};
  #isQuiet = false;

  constructor(options: OutputOptions) {
    this.#options = options;
    this.json = options.json;
    const { clock } = options;
    this.#stdout = new Sink({ stream: options.stdout, clock, pendingMax: Number.POSITIVE_INFINITY });
    this.stderr = new Sink({ stream: options.stderr, clock, pendingMax: Number.POSITIVE_INFINITY });
  }

  /** From now on only warnings, errors and results. */
  beQuiet(): void {
    this.#isQuiet = true;
  }

  get isQuiet(): boolean {
    return this.#isQuiet;
  }

  /** Whether people watch stderr on a terminal. */
  get isTerminal(): boolean {
    return this.#options.stderr.isTTY === true;
  }

  /** Width of that terminal, in columns. */
  get columns(): number {
    return this.#options.stderr.columns ?? 80;
  }

  /** Its height, in lines. */
  get rows(): number {
    return this.#options.stderr.rows ?? 24;
  }

  /** Whether it moves its cursor where an escape sequence says. */
  get movesCursor(): boolean {
    return this.isTerminal && knowsEscapes(this.#environment, process.platform);
  }

  /** Whether it breaks lines anew when it becomes narrower, as most do. */
  get breaksLines(): boolean {
    const { TERM, XTERM_VERSION, STY } = this.#environment;
    return TERM !== "linux" && !XTERM_VERSION && !STY;
  }

  get #environment(): Environment {
    return this.#options.environment ?? process.env;
  }

  /** Whether results go to a terminal as well. */
  get areResultsSeen(): boolean {
    return this.isTerminal && this.#options.stdout.isTTY === true;
  }

  /** Calls `listener` when that width has changed. Returns how to stop that. */
  onResize(listener: () => void): () => void {
    const { stderr } = this.#options;
    stderr.on("resize", listener);
    return () => void stderr.off("resize", listener);
  }

  /** Prints a result for people, as it is: the caller made names in it printable. Nothing with --json. */
  result(text: string): void {
    if (!this.json) this.#stdout.write(`${text}\n`);
  }

  /** Prints a result that has one line on a terminal: `rest`, behind `first`, is cut to what there is room for. */
  row(first: string, rest: string): void {
    const shown = this.areResultsSeen ? shorten(rest, this.columns - first.length) : rest;
    this.result(rest === "" ? first.trimEnd() : first + shown);
  }

  /** Prints help or version text, also with --json. */
  text(text: string): void {
    this.#stdout.write(`${text}\n`);
  }

  /** Tells people what happens. Nothing with --json or -q. */
  say(message: string): void {
    if (!this.json && !this.#isQuiet) this.stderr.write(`${printable(message)}\n`);
  }

  warn(message: string, hint?: string): void {
    if (this.json) return this.#jsonTo(this.stderr, "warning", { message, hint });
    this.#tell("yellow", "warning", printable(message), hint);
  }

  /** Prints what ended the program, or one file of several; each by itself where it is several errors. */
  error(error: DyncError): void {
    if (error instanceof SeveralErrors) {
      for (const one of error.all) this.error(one);
      return;
    }
    const { code, message, hint } = error;
    const faults = listedFaults(error);
    if (this.json)
      return this.#jsonTo(this.stderr, "error", { code, message, faults, hint, exit: error.meaning.exit });
    this.#tell("red", "error", errorLines(error, this.isTerminal).join("\n"), hint);
  }

  /** One JSON line on stdout, only with --json. */
  record(type: string, fields: JsonFields): void {
    if (this.json) this.#jsonTo(this.#stdout, type, fields);
  }

  /** Adds to the last line of --json. May be called before it is known how things end. */
  summarise(fields: JsonFields): void {
    Object.assign(this.#summary, fields);
  }

  /** Prints that last line. For `run.ts`. */
  end(exit: number): void {
    this.record("summary", { ok: exit === 0, exit, ...this.#summary });
  }

  /** Why results could not be written, such as a disk that is full, or `null`. A reader that went away is no reason. */
  get resultsLost(): string | null {
    return this.#stdout.fault;
  }

  /** Resolves when everything is out, or nobody reads any more. */
  async flush(): Promise<void> {
    await Promise.all([this.#stdout.flush(flushMs), this.stderr.flush(flushMs)]);
  }

  #jsonTo(sink: Sink, type: string, fields: JsonFields): void {
    sink.write(`${jsonLine({ schema: 1, type, ...fields })}\n`);
  }

  /** `text` is printable, and may have several lines. */
  #tell(colour: "red" | "yellow", kind: string, text: string, hint: string | undefined): void {
    const { program, stderr } = this.#options;
    const label = styleText(colour, `${kind}:`, { stream: stderr });
    this.stderr.write(`${program}: ${label} ${text}\n`);
    if (hint !== undefined) this.stderr.write(`${program}: hint: ${printable(hint)}\n`);
  }
}

/**
 * Whether a terminal does what escape sequences say. Elsewhere than on Windows all do that have a name and are not "dumb". A
 * console of Windows may not; those of which that is known say so.
 */
export function knowsEscapes(environment: Environment, platform: NodeJS.Platform): boolean {
  const { TERM, WT_SESSION, ConEmuANSI, TERM_PROGRAM } = environment;
  if (TERM === "dumb") return false;
  if (TERM) return true;
  return platform === "win32" && Boolean(WT_SESSION || TERM_PROGRAM || ConEmuANSI === "ON");
}
