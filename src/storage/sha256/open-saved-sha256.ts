// SHA-256 whose state can be saved, wherever this runs.

import { openSha256 } from "./open-sha256.ts";
import { plainSha256, type Sha256Maker } from "./sha256.ts";
import { openWasmSha256 } from "./wasm-sha256.ts";

/** `found`, or the system's, where its states can be saved; else one of WebAssembly. */
export async function openSavedSha256(found?: Sha256Maker): Promise<Sha256Maker> {
  const maker = found ?? (await openSha256());
  return maker === plainSha256 ? await openWasmSha256() : maker;
}
