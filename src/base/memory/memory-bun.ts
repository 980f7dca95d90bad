// Memory by its address under Bun.

import { type Pointer, ptr, toArrayBuffer } from "bun:ffi";
import { detach } from "./detach.ts";
import type { Memory } from "./memory.ts";

export const bunMemory: Memory = {
  addressOf: (bytes) => ptr(bytes),
  viewAt: (address, length) => new Uint8Array(toArrayBuffer(address as Pointer, 0, length)),
  leave: detach,
};
