// libzmq's failures, typed: which call failed, with which error number. Thrown by socket.ts and message.ts; the
// links turn those that the world causes into values or a `DyncError`, the others are bugs.

import { errnoNames } from "./constants.ts";
import type { Library } from "./library.ts";

/** A call of libzmq failed. */
export class ZmqError extends Error {
  override readonly name = "ZmqError";
  /** Name of the C function, and what it was about where that helps, such as `zmq_setsockopt(12)`. */
  readonly operation: string;
  readonly errno: number;
  /** Name of the error number, such as `EADDRINUSE`; `errno N` for one without a name here. */
  readonly symbol: string;

  constructor(operation: string, errno: number, text: string) {
    const symbol = errnoSymbol(errno);
    super(`${operation} failed: ${text} (${symbol})`);
    this.operation = operation;
    this.errno = errno;
    this.symbol = symbol;
  }
}

/** Name of a system or libzmq error number. */
export function errnoSymbol(errno: number): string {
  return errnoNames.get(errno) ?? `errno ${errno}`;
}

/** The error of the call that just failed; nothing may be called in between. */
export function lastError(library: Library, operation: string): ZmqError {
  const errno = library.zmq.zmq_errno();
  const text = library.zmq.zmq_strerror(errno);
  return new ZmqError(operation, errno, text === null ? "unknown error" : library.native.text(text));
}

/** Returns `result`, or throws the error of `operation` when it is -1. */
export function check(library: Library, operation: string, result: number): number {
  if (result === -1) throw lastError(library, operation);
  return result;
}
