// Which SHA-256 there is in this runtime, on this system.

import { plainSha256, type Sha256Maker } from "./sha256.ts";

/** The system's, whose state can be saved; the runtime's where that is not there. */
export async function openSha256(): Promise<Sha256Maker> {
  if (process.platform !== "linux") return plainSha256;
  if ("Bun" in globalThis) return (await import("./libcrypto-bun.ts")).openBunSha256() ?? plainSha256;
  if ("Deno" in globalThis) return (await import("./libcrypto-deno.ts")).openDenoSha256() ?? plainSha256;
  return plainSha256;
}
