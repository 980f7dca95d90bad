// Shows how an upload gets on. On a terminal one line on stderr, redrawn at most ten times a second and wiped at the
// end; else a line every 10 s; with --json a status line on stdout every second; with -q nothing. Used by `dync send`.

import type { Clock } from "../base/clock.ts";
import type { Output } from "./output.ts";
import { type ProgressNumbers, plainLine } from "./progress-line.ts";
import { ProgressMeter, type ProgressState } from "./progress-meter.ts";
import { Redrawing } from "./redrawing.ts";
import { LineDisplay } from "./terminal-display.ts";

export interface ProgressView {
  update(state: ProgressState): void;
  /** Prints a line of its own, above the display. */
  note(text: string): void;
  /** Prints a result, above the display. */
  result(text: string): void;
  /** Prints a warning and what follows from it, above the display. */
  warn(text: string, hint: string): void;
  /** Takes the display away. Nothing is shown afterwards. */
  end(): void;
}

export interface ProgressOptions {
  readonly name: string;
  readonly output: Output;
  readonly clock: Clock;
}

const linesDrawMs = 10_000;
const jsonDrawMs = 1_000;

/** The display that suits `output`. */
export function openProgress(options: ProgressOptions): ProgressView {
  const { output } = options;
  if (output.json) return new PeriodicProgress(options, jsonDisplay(options));
  if (output.isQuiet) return new PeriodicProgress(options, null);
  return new PeriodicProgress(options, output.isTerminal ? new LineDisplay(output) : linesDisplay(output));
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
  readonly #meter: ProgressMeter;
  readonly #redrawing: Redrawing;
  readonly #stopResizing: () => void;

  constructor(options: ProgressOptions, display: Display | null) {
    this.#options = options;
    this.#display = display;
    this.#meter = new ProgressMeter(options.name);
    const everyMs = display?.everyMs ?? null;
    this.#redrawing = new Redrawing({ clock: options.clock, everyMs, draw: () => this.#draw() });
    this.#stopResizing = options.output.onResize(() => this.#resized());
  }

  #resized(): void {
    if (this.#display?.resized?.()) this.#redrawing.now();
  }

  update(state: ProgressState): void {
    this.#meter.update(state, this.#options.clock.now());
    if (this.#redrawing.begin() && this.#display?.immediate) this.#redrawing.now();
  }

  note(text: string): void {
    this.#above(() => this.#options.output.say(text));
  }

  result(text: string): void {
    this.#above(() => this.#options.output.result(text));
  }

  warn(text: string, hint: string): void {
    this.#above(() => this.#options.output.warn(text, hint));
  }

  #above(print: () => void): void {
    const wasDrawn = this.#display?.erase?.() ?? false;
    print();
    if (wasDrawn) this.#redrawing.now();
  }

  end(): void {
    this.#redrawing.end();
    this.#stopResizing();
    this.#display?.erase?.();
  }

  #draw(): void {
    const numbers = this.#meter.numbers(this.#options.clock.now());
    if (numbers !== null) this.#display?.draw(numbers);
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
    draw: (numbers) => recordStatus(name, numbers, output),
  };
}

/** Prints the JSON line about one upload that is under way. */
export function recordStatus(name: string, numbers: ProgressNumbers, output: Output): void {
  const { taken, underWay, total, waiting, nextTryMs, bytesPerSecond, remainingMs } = numbers;
  const { reason = null, ahead = null } = numbers;
  output.record("status", {
    name,
    sent: taken,
    underWay,
    total,
    waiting,
    reason,
    ahead,
    nextTrySeconds: seconds(nextTryMs),
    bytesPerSecond: bytesPerSecond === null ? null : Math.round(bytesPerSecond),
    remainingSeconds: seconds(remainingMs),
  });
}

export function seconds(durationMs: number | null): number | null {
  return durationMs === null ? null : Math.ceil(durationMs / 1000);
}
