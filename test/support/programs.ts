// Starts programs for end-to-end tests and the benchmark, reads their output line by line, waits for a line or
// for the end with a deadline, and ends them by their own process id: `await using server = startProgram([...])`.

import { systemClock } from "../../src/base/clock.ts";

export interface ProgramOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** What the program reads on standard input; by default nothing. "pipe" leaves `child.stdin` to the test. */
  readonly stdin?: "ignore" | "pipe" | Blob | ReadableStream;
}

/** How a program ended. */
export interface ProgramEnd {
  /** Exit status, or `null` when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Seconds of processor time of the program and the children it waited for. */
  readonly cpuSeconds: number;
}

/** Deadline of everything that has to happen soon but on a busy machine may not. */
export const deadlineMsDefault = 100_000;

// Tests look at single lines; a program that floods its output must not eat the test's memory.
const outputCharsMax = 4 * 1024 * 1024;

/** Starts `command`; its environment is the test's own with `options.env` on top. */
export function startProgram(command: readonly string[], options: ProgramOptions = {}): Program {
  return new Program(command, options);
}

/** Runs `command` to its end. Throws when it takes longer than `deadlineMs`; the program is then killed. */
export async function runProgram(
  command: readonly string[],
  options: ProgramOptions = {},
  deadlineMs: number = deadlineMsDefault,
): Promise<ProgramEnd> {
  await using program = startProgram(command, options);
  return await program.ended(deadlineMs);
}

/** The bytes of a file as a pipe brings them. A stream that is a file's own would be given to a program as that file, whose length is known. */
export function piped(path: string): ReadableStream {
  return Bun.file(path).stream().pipeThrough(new TransformStream());
}

interface Waiter {
  readonly pattern: RegExp;
  readonly found: (match: RegExpMatchArray) => void;
}

/** What lines of JSON say, such as a program prints with `--json`. */
export function jsonLines<Line = Readonly<Record<string, unknown>>>(text: string): readonly Line[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line);
}

/** A running program. Disposing of it kills it and waits until it is gone. */
export class Program implements AsyncDisposable {
  readonly command: readonly string[];
  readonly child: Bun.Subprocess<"ignore" | "pipe" | Blob | ReadableStream, "pipe", "pipe">;
  readonly #output = { stdout: "", stderr: "" };
  readonly #waiters = new Set<Waiter>();
  readonly #end: Promise<ProgramEnd>;
  #ended = false;

  constructor(command: readonly string[], options: ProgramOptions) {
    this.command = command;
    this.child = Bun.spawn([...command], {
      stdin: options.stdin ?? "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: { ...process.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    const readers = [this.#read("stdout"), this.#read("stderr")];
    this.#end = this.#waitForEnd(readers);
  }

  get pid(): number {
    return this.child.pid;
  }

  get stdout(): string {
    return this.#output.stdout;
  }

  get stderr(): string {
    return this.#output.stderr;
  }

  get running(): boolean {
    return !this.#ended;
  }

  /** Sends a signal to this program alone. */
  signal(signal: NodeJS.Signals): void {
    if (!this.#ended) process.kill(this.pid, signal);
  }

  /** The first line on either output that `pattern` matches, past or future. Throws at the deadline or at the program's end. */
  async line(pattern: RegExp, deadlineMs: number = deadlineMsDefault): Promise<RegExpMatchArray> {
    const known = this.#find(pattern);
    if (known) return known;
    const seen = Promise.withResolvers<RegExpMatchArray>();
    const waiter = { pattern, found: seen.resolve };
    this.#waiters.add(waiter);
    const ended = this.#end.then(() => {
      const last = this.#find(pattern);
      if (last) return last;
      throw new Error(`Ended without a line like ${pattern}: ${this.#describe()}`);
    });
    try {
      return await withDeadline(
        Promise.race([seen.promise, ended]),
        deadlineMs,
        () => `No line like ${pattern} within ${deadlineMs} ms: ${this.#describe()}`,
      );
    } finally {
      this.#waiters.delete(waiter);
    }
  }

  /** The end of the program. Throws when it still runs at the deadline. */
  ended(deadlineMs: number = deadlineMsDefault): Promise<ProgramEnd> {
    return withDeadline(
      this.#end,
      deadlineMs,
      () => `Still running after ${deadlineMs} ms: ${this.#describe()}`,
    );
  }

  /** Asks it to end (SIGTERM) and waits. */
  async stop(deadlineMs: number = deadlineMsDefault): Promise<ProgramEnd> {
    this.signal("SIGTERM");
    return await this.ended(deadlineMs);
  }

  /** Ends it at once (SIGKILL) and waits. */
  async kill(): Promise<ProgramEnd> {
    this.signal("SIGKILL");
    return await this.#end;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }

  async #read(name: "stdout" | "stderr"): Promise<void> {
    const decoder = new TextDecoder();
    let unfinished = "";
    for await (const bytes of this.child[name]) {
      if (this.#output[name].length > outputCharsMax) continue;
      const text = decoder.decode(bytes, { stream: true });
      this.#output[name] += text;
      // Who waits has seen what was there before: of a program that says a lot, all of it would be read for each line.
      const lines = (unfinished + text).split("\n");
      unfinished = lines.pop() ?? "";
      for (const waiter of this.#waiters) {
        const match = matchIn(lines, waiter.pattern);
        if (match) waiter.found(match);
      }
    }
  }

  async #waitForEnd(readers: readonly Promise<void>[]): Promise<ProgramEnd> {
    await this.child.exited;
    this.#ended = true;
    await Promise.all(readers);
    const usage = this.child.resourceUsage();
    return {
      code: this.child.exitCode,
      signal: this.child.signalCode as NodeJS.Signals | null,
      stdout: this.#output.stdout,
      stderr: this.#output.stderr,
      cpuSeconds: Number(usage?.cpuTime.total ?? 0) / 1e6,
    };
  }

  #find(pattern: RegExp): RegExpMatchArray | null {
    for (const text of [this.#output.stdout, this.#output.stderr]) {
      const match = matchIn(text.split("\n").slice(0, -1), pattern);
      if (match) return match;
    }
    return null;
  }

  #describe(): string {
    return `${this.command.join(" ")}\n${this.#output.stdout}\n${this.#output.stderr}`;
  }
}

/** The first match in one of `lines`. */
function matchIn(lines: readonly string[], pattern: RegExp): RegExpMatchArray | null {
  for (const line of lines) {
    const match = line.match(pattern);
    if (match) return match;
  }
  return null;
}

async function withDeadline<T>(promise: Promise<T>, deadlineMs: number, message: () => string): Promise<T> {
  const late = Promise.withResolvers<never>();
  const cancel = systemClock.after(deadlineMs, () => late.reject(new Error(message())));
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    cancel();
  }
}
