// What another program writes on its standard output, as a source: it is whole only when that program ended with 0, which a
// pipe of a shell does not tell. The program is ended when nobody needs it any more.

import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { type Clock, sleep } from "../base/clock.ts";
import { DyncError, messageOf, systemCode } from "../base/error.ts";
import { type Source, StreamSource } from "./source.ts";

export interface CommandSourceParts {
  readonly clock: Clock;
  /** Is told each line that the program writes on its standard error. */
  readonly onNote: (text: string) => void;
}

type Child = ChildProcessByStdio<null, Readable, Readable>;

/** How a program ended. */
interface End {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
}

// What it wrote last on its standard error arrives with its end, unless somebody else still has that open.
const lastWordsMs = 1_000;
const lineCharsMax = 1_000;

/** Starts the program `argv`. Rejects with `DyncError` ("source") when there is none. */
export async function openCommand(
  argv: readonly [string, ...string[]],
  parts: CommandSourceParts,
): Promise<Source> {
  const [program, ...args] = argv;
  const child: Child = spawn(program, args, { stdio: ["inherit", "pipe", "pipe"], windowsHide: true });
  const ended = Promise.withResolvers<End>();
  const closed = Promise.withResolvers<void>();
  child.on("exit", (status, signal) => ended.resolve({ status, signal }));
  child.on("close", () => closed.resolve());
  const lines = new Lines(parts.onNote);
  child.stderr.on("data", (part: Buffer) => lines.add(part));
  const output = read(child.stdout);
  await started(child, program);
  return new StreamSource(output, {
    name: `the output of "${program}"`,
    verify: async () => {
      const end = await ended.promise;
      const enough = new AbortController();
      await Promise.race([closed.promise, sleep(parts.clock, lastWordsMs, enough.signal).catch(() => {})]);
      enough.abort();
      lines.end();
      if (end.status !== 0) throw failed(program, end, lines.last);
    },
    close: async () => {
      // It hears of it as it would of a pipe that nobody reads any more.
      child.stdout.destroy();
      if (child.exitCode === null && child.signalCode === null) child.kill();
    },
  });
}

/**
 * Everything that comes. The first piece is asked for at once: of a program that ends before anybody reads, Bun forgets what
 * it wrote.
 */
function read(stream: Readable): AsyncIterable<Uint8Array> {
  const pieces: AsyncIterator<Uint8Array> = stream[Symbol.asyncIterator]();
  const first = pieces.next();
  // Who reads it hears of it.
  first.catch(() => {});
  return (async function* () {
    for (let next = await first; next.done !== true; next = await pieces.next()) yield next.value;
  })();
}

async function started(child: Child, program: string): Promise<void> {
  const spawned = Promise.withResolvers<void>();
  child.on("spawn", spawned.resolve);
  child.on("error", spawned.reject);
  await spawned.promise.catch((error: unknown) => {
    const reason = systemCode(error) === "ENOENT" ? "there is no such program" : messageOf(error);
    throw new DyncError("source", `Cannot run "${program}": ${reason}`, { cause: error });
  });
}

function failed(program: string, { status, signal }: End, lastLine: string): DyncError {
  const how = signal === null ? `ended with status ${status}` : `was ended by ${signal}`;
  const words = lastLine === "" ? "" : `: ${lastLine}`;
  return new DyncError("source", `"${program}" ${how}${words}`, { hint: "nothing was stored of it" });
}

/** Text that comes in pieces, told line by line. */
class Lines {
  readonly #onLine: (text: string) => void;
  readonly #decoder = new TextDecoder();
  #rest = "";
  /** The last line that says something. */
  last = "";

  constructor(onLine: (text: string) => void) {
    this.#onLine = onLine;
  }

  add(part: Uint8Array): void {
    const lines = `${this.#rest}${this.#decoder.decode(part, { stream: true })}`.split("\n");
    this.#rest = (lines.pop() ?? "").slice(0, lineCharsMax);
    for (const line of lines) this.#tell(line);
  }

  /** Nothing comes any more. */
  end(): void {
    this.#tell(this.#rest);
    this.#rest = "";
  }

  #tell(line: string): void {
    const text = line.trimEnd().slice(0, lineCharsMax);
    if (text === "") return;
    this.last = text;
    this.#onLine(text);
  }
}
