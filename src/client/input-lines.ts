// Standard input line by line, for as long as somebody writes it.

import { DyncError } from "../base/error.ts";
import { limits } from "../protocol/limits.ts";
import { standardInputBytes } from "./standard-input-source.ts";

// Metadata with every character escaped, and a path.
const lineBytesMax = 8 * limits.metadataBytesMax;
const lineEnd = 0x0a;

/**
 * Each line without its end, and for one that is none the reason why. Rejects with the signal's reason as soon as that aborts,
 * although nothing came. `input` is standard input unless given.
 */
export async function* textLines(
  signal: AbortSignal,
  input: AsyncIterable<Uint8Array> = standardInputBytes(),
): AsyncGenerator<string | DyncError, void, undefined> {
  const pieces = input[Symbol.asyncIterator]();
  let parts: Buffer[] = [];
  let length = 0;
  const take = (): string | DyncError => {
    const text = length > lineBytesMax ? tooLong() : decoded(Buffer.concat(parts));
    parts = [];
    length = 0;
    return text;
  };
  const add = (part: Uint8Array): void => {
    length += part.length;
    // Of one that is too long nothing is kept.
    if (length > lineBytesMax) parts = [];
    else parts.push(Buffer.from(part));
  };
  for (let next = await unlessAborted(pieces.next(), signal); next.done !== true; ) {
    let rest = next.value;
    for (let end = rest.indexOf(lineEnd); end >= 0; end = rest.indexOf(lineEnd)) {
      add(rest.subarray(0, end));
      rest = rest.subarray(end + 1);
      yield take();
    }
    add(rest);
    next = await unlessAborted(pieces.next(), signal);
  }
  if (length > 0) yield take();
}

function tooLong(): DyncError {
  return new DyncError("usage", `The line has more than ${lineBytesMax} bytes`);
}

function decoded(bytes: Buffer): string | DyncError {
  try {
    // A byte order mark goes.
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new DyncError("usage", "The line is no UTF-8 text");
  }
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
