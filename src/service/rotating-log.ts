// The log of a service: lines are added to a file, which is put aside when it is large. What cannot be written, for want of space
// perhaps, is lost: no upload waits for its log.

import { appendFileSync, mkdirSync, renameSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { Writable } from "node:stream";
import { localSeconds } from "../base/local-time.ts";
import { isToRotate, type LogBounds, logBounds, rotation } from "./log-rotation.ts";

// Names of files and what a server says of them are nobody else's business.
const mode = 0o600;

export interface RotatingLogOptions {
  readonly file: string;
  readonly date: () => Date;
  readonly bounds?: LogBounds;
}

/** A stream of text; each line gets the local time. */
export class RotatingLog extends Writable {
  readonly #options: RotatingLogOptions;
  readonly #bounds: LogBounds;
  #rest = "";

  constructor(options: RotatingLogOptions) {
    super({ decodeStrings: false, defaultEncoding: "utf8" });
    this.#options = options;
    this.#bounds = options.bounds ?? logBounds;
  }

  override _write(chunk: string | Buffer, _encoding: string, done: () => void): void {
    const lines = (this.#rest + String(chunk)).split("\n");
    this.#rest = lines.pop() ?? "";
    this.#add(lines);
    done();
  }

  override _final(done: () => void): void {
    if (this.#rest !== "") this.#add([this.#rest]);
    done();
  }

  #add(lines: readonly string[]): void {
    const { file, date } = this.#options;
    const at = localSeconds(date());
    try {
      for (const line of lines) {
        const bytes = Buffer.from(`${at} ${line}\n`);
        this.#rotate(bytes.length);
        appendFileSync(file, bytes, { mode });
      }
    } catch {
      // There is nowhere to say it.
    }
  }

  #rotate(more: number): void {
    const { file } = this.#options;
    if (!isToRotate(bytesIn(file), more, this.#bounds)) return;
    for (const [from, to] of rotation(file, this.#bounds)) if (bytesIn(from) > 0) renameSync(from, to);
  }
}

function bytesIn(file: string): number {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined) mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  return stats?.size ?? 0;
}
