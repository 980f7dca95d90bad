// Whether lines of the audit log are those that were written, all of them and in their order, up to the last. Pure; what was cut off
// behind the last one does not show.

import { type Head, headOf, noLine, readLine } from "./line.ts";

export class Chain {
  #head: Head | null = null;
  #first: number | null = null;

  /** The last line that belongs to it, or `null`: there was none yet. */
  get head(): Head | null {
    return this.#head;
  }

  /** Number of the first line, or `null`. With one that is not 1 nothing is known of what came before. */
  get first(): number | null {
    return this.#first;
  }

  /** Adds the next line, without its line break. Returns what is wrong with it, as a sentence; then it does not belong. */
  add(line: Buffer): string | null {
    const read = readLine(line);
    if (read === null) return "This is no line of an audit log";
    if (!read.isIntact) return "This line was changed";
    const fault = this.#faultOf(read.sequence, read.previous);
    if (fault !== null) return fault;
    this.#first ??= read.sequence;
    this.#head = headOf(read.sequence, line);
    return null;
  }

  #faultOf(sequence: number, previous: string): string | null {
    // A log whose oldest files are kept elsewhere begins with any number.
    const before = this.#head ?? (sequence === 1 ? noLine : null);
    if (before === null) return null;
    const wanted = before.sequence + 1;
    if (sequence > wanted) return `Before this line, number ${sequence}, ${missing(wanted, sequence - 1)}`;
    if (sequence < wanted)
      return `This is line number ${sequence}, behind number ${before.sequence}: it stands in the wrong place`;
    if (previous === before.hash) return null;
    return `This line, number ${sequence}, was written behind another one than stands before it`;
  }
}

function missing(from: number, to: number): string {
  return from === to ? `number ${from} is missing` : `numbers ${from} to ${to} are missing`;
}
