// Which way this runtime has to memory by its address.

import type { Memory } from "./memory.ts";

/** `null` where this runtime has no way to it. */
export async function openMemory(): Promise<Memory | null> {
  if ("Bun" in globalThis) return (await import("./memory-bun.ts")).bunMemory;
  if ("Deno" in globalThis) return (await import("./memory-deno.ts")).denoMemory;
  return null;
}
