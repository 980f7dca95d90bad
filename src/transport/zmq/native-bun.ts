// Bun's FFI, and waiting in Bun: a worker thread that does nothing but block in zmq_poll. The only file besides
// the worker itself that imports bun:ffi. Loaded by library.ts, and only under Bun.

import {
  type Pointer as BunPointer,
  CString,
  dlopen,
  type FFIFunction,
  FFIType,
  ptr,
  toArrayBuffer,
} from "bun:ffi";
import { workerUrl } from "../../base/worker-url.ts";
import type { Functions, Native, Pointer, Waiter, WaiterOptions } from "./native.ts";
import { type PollWorkerData, pollCommand, pollState, pollWord } from "./poll-command.ts";
import type { ParameterType, ResultType, SymbolTable } from "./symbols.ts";

const parameterTypes = {
  pointer: FFIType.ptr,
  buffer: FFIType.ptr,
  i32: FFIType.i32,
  i64: FFIType.i64,
  usize: FFIType.u64,
} as const;
const resultTypes = {
  pointer: FFIType.ptr,
  i32: FFIType.i32,
  usize: FFIType.u64_fast,
  void: FFIType.void,
} as const;

export const bunNative: Native = {
  open<Table extends SymbolTable>(path: string, symbols: Table): Functions<Table> {
    const table: Record<string, FFIFunction> = {};
    for (const [name, { parameters, result }] of Object.entries(symbols)) {
      table[name] = {
        args: parameters.map((type: ParameterType) => parameterTypes[type]),
        returns: resultTypes[result as ResultType],
      };
    }
    return dlopen(path, table).symbols as unknown as Functions<Table>;
  },
  pointerTo: (bytes) => ptr(bytes) as unknown as Pointer,
  address: (pointer) => pointer as unknown as number,
  view: (pointer, length) => new Uint8Array(toArrayBuffer(pointer as unknown as BunPointer, 0, length)),
  text: (pointer) => String(new CString(pointer as unknown as BunPointer)),
  createWaiter: (options) => new WorkerWaiter(options),
};

class WorkerWaiter implements Waiter {
  readonly #worker: Worker;
  readonly #command = new Int32Array(new SharedArrayBuffer(4 * Object.keys(pollWord).length));
  // The worker knows only the address: holding the bytes here keeps them where they are.
  readonly #items: Uint8Array;
  readonly #ended: Promise<void>;

  constructor(options: WaiterOptions) {
    this.#items = options.items;
    this.#worker = new Worker(workerUrl("./poll-worker.ts", "src/transport/zmq", import.meta.url));
    const ended = Promise.withResolvers<void>();
    this.#ended = ended.promise;
    this.#worker.addEventListener("message", (event: MessageEvent) => {
      if (event.data === "ready") options.onReady();
      else if (event.data === "ended") ended.resolve();
      else options.onFailure(new Error(String(event.data)));
    });
    this.#worker.addEventListener("error", (event: ErrorEvent) => {
      ended.resolve();
      options.onFailure(new Error(`The polling thread failed: ${event.message}`));
    });
    const data: PollWorkerData = {
      libraryPath: options.libraryPath,
      command: this.#command,
      items: ptr(this.#items),
    };
    this.#worker.postMessage(data);
  }

  wait(count: number, restMs: number): void {
    this.#tell(pollCommand.wait, count, restMs);
  }

  keepAlive(on: boolean): void {
    if (on) this.#worker.ref();
    else this.#worker.unref();
  }

  async close(): Promise<void> {
    this.#worker.ref();
    this.#tell(pollCommand.end, 0, 0);
    await this.#ended;
    this.#worker.terminate();
  }

  #tell(command: number, count: number, restMs: number): void {
    const words = this.#command;
    words[pollWord.count] = count;
    words[pollWord.restMs] = restMs;
    Atomics.store(words, pollWord.command, command);
    if (Atomics.load(words, pollWord.state) === pollState.sleeping)
      return void Atomics.notify(words, pollWord.command);
    // It looks by itself, behind its rest.
    if (restMs > 0) return;
    Atomics.store(words, pollWord.state, pollState.sleeping);
    Atomics.notify(words, pollWord.state);
  }
}
