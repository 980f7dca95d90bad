// Sizes as people write and read them.

import { DyncError } from "../base/error.ts";
import { printable } from "./printable.ts";

const units = ["", "K", "M", "G", "T", "P"] as const;

/**
 * Bytes behind `text`: `1048576`, `256MiB`, `1G`, `1.5GiB`, `500MB`. One letter and `iB` count in 1024s, `B` after a letter
 * in 1000s, as in GNU's tools. `option` names the option in the error. Throws `DyncError` ("usage").
 */
export function parseSize(text: string, option: string): number {
  const found = /^(\d+(?:\.\d+)?) ?(?:([KMGTP])(iB|B)?|B)?$/i.exec(text);
  const bytes = found === null ? Number.NaN : Math.floor(Number(found[1]) * unitBytes(found[2], found[3]));
  if (Number.isSafeInteger(bytes)) return bytes;
  throw new DyncError("usage", `Option "${option}" needs a size, found "${printable(text)}"`, {
    hint: "write a number of bytes or a number with a unit: 256MiB, 1G, 500MB",
  });
}

function unitBytes(letter: string | undefined, suffix: string | undefined): number {
  if (letter === undefined) return 1;
  const base = suffix?.toUpperCase() === "B" ? 1000 : 1024;
  return base ** units.indexOf(letter.toUpperCase() as (typeof units)[number]);
}

/** Short text of a number of bytes in 1024s: `0 B`, `999 B`, `1.5 KiB`, `112 MiB`. At most 8 columns. */
export function formatSize(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // 999.5 and more would be printed with four digits.
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  if (unit === 0) return `${Math.round(value)} B`;
  // Three digits in sight, but never "10.0".
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${units[unit]}iB`;
}
