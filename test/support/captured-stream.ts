// A stream that keeps what is written to it, with the properties of a terminal where a test wants one.

import { Writable } from "node:stream";

export class CapturedStream extends Writable {
  text = "";
  readonly isTTY: boolean;
  columns: number;
  rows = 24;
  /** While this is set, writes are not taken: a reader that does not read. */
  isStuck = false;
  /** While this is set, writes fail with it and the stream lives on, as standard error does on a full disk. */
  fault: Error | null = null;
  #held: () => void = () => {};

  constructor(options: { readonly isTTY?: boolean; readonly columns?: number } = {}) {
    super({ decodeStrings: false });
    this.isTTY = options.isTTY ?? false;
    this.columns = options.columns ?? 80;
  }

  /** Lines that were written since the last call. */
  takeLines(): string[] {
    const lines = this.text.split("\n").filter((line) => line !== "");
    this.text = "";
    return lines;
  }

  override write(...args: readonly unknown[]): boolean {
    const { fault } = this;
    if (fault === null) return (super.write as (...args: readonly unknown[]) => boolean)(...args);
    this.emit("error", fault);
    const done = args.at(-1) as (error: Error) => void;
    queueMicrotask(() => done(fault));
    return true;
  }

  override _write(chunk: string, _encoding: string, done: () => void): void {
    this.text += chunk;
    if (this.isStuck) this.#held = done;
    else done();
  }

  /** Takes again what is written, and what it was stuck with. */
  goOn(): void {
    this.isStuck = false;
    this.#held();
  }
}
