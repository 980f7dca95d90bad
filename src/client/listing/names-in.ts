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
  // Such a character may be there, or stand for bytes that are none.
  const whole = names.some((name) => doubtful.test(name))
    ? readdirSync(at, { encoding: "buffer" }).map(decodeLoosely)
    : names;
  return whole.sort(compareBytes);
}

const doubtful = /[\ufffd\u{10fe80}-\u{10feff}]/u;
