// One run of a program: given a text, waited for, and ended with all that it started when its time is over. What it prints is read
// to its end, and kept up to a bound, so that neither a program that prints without end nor one that reads nothing does any harm.

import { type ChildProcessByStdio, spawn } from "node:child_process";
import { dirname } from "node:path";
import type { Readable, Writable } from "node:stream";
import type { CancelTimer, Clock } from "../../base/clock.ts";
import { cutText, sayingLines } from "../../base/cut-text.ts";
import { messageOf, systemCode } from "../../base/error.ts";

export interface ProgramCall {
  /** Absolute path, and arguments. */
  readonly command: readonly [string, ...string[]];
  /** All of its variables. */
  readonly environment: Readonly<Record<string, string>>;
  readonly input: string;
  /** How much it may print on its standard output; 0: that is thrown away. */
  readonly outputBytesMax: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

export interface ProgramEnd {
  /** Why it did not end as it should, on one line, or `null`. */
  readonly failure: string | null;
  /** What it printed. */
  readonly output: Uint8Array;
}

type Child = ChildProcessByStdio<Writable, Readable, Readable>;

const isWindows = process.platform === "win32";
// Time to clear up, between being asked to end and being ended.
const graceMs = 2_000;
// What a program wrote last arrives with its end, unless something that it left running has its output open.
const lastWordsMs = 1_000;
// Even a program that is killed may not end: where a disk does not answer.
const killedMs = 5_000;
const wordsBytesMax = 4 * 1024;

/** Runs it once. Rejects with the signal's reason where that aborts, once the program has ended; else never. */
export async function runProgram(call: ProgramCall): Promise<ProgramEnd> {
  const { command, signal } = call;
  signal.throwIfAborted();
  let run: ProgramRun;
  try {
    run = new ProgramRun(call);
  } catch (error) {
    return { failure: notStarted(command[0], error), output: new Uint8Array() };
  }
  const end = await run.end();
  signal.throwIfAborted();
  return end;
}

class ProgramRun {
  readonly #call: ProgramCall;
  readonly #child: Child;
  readonly #exited = Promise.withResolvers<string | null>();
  readonly #closed = Promise.withResolvers<void>();
  readonly #words = new LastWords();
  readonly #output: Uint8Array[] = [];
  #outputBytes = 0;
  readonly #timers: CancelTimer[] = [];
  /** Why it was ended by us, or `null`. */
  #why: string | null = null;

  constructor(call: ProgramCall) {
    this.#call = call;
    const [program, ...args] = call.command;
    const child: Child = spawn(program, args, {
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...call.environment },
      cwd: dirname(program),
      // A group of its own, for all that it starts. Windows has none, and would show a window.
      detached: !isWindows,
      windowsHide: true,
    });
    this.#child = child;
    child.on("error", (error) => this.#exited.resolve(notStarted(program, error)));
    child.on("exit", (status, how) => this.#onExit(status, how));
    child.on("close", () => this.#closed.resolve());
    // Who does not want to know need not read: what counts is how it ends.
    child.stdin.on("error", () => {});
    child.stdout.on("error", () => {});
    child.stderr.on("error", () => {});
    child.stdout.on("data", (part: Uint8Array) => this.#onOutput(part));
    child.stderr.on("data", (part: Uint8Array) => this.#words.add(part));
    child.stdin.end(call.input);
  }

  async end(): Promise<ProgramEnd> {
    const { clock, signal, timeoutMs } = this.#call;
    const late = `took longer than ${timeoutMs / 1000} s, and was ended`;
    const stop = (): void => this.#kill("is not needed any more");
    signal.addEventListener("abort", stop, { once: true });
    this.#timers.push(clock.after(timeoutMs, () => this.#kill(late)));
    if (signal.aborted) stop();
    try {
      const failure = await this.#exited.promise;
      await this.#lastWords();
      const output = Buffer.concat(this.#output);
      return { failure: failure === null ? null : this.#withWords(failure), output };
    } finally {
      for (const cancel of this.#timers) cancel();
      signal.removeEventListener("abort", stop);
      this.#child.stdout.destroy();
      this.#child.stderr.destroy();
      this.#child.stdin.destroy();
    }
  }

  #onOutput(part: Uint8Array): void {
    const { outputBytesMax } = this.#call;
    if (outputBytesMax === 0) return;
    this.#outputBytes += part.length;
    if (this.#outputBytes <= outputBytesMax) return void this.#output.push(part);
    this.#kill(`printed more than ${outputBytesMax} bytes, and was ended`);
  }

  #withWords(failure: string): string {
    const words = this.#words.text();
    return words === "" ? failure : `${failure}: ${words}`;
  }

  async #lastWords(): Promise<void> {
    const enough = Promise.withResolvers<void>();
    const cancel = this.#call.clock.after(lastWordsMs, enough.resolve);
    await Promise.race([this.#closed.promise, enough.promise]);
    cancel();
  }

  /** Ends it, and all that it started; `why` is then how it ended. */
  #kill(why: string): void {
    if (this.#why !== null) return;
    this.#why = why;
    this.#signal("SIGTERM");
    this.#timers.push(
      this.#call.clock.after(graceMs, () => this.#signal("SIGKILL")),
      this.#call.clock.after(graceMs + killedMs, () => this.#exited.resolve(why)),
    );
  }

  #onExit(status: number | null, how: NodeJS.Signals | null): void {
    for (const cancel of this.#timers) cancel();
    // What it started may not have heeded that.
    if (this.#why !== null) this.#signal("SIGKILL");
    this.#exited.resolve(this.#why ?? whatEnded(status, how));
  }

  #signal(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      if (isWindows) this.#child.kill(signal);
      else process.kill(-pid, signal);
    } catch {
      // It ended just now, or has become another user's: then nothing is to be done but to wait no longer.
    }
  }
}

function whatEnded(status: number | null, how: NodeJS.Signals | null): string | null {
  if (status === 0) return null;
  return how === null ? `ended with status ${status}` : `was ended by ${how}`;
}

/** The end of what a program writes on its standard error. */
class LastWords {
  #bytes: Buffer = Buffer.alloc(0);

  add(part: Uint8Array): void {
    this.#bytes = Buffer.concat([this.#bytes, part.subarray(-wordsBytesMax)]).subarray(-wordsBytesMax);
  }

  /** The last line of it that says something. */
  text(): string {
    return cutText(sayingLines(this.#bytes.toString("utf8")).at(-1) ?? "", 400);
  }
}

const whyNot: Readonly<Record<string, string>> = {
  ENOENT: "there is no such program, or the one that its first line names",
  EACCES: "this user may not run it",
  ENOEXEC: "it is no program: a script begins with a line such as #!/bin/sh",
};

function notStarted(program: string, error: unknown): string {
  return `${program} cannot be run: ${whyNot[systemCode(error) ?? ""] ?? messageOf(error)}`;
}
