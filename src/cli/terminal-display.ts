// What stays in sight on a terminal while uploads run: one line, or a block of lines where the cursor can be moved. Both are
// written to stderr, never wider than the terminal, and wiped in the end.

import type { Output } from "./output.ts";
import { type ProgressNumbers, terminalLine } from "./progress-line.ts";

const terminalDrawMs = 100;
// Ctrl-C echoes "^C", and some terminals wrap as soon as the last column is written.
const echoColumns = 2;
const columnsFree = echoColumns + 1;
// Characters that a slow terminal may be behind.
const pendingMax = 1000;

/** One line, on any terminal. */
export class LineDisplay {
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

/** A line and the columns that it takes. */
export interface DisplayLine {
  readonly text: string;
  readonly width: number;
}

/** Several lines, on a terminal whose cursor can be moved. */
export class BlockDisplay {
  readonly everyMs = terminalDrawMs;
  readonly #output: Output;
  #drawn: readonly DisplayLine[] = [];

  constructor(output: Output) {
    this.#output = output;
  }

  /** Columns that a line may take. */
  get columns(): number {
    return Math.max(0, this.#output.columns - columnsFree);
  }

  /** Lines that there is room for: with more the first ones would be out of reach. */
  get linesMax(): number {
    return Math.max(1, this.#output.rows - 1);
  }

  draw(lines: readonly DisplayLine[]): void {
    const isSame =
      lines.length === this.#drawn.length && lines.every(({ text }, at) => text === this.#drawn[at]?.text);
    // A terminal that is slower than we are gets fewer lines, not a queue of them.
    if (isSame || this.#output.stderr.pending > pendingMax) return;
    const text = lines.map((line) => `${line.text}${toLineEnd}`).join("\n");
    this.#output.stderr.write(`${this.#toBegin()}${withoutWrapping}${text}${toScreenEnd}${withWrapping}`);
    this.#drawn = lines;
  }

  /** Takes the block away, and returns whether there was one. */
  erase(): boolean {
    if (this.#drawn.length === 0) return false;
    this.#output.stderr.write(`${this.#toBegin()}${toScreenEnd}`);
    this.#drawn = [];
    return true;
  }

  // A terminal that became narrower has broken the lines anew: the block is higher now, and the cursor at its end. That some
  // tell of it a while later does no harm: what is drawn meanwhile is cut off at the edge, in the last rows of the higher block.
  #toBegin(): string {
    if (this.#drawn.length === 0) return "";
    const columns = this.#output.breaksLines ? Math.max(1, this.#output.columns) : Number.POSITIVE_INFINITY;
    const rows = this.#drawn.reduce((sum, { width }) => sum + Math.max(1, Math.ceil(width / columns)), 0);
    const up = Math.min(rows, this.#output.rows) - 1;
    return up > 0 ? `\x1b[${up}A\r` : "\r";
  }
}

const toLineEnd = "\x1b[K";
const toScreenEnd = "\x1b[J";
const withoutWrapping = "\x1b[?7l";
const withWrapping = "\x1b[?7h";
