// Standard input as bytes, read into one buffer again and again: `process.stdin` makes a new one for every read, and
// with gigabytes the garbage collector lags behind. Used by `send-file.ts`.

import { read } from "node:fs";
import { promisify } from "node:util";
import { systemCode } from "../../base/error.ts";

const readOnce = promisify(read);
const descriptor = 0;
// Four times what a pipe of Linux holds.
const bufferBytes = 256 * 1024;

/** Everything from standard input. Each piece is valid until the next one is asked for. */
export async function* standardInput(): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(bufferBytes);
  for (;;) {
    const count = await readInto(buffer);
    if (count === 0) return;
    if (count === null) return yield* process.stdin;
    yield buffer.subarray(0, count);
  }
}

/** Bytes read, 0 at the end, or `null` when a read would not wait: whoever started us set the pipe so. */
async function readInto(buffer: Uint8Array): Promise<number | null> {
  try {
    return (await readOnce(descriptor, buffer, 0, buffer.length, null)).bytesRead;
  } catch (error) {
    const code = systemCode(error);
    // On Windows the end of a pipe is an error.
    if (code === "EOF") return 0;
    if (code === "EAGAIN") return null;
    throw error;
  }
}
