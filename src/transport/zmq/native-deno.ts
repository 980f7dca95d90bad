// Deno's FFI, and waiting in Deno: zmq_poll as a non-blocking call, which Deno runs on a thread of its own.
// The only file that names Deno. Loaded by library.ts, and only under Deno.

import type { Functions, Native, Pointer, Waiter, WaiterOptions } from "./native.ts";
import { pollSymbols, type SymbolTable } from "./symbols.ts";

interface DenoFfi {
  dlopen(path: string, symbols: object): { symbols: Record<string, (...parameters: unknown[]) => unknown> };
  UnsafePointer: { of(bytes: Uint8Array): Pointer; value(pointer: Pointer): bigint };
  UnsafePointerView: {
    getArrayBuffer(pointer: Pointer, length: number): ArrayBuffer;
    getCString(pointer: Pointer): string;
  };
}

declare const Deno: DenoFfi;

export const denoNative: Native = {
  open: <Table extends SymbolTable>(path: string, symbols: Table) =>
    Deno.dlopen(path, symbols).symbols as unknown as Functions<Table>,
  pointerTo: (bytes) => Deno.UnsafePointer.of(bytes),
  address: (pointer) => Number(Deno.UnsafePointer.value(pointer)),
  view: (pointer, length) => new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(pointer, length)),
  text: (pointer) => Deno.UnsafePointerView.getCString(pointer),
  createWaiter: (options) => new CallWaiter(options),
};

type PollCall = (items: Pointer, count: number, timeoutMs: number) => Promise<number>;

class CallWaiter implements Waiter {
  readonly #options: WaiterOptions;
  readonly #poll: PollCall;

  constructor(options: WaiterOptions) {
    this.#options = options;
    const symbols = { zmq_poll: { ...pollSymbols.zmq_poll, nonblocking: true } };
    this.#poll = Deno.dlopen(options.libraryPath, symbols).symbols.zmq_poll as unknown as PollCall;
  }

  wait(count: number): void {
    const { items, onReady, onFailure } = this.#options;
    this.#poll(Deno.UnsafePointer.of(items), count, -1).then(onReady, onFailure);
  }

  // A call under way always keeps Deno alive; the poller ends it when no socket is left.
  keepAlive(): void {}

  async close(): Promise<void> {}
}
