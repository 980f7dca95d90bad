// Shows how an upload gets on. On a terminal one line on stderr, redrawn at most ten times a second and wiped at the
// end; else a line every 10 s; with --json a status line on stdout every second; with -q nothing. Used by `dync send`.

import type { CancelTimer, Clock } from "../base/clock.ts";
import type { Output } from "./output.ts";
import { printable } from "./printable.ts";
import { type ProgressNumbers, plainLine, terminalLine } from "./progress-line.ts";
import { TransferRate } from "./transfer-rate.ts";

export interface ProgressState {
  /** Bytes that the server has, from the beginning of the file. */
  readonly taken: number;
  /** Bytes after those that are on their way. */
  readonly underWay: number;
  /** Nothing is being sent yet (again): the position may jump to what the server has, which says nothing about speed. */
  readonly isStill?: boolean;
  /** Bytes in all, or `null` for a stream. */
  readonly total: number | null;
  /** Why nothing moves, for example "waiting for the server", or `null`. */
  readonly waiting: string | null;
  /** With `waiting`: when the next try is due, in the clock's milliseconds; shown as a countdown. */
  readonly nextTryAt?: number | null;
}

export interface ProgressView {
  update(state: ProgressState): void;
  /** Prints a line of its own, above the display. */
  note(text: string): void;
  /** Prints a warning and what follows from it, above the display. */
  warn(text: string, hint: string): void;
  /** Has something else printed above the display, which is drawn again when that is done. */
  above(print: () => void | Promise<void>): Promise<void>;
  /** Takes the display away. Nothing is shown afterwards. */
  end(): void;
}

export interface ProgressOptions {
  readonly name: string;
  readonly output: Output;
  readonly clock: Clock;
}

const terminalDrawMs = 100;
const linesDrawMs = 10_000;
const jsonDrawMs = 1_000;
// Ctrl-C echoes "^C", and some terminals wrap as soon as the last column is written.
const echoColumns = 2;
const columnsFree = echoColumns + 1;
// Characters that a slow terminal may be behind.
const pendingMax = 1000;
// Credit that is spent and granted again within a moment is no wait: showing it would make the line flicker.
const waitShownAfterMs = 1_000;

/** The display that suits `output`. */
export function openProgress(options: ProgressOptions): ProgressView {
  const { output } = options;
  if (output.json) return new PeriodicProgress(options, jsonDisplay(options));
  if (output.isQuiet) return new PeriodicProgress(options, null);
  return new PeriodicProgress(
    options,
    output.isTerminal ? new TerminalDisplay(output) : linesDisplay(output),
  );
}

/** One way of showing. */
interface Display {
  /** Milliseconds from one drawing to the next. */
  readonly everyMs: number;
  /** Whether the first drawing comes at once. */
  readonly immediate: boolean;
  draw(numbers: ProgressNumbers): void;
  /** The terminal has another width. Returns whether what is in sight has to be drawn again. */
  resized?(): boolean;
  /** Takes away what stays in sight, and returns whether there was something. Not there where lines stay. */
  erase?(): boolean;
}

/** Draws the latest state on time, whether updates come in thousands or, while nothing moves, not at all. */
class PeriodicProgress implements ProgressView {
  readonly #options: ProgressOptions;
  readonly #display: Display | null;
  readonly #rate = new TransferRate();
  #state: ProgressState | null = null;
  #waitingSince = 0;
  #cancel: CancelTimer | null = null;
  #ended = false;
  /** What is printed above the display just now. */
  #printing = 0;
  readonly #stopResizing: () => void;

  constructor(options: ProgressOptions, display: Display | null) {
    this.#options = options;
    this.#display = display;
    this.#stopResizing = options.output.onResize(() => this.#resized());
  }

  #resized(): void {
    if (this.#display?.resized?.()) this.#draw();
  }

