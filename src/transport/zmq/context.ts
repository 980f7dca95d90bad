// The libzmq context of a transport: its I/O threads, and the settings of the C heap that its messages live in.

import { contextOption } from "./constants.ts";
import { check, lastError } from "./error.ts";
import type { Library } from "./library.ts";
import { SlotPool } from "./message.ts";
import type { Pointer } from "./native.ts";
import { mallocSymbols } from "./symbols.ts";

export class ZmqContext {
  readonly library: Library;
  /** Room for the messages of all its sockets. */
  readonly pool: SlotPool;
  readonly #pointer: Pointer;

  /** One I/O thread encrypts and decrypts about 1.5 GB/s; a connection stays on one thread. */
  constructor(library: Library, ioThreads: number) {
    this.library = library;
    this.pool = new SlotPool(library);
    const pointer = library.zmq.zmq_ctx_new();
    if (pointer === null) throw lastError(library, "zmq_ctx_new");
    this.#pointer = pointer;
    const set = library.zmq.zmq_ctx_set(pointer, contextOption.ioThreads, ioThreads);
    check(library, "zmq_ctx_set(ioThreads)", set);
  }

  /** A new socket; the caller closes it. */
  socket(type: number): Pointer {
    const socket = this.library.zmq.zmq_socket(this.#pointer, type);
    if (socket === null) throw lastError(this.library, "zmq_socket");
    return socket;
  }

  /** Ends the I/O threads. All sockets must be closed; blocks for at most their linger time. */
  close(): void {
    check(this.library, "zmq_ctx_term", this.library.zmq.zmq_ctx_term(this.#pointer));
  }
}

const mTrimThreshold = -1;
const mTopPad = -2;
const mMmapThreshold = -3;
const mebibyte = 1024 * 1024;

/**
 * Keeps freed message memory in the process. By default glibc gives large blocks back to the kernel, which
 * clears and maps them again for every message: 15 to 20 % of the throughput. Only glibc has `mallopt`.
 */
export function keepFreedMemory(library: Library): void {
  if (process.platform !== "linux") return;
  try {
    const { mallopt } = library.native.open("libc.so.6", mallocSymbols);
    // The largest threshold that glibc takes on 64 bits; larger messages are mapped one by one.
    mallopt(mMmapThreshold, 32 * mebibyte);
    mallopt(mTrimThreshold, 128 * mebibyte);
    mallopt(mTopPad, 4 * mebibyte);
  } catch {
    // musl has no libc.so.6: its allocator stays as it is.
  }
}
