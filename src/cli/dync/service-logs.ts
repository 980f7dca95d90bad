// `dync service logs`: the last lines of a service's log, across the files that it is cut into, and what is added.

import { closeSync, fstatSync, openSync, readFileSync, readSync, statSync } from "node:fs";
import { type Clock, sleep } from "../../base/clock.ts";
import { DyncError } from "../../base/error.ts";
import { parseCount } from "../../config/count.ts";
import { logBounds, logFiles } from "../../service/log-rotation.ts";
import { sharedOptions } from "../args.ts";
import { defineCommand } from "../command.ts";
import { faultsOf } from "../command-line-error.ts";
import { optionText, unwrap } from "../option-value.ts";
import type { Output } from "../output.ts";
import { chosenService } from "./service-context.ts";
import { serviceLogsUsage } from "./usage-service.ts";
import { isThere } from "./what-is-there.ts";

const linesDefault = 100;
const linesMax = 1_000_000;
const followMs = 500;

export const serviceLogsCommand = defineCommand({
  name: "service logs",
  usage: serviceLogsUsage,
  options: {
    ...sharedOptions,
    lines: { type: "string", alias: "n" },
    follow: { type: "boolean", alias: "f" },
    json: { type: "boolean" },
    name: { type: "positional", required: false },
  },
  check: ({ values }) => ({ misread: null, others: faultsOf(() => readLines(values.lines?.[0])) }),
  async run({ name, lines, follow }, { output, environment, clock, signal }) {
    const { files } = chosenService(name, environment);
    const say = (line: string): void => {
      output.record("line", { text: line });
      output.result(line);
    };
    const { last, end } = lastLines(files.log, readLines(lines));
    for (const line of last) say(line);
    output.summarise({ name: files.name, files: logFiles(files.log, logBounds).filter(isThere) });
    if (follow) await new Follower(files.log, end, say).run(clock, signal);
    else if (last.length === 0) sayEmpty(files.name, output);
    return 0;
  },
});

function readLines(text: string | undefined): number {
  return text === undefined ? linesDefault : unwrap(parseCount(text, 1, linesMax), optionText("lines"));
}

function sayEmpty(name: string, output: Output): void {
  output.say(`The log is empty: "dync service status ${name}" says whether it runs`);
}

interface Place {
  readonly inode: number;
  readonly bytes: number;
}

/** The last `count` lines, and how far the newest file was read. */
export function lastLines(
  file: string,
  count: number,
): { readonly last: readonly string[]; readonly end: Place | null } {
  let lines: string[] = [];
  let end: Place | null = null;
  for (const one of logFiles(file, logBounds)) {
    if (!isThere(one)) continue;
    const bytes = readFileSync(one);
    if (one === file) end = { inode: statSync(one).ino, bytes: bytes.lastIndexOf(0x0a) + 1 };
    const whole = bytes.subarray(0, bytes.lastIndexOf(0x0a) + 1).toString("utf8");
    lines = [...whole.split("\n").slice(0, -1), ...lines];
    if (lines.length >= count) break;
  }
  return { last: lines.slice(-count), end };
}

/** Reads on where somebody else writes; a file that was put aside is read to its end first. */
class Follower {
  readonly #file: string;
  readonly #say: (line: string) => void;
  #place: Place | null;

  constructor(file: string, place: Place | null, say: (line: string) => void) {
    this.#file = file;
    this.#place = place;
    this.#say = say;
  }

  /** Until the signal aborts; rejects then. */
  async run(clock: Clock, signal: AbortSignal): Promise<never> {
    for (;;) {
      this.#read();
      await sleep(clock, followMs, signal);
    }
  }

  #read(): void {
    const stats = statSync(this.#file, { throwIfNoEntry: false });
    if (stats === undefined) return;
    if (this.#place !== null && this.#place.inode !== stats.ino) {
      const [, aside] = logFiles(this.#file, logBounds);
      if (aside !== undefined && isThere(aside)) this.#readFrom(aside, this.#place);
      this.#place = null;
    }
    this.#place = this.#readFrom(this.#file, this.#place ?? { inode: stats.ino, bytes: 0 });
  }

  #readFrom(file: string, { inode, bytes }: Place): Place {
    const handle = openSync(file, "r");
    try {
      const stats = fstatSync(handle);
      if (stats.ino !== inode || stats.size <= bytes) return { inode, bytes };
      const added = Buffer.alloc(Math.min(stats.size - bytes, logBounds.bytesMax));
      const whole = added.subarray(0, readSync(handle, added, 0, added.length, bytes)).lastIndexOf(0x0a) + 1;
      for (const line of added.subarray(0, whole).toString("utf8").split("\n").slice(0, -1)) this.#say(line);
      return { inode, bytes: bytes + whole };
    } catch (cause) {
      throw new DyncError("failed", `Cannot read ${file}`, { cause });
    } finally {
      closeSync(handle);
    }
  }
}
