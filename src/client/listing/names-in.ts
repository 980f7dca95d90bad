// The names in a folder, also those that are no text.

import { readdirSync } from "node:fs";
import { readdir } from "node:fs/promises";
import type { IoPace } from "../../base/io-pace.ts";
import { decodeLoosely } from "../../base/loose-utf8.ts";
import { systemPathBytes } from "../../base/system-path.ts";
import { compareBytes } from "./path-order.ts";

/** In the order of their bytes. Throws what the system says. */
export async function namesIn(folder: string, pace: IoPace): Promise<readonly string[]> {
  const at = systemPathBytes(folder);
  const names = await pace.run(
    () => readdirSync(at),
    () => readdir(at),
  );
  return inOrder(names, at);
}

/** As `namesIn`, in place. */
export function namesInSync(folder: string): readonly string[] {
  const at = systemPathBytes(folder);
  return inOrder(readdirSync(at), at);
}

function inOrder(names: string[], at: string | Buffer): readonly string[] {
  // The order of all others is that of their units, which the runtime knows eight times as fast.
  if (!names.some((name) => unusual.test(name))) return names.sort();
  // Such a character may be there, or stand for bytes that are none.
  const whole = names.some((name) => doubtful.test(name))
    ? readdirSync(at, { encoding: "buffer" }).map(decodeLoosely)
    : names;
  return whole.sort(compareBytes);
}

// Surrogates, and what comes behind them: by their bytes they are in another order than by their units.
const unusual = /[\ud800-\uffff]/;
const doubtful = /[\ufffd\u{10fe80}-\u{10feff}]/u;
