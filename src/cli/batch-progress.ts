// Shows how a batch of uploads gets on. On a terminal one line on stderr for all of it, under it one for each file that is
// under way (only the first where the cursor cannot be moved), redrawn at most ten times a second and wiped at the end; else a
// line for all every 10 s, if any; with --json a line for each and one for all every second; with -q nothing. Used by `send`, `resume` and
// `check`. Of a folder that is watched for years a log hears only of what the server lets wait.

import type { Clock } from "../base/clock.ts";
import { BatchTotals } from "./batch-totals.ts";
import type { Output } from "./output.ts";
import { recordStatus, seconds } from "./progress.ts";
import { type ProgressNumbers, plainLine, terminalLine } from "./progress-line.ts";
import { ProgressMeter, type ProgressState } from "./progress-meter.ts";
import { Redrawing } from "./redrawing.ts";
import { BlockDisplay, LineDisplay } from "./terminal-display.ts";

export interface BatchProgressOptions {
  readonly output: Output;
  readonly clock: Clock;
  /** How many there are, `null` where that is not known. */
  readonly files: number | null;
  /** What they have together, `null` where that is not known. */
  readonly bytes: number | null;
  /** From one line to the next where no terminal is; `null`: none there. 10 s unless given. */
  readonly linesEveryMs?: number | null;
  /** Where no terminal is, has a file that the server lets wait for this long said, once for each reason. Only without such lines. */
  readonly waitsAfterMs?: number;
}

/** What is told of one file of a batch. */
export interface FileView {
  update(state: ProgressState): void;
  /** It is stored: so many bytes, which were there `already` or not. */
  stored(bytes: number, already: boolean): void;
  failed(): void;
}

/** A file that is under way. */
interface Running {
  readonly name: string;
  readonly meter: ProgressMeter;
}

/** One way of showing. */
interface Display {
  /** Milliseconds from one drawing to the next. */
  readonly everyMs: number;
  /** `slots`: who is under way, each in the place that it keeps. */
  draw(totals: BatchTotals, slots: readonly (Running | null)[], now: number): void;
  /** The terminal has another width. */
  resized?(): void;
  /** Takes away what stays in sight, and returns whether there was something. Not there where lines stay. */
  erase?(): boolean;
}

export class BatchProgress {
  readonly #options: BatchProgressOptions;
  readonly #display: Display | null;
  readonly #totals: BatchTotals;
  readonly #slots: (Running | null)[] = [];
  readonly #stopResizing: () => void;
  readonly #redrawing: Redrawing;

  constructor(options: BatchProgressOptions) {
    const { output, clock } = options;
    this.#options = options;
    this.#display = displayFor(options);
    this.#totals = new BatchTotals(options);
    const everyMs = this.#display?.everyMs ?? null;
    this.#redrawing = new Redrawing({ clock, everyMs, draw: () => this.#draw() });
    this.#stopResizing = output.onResize(() => {
      this.#display?.resized?.();
      if (this.#display?.erase !== undefined) this.#redrawing.now();
    });
  }

  /** A file's turn has come; `bytes`: what it has, as far as that was known before. */
  open(name: string, bytes: number | null): FileView {
    const running = { name, meter: new ProgressMeter(name) };
    const free = this.#slots.indexOf(null);
    const slot = free < 0 ? this.#slots.length : free;
    this.#slots[slot] = running;
    const file = this.#totals.open(bytes);
    const { clock } = this.#options;
    this.#redrawing.begin();
    const over = (): void => {
      this.#slots[slot] = null;
    };
    return {
      update: (state) => {
        running.meter.update(state, clock.now());
        file.update(state, clock.now());
      },
      stored: (size, already) => {
        over();
        file.stored(size, already, clock.now());
      },
      failed: () => {
        over();
        file.failed();
      },
    };
  }

  /** Has something printed on stderr, above the display. */
  above(print: () => void): void {
    const wasDrawn = this.#display?.erase?.() ?? false;
    print();
    if (wasDrawn) this.#redrawing.now();
  }

  /** Takes the display away. Nothing is shown afterwards. */
  end(): void {
    this.#redrawing.end();
    this.#stopResizing();
    this.#display?.erase?.();
  }

  #draw(): void {
    this.#display?.draw(this.#totals, this.#slots, this.#options.clock.now());
  }
}

