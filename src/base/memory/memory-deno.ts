// Memory by its address under Deno.

import { detach } from "./detach.ts";
import type { Memory } from "./memory.ts";

interface DenoFfi {
  UnsafePointer: {
    of(bytes: Uint8Array): object | null;
    value(pointer: object | null): bigint;
    create(address: bigint): object | null;
  };
  UnsafePointerView: { getArrayBuffer(pointer: object | null, length: number): ArrayBuffer };
}

declare const Deno: DenoFfi;

export const denoMemory: Memory = {
  addressOf: (bytes) => Number(Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes))),
  viewAt: (address, length) =>
    new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(Deno.UnsafePointer.create(BigInt(address)), length)),
  leave: detach,
};
