// What the transport needs of a runtime's FFI: the whole difference between Bun and Deno. Implemented by
// native-bun.ts and native-deno.ts, chosen by library.ts.

import type { ParameterType, SymbolTable } from "./symbols.ts";

declare const pointerBrand: unique symbol;

/** An address in C's memory, in the form that the runtime passes on; never `null`. */
export interface Pointer {
  readonly [pointerBrand]: true;
}

interface ParameterTypes {
  readonly pointer: Pointer | null;
  readonly buffer: Uint8Array;
  readonly i32: number;
  readonly i64: number;
  readonly usize: number;
}

interface ResultTypes {
  readonly pointer: Pointer | null;
  readonly i32: number;
  readonly usize: number | bigint;
  readonly void: undefined;
}

/** The functions behind a table of symbols. */
export type Functions<Table extends SymbolTable> = {
  readonly [Name in keyof Table]: (
    ...parameters: ArgumentsOf<Table[Name]["parameters"]>
  ) => ResultTypes[Table[Name]["result"]];
};

type ArgumentsOf<Parameters extends readonly ParameterType[]> = {
  -readonly [Index in keyof Parameters]: ParameterTypes[Parameters[Index]];
};

/** Waits, off the main thread, until one of some descriptors is readable. One wait at a time. */
export interface Waiter {
  /**
   * Waits for the items in the memory given to `createWaiter`: the first `count` of them. Calls `onReady`
   * later, once. The memory and every descriptor must stay valid until then. The wait after that may begin so much later than it is
   * asked for, if it rests as well: what comes meanwhile is found at once.
   */
  wait(count: number, restMs: number): void;
  /** Whether waiting keeps the program alive. */
  keepAlive(on: boolean): void;
  /** Ends the thread, if there is one. Not while it waits. */
  close(): Promise<void>;
}

export interface WaiterOptions {
  /** The library that has `zmq_poll`. */
  readonly libraryPath: string;
  /** Array of `zmq_pollitem_t`. */
  readonly items: Uint8Array;
  readonly onReady: () => void;
  /** The thread failed: nothing will ever be ready again. */
  readonly onFailure: (error: Error) => void;
}

export interface Native {
  /** Opens a library. Throws what the runtime throws when it or one of the symbols is missing. */
  open<Table extends SymbolTable>(path: string, symbols: Table): Functions<Table>;
  /** Address of the first byte of `bytes`, valid while somebody holds `bytes`. */
  pointerTo(bytes: Uint8Array): Pointer;
  /** The address that `pointer` is, as a number. */
  address(pointer: Pointer): number;
  /** C's memory as bytes: a view, valid until C frees it. */
  view(pointer: Pointer, length: number): Uint8Array;
  /** The text of a C string, copied. */
  text(pointer: Pointer): string;
  createWaiter(options: WaiterOptions): Waiter;
}

/** `text` as C wants it. */
export function cString(text: string): Uint8Array {
  return Buffer.from(`${text}\0`, "utf8");
}