const linesDrawMs = 10_000;
const jsonDrawMs = 1_000;

function displayFor(options: BatchProgressOptions): Display | null {
  const { output, linesEveryMs = linesDrawMs, waitsAfterMs } = options;
  if (output.json) return jsonDisplay(output);
  if (output.isQuiet) return null;
  if (output.movesCursor) return blockDisplay(output);
  if (output.isTerminal) return lineDisplay(output);
  if (linesEveryMs === null) return waitsAfterMs === undefined ? null : waitsDisplay(output, waitsAfterMs);
  return {
    everyMs: linesEveryMs,
    draw: (totals, slots, now) => output.say(plainLine(overall(totals, slots, now))),
  };
}

/** What there is to say of all of them, with why the server lets them wait where it does so with each. */
function overall(
  totals: BatchTotals,
  slots: readonly (Running | null)[],
  now: number,
  columns?: number,
): ProgressNumbers {
  const numbers = totals.numbers(now, columns);
  const running = numbersOf(slots, now).map(([, it]) => it);
  const [first] = running;
  const areHeld = first !== undefined && running.every(({ isHeld }) => isHeld === true);
  return areHeld && numbers.waiting === null ? { ...numbers, waiting: first.waiting } : numbers;
}

function waitsDisplay(output: Output, everyMs: number): Display {
  const said = new WeakMap<Running, string>();
  const held = new WeakSet<Running>();
  return {
    everyMs,
    draw(_, slots, now) {
      for (const [running, { name, isHeld, reason = null, waiting }] of numbersOf(slots, now)) {
        const isLong = held.has(running);
        if (isHeld === true) held.add(running);
        else held.delete(running);
        if (isHeld !== true || !isLong || reason === null || said.get(running) === reason) continue;
        said.set(running, reason);
        output.say(`"${name}" waits: ${waiting}`);
      }
    },
  };
}

function lineDisplay(output: Output): Display {
  const display = new LineDisplay(output);
  return {
    everyMs: display.everyMs,
    draw: (totals, slots, now) => display.draw(overall(totals, slots, now, output.columns)),
    resized: () => void display.resized(),
    erase: () => display.erase(),
  };
}

function blockDisplay(output: Output): Display {
  const display = new BlockDisplay(output);
  return {
    everyMs: display.everyMs,
    draw(totals, slots, now) {
      const { columns, linesMax } = display;
      const overall = terminalLine(totals.numbers(now, columns), columns);
      const files = numbersOf(slots, now).map(([, numbers]) => terminalLine(numbers, columns));
      const shown = files.length < linesMax ? files : files.slice(0, Math.max(0, linesMax - 1));
      display.draw([overall, ...shown]);
    },
    erase: () => display.erase(),
  };
}

function jsonDisplay(output: Output): Display {
  return {
    everyMs: jsonDrawMs,
    draw(totals, slots, now) {
      const running = numbersOf(slots, now);
      // Who waits for more to do has nothing to tell.
      if (running.length === 0) return;
      for (const [{ name }, numbers] of running) recordStatus(name, numbers, output);
      const { files, done, failed, sent } = totals;
      const { total, bytesPerSecond, remainingMs } = totals.numbers(now);
      output.record("progress", {
        files,
        done,
        failed,
        sent,
        total,
        bytesPerSecond: bytesPerSecond === null ? null : Math.round(bytesPerSecond),
        remainingSeconds: seconds(remainingMs),
      });
    },
  };
}

function numbersOf(
  slots: readonly (Running | null)[],
  now: number,
): readonly (readonly [Running, ProgressNumbers])[] {
  return slots.flatMap((running) => {
    const numbers = running?.meter.numbers(now) ?? null;
    return running === null || numbers === null ? [] : [[running, numbers] as const];
  });
}