  update(state: ProgressState): void {
    if (this.#display === null || this.#ended) return;
    const now = this.#options.clock.now();
    const isWaitOver = state.waiting === null && this.#isWaitShown(now);
    if (state.isStill || this.#state?.isStill || isWaitOver) this.#rate.restart();
    this.#rate.add(state.taken, now);
    if (state.waiting !== this.#state?.waiting) this.#waitingSince = now;
    this.#state = state;
    if (this.#cancel !== null) return;
    if (this.#display.immediate) this.#draw();
    this.#arm(this.#display);
  }

  note(text: string): void {
    void this.above(() => this.#options.output.say(text));
  }

  warn(text: string, hint: string): void {
    void this.above(() => this.#options.output.warn(text, hint));
  }

  async above(print: () => void | Promise<void>): Promise<void> {
    const wasDrawn = this.#display?.erase?.() ?? false;
    this.#printing += 1;
    try {
      const printed = print();
      if (printed instanceof Promise) await printed;
    } finally {
      this.#printing -= 1;
    }
    if (wasDrawn) this.#draw();
  }

  end(): void {
    this.#ended = true;
    this.#stopResizing();
    this.#cancel?.();
    this.#display?.erase?.();
  }

  #isWaitShown(now: number): boolean {
    if (this.#state === null || this.#state.waiting === null) return false;
    return this.#state.nextTryAt != null || now - this.#waitingSince >= waitShownAfterMs;
  }

  #arm(display: Display): void {
    this.#cancel = this.#options.clock.after(display.everyMs, () => {
      this.#draw();
      this.#arm(display);
    });
  }

  #draw(): void {
    if (this.#state === null || this.#ended || this.#printing > 0) return;
    const now = this.#options.clock.now();
    const { taken, underWay, total, nextTryAt } = this.#state;
    const waiting = this.#isWaitShown(now) ? this.#state.waiting : null;
    this.#display?.draw({
      name: printable(this.#options.name),
      taken,
      underWay,
      total,
      waiting: waiting === null ? null : printable(waiting),
      nextTryMs: nextTryAt == null ? null : Math.max(0, nextTryAt - now),
      bytesPerSecond: this.#rate.bytesPerSecond(now),
      remainingMs: this.#rate.remainingMs(total, now),
    });
  }
}

class TerminalDisplay implements Display {
  readonly everyMs = terminalDrawMs;
  readonly immediate = true;
  readonly #output: Output;
  #drawn = "";
  #width = 0;

  constructor(output: Output) {
    this.#output = output;
  }

  draw(numbers: ProgressNumbers): void {
    const line = terminalLine(numbers, Math.max(0, this.#output.columns - columnsFree));
    // A terminal that is slower than we are gets fewer lines, not a queue of them.
    if (line.text === this.#drawn || this.#output.stderr.pending > pendingMax) return;
    // Plain spaces wipe what the last line left: consoles that know no escape sequences understand these too.
    this.#output.stderr.write(`\r${line.text}${" ".repeat(Math.max(0, this.#width - line.width))}`);
    this.#drawn = line.text;
    this.#width = line.width;
  }

  // What the terminal made of the line is its affair: the new one begins where the cursor is, and is never wider.
  resized(): boolean {
    if (this.#drawn === "") return false;
    this.#drawn = "";
    this.#width = Math.min(this.#width, Math.max(0, this.#output.columns - columnsFree));
    return true;
  }

  erase(): boolean {
    if (this.#drawn === "") return false;
    // What Ctrl-C echoed behind the line goes too.
    this.#output.stderr.write(`\r${" ".repeat(this.#width + echoColumns)}\r`);
    this.#drawn = "";
    this.#width = 0;
    return true;
  }
}

function linesDisplay(output: Output): Display {
  return {
    everyMs: linesDrawMs,
    immediate: false,
    draw: (numbers) => output.say(plainLine(numbers)),
  };
}

function jsonDisplay({ output, name }: ProgressOptions): Display {
  return {
    everyMs: jsonDrawMs,
    immediate: true,
    draw({ taken, underWay, total, waiting, nextTryMs, bytesPerSecond, remainingMs }) {
      output.record("status", {
        name,
        sent: taken,
        underWay,
        total,
        waiting,
        nextTrySeconds: seconds(nextTryMs),
        bytesPerSecond: bytesPerSecond === null ? null : Math.round(bytesPerSecond),
        remainingSeconds: seconds(remainingMs),
      });
    },
  };
}

function seconds(durationMs: number | null): number | null {
  return durationMs === null ? null : Math.ceil(durationMs / 1000);
}
