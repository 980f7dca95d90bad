// The system's libcrypto under Bun.

import { dlopen, FFIType } from "bun:ffi";
import { type Libcrypto, libraryName, makerBy } from "./libcrypto.ts";
import type { Sha256Maker } from "./sha256.ts";

/** `null` where the library, or one of the functions, is not there. */
export function openBunSha256(): Sha256Maker | null {
  const { ptr: pointer, i32, u64 } = FFIType;
  try {
    const { symbols } = dlopen(libraryName, {
      SHA256_Init: { args: [pointer], returns: i32 },
      SHA256_Update: { args: [pointer, pointer, u64], returns: i32 },
      SHA256_Final: { args: [pointer, pointer], returns: i32 },
    });
    return makerBy(symbols as unknown as Libcrypto);
  } catch {
    return null;
  }
}
