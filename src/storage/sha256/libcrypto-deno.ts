// The system's libcrypto under Deno.

import { type Libcrypto, libraryName, makerBy } from "./libcrypto.ts";
import type { Sha256Maker } from "./sha256.ts";

interface DenoFfi {
  dlopen(path: string, symbols: object): { readonly symbols: unknown };
}

declare const Deno: DenoFfi;

/** `null` where the library, or one of the functions, is not there, or it may not be opened. */
export function openDenoSha256(): Sha256Maker | null {
  try {
    const { symbols } = Deno.dlopen(libraryName, {
      SHA256_Init: { parameters: ["buffer"], result: "i32" },
      SHA256_Update: { parameters: ["buffer", "buffer", "usize"], result: "i32" },
      SHA256_Final: { parameters: ["buffer", "buffer"], result: "i32" },
    });
    const library = symbols as {
      readonly SHA256_Init: Libcrypto["SHA256_Init"];
      readonly SHA256_Update: (context: Uint8Array, data: Uint8Array, length: bigint) => number;
      readonly SHA256_Final: Libcrypto["SHA256_Final"];
    };
    return makerBy({
      ...library,
      SHA256_Update: (context, data, length) => library.SHA256_Update(context, data, BigInt(length)),
    });
  } catch {
    return null;
  }
}
