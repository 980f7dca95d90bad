// Sizes as people write and read them.

import { sizeUnits } from "../base/size-text.ts";
import { type Parsed, right, wrong } from "./parsed.ts";

export { formatSize } from "../base/size-text.ts";

/**
 * Bytes behind `text`: `1048576`, `256MiB`, `1G`, `1.5GiB`, `500MB`. One letter and `iB` count in 1024s, `B` after a letter
 * in 1000s, as in GNU's tools.
 */
export function parseSize(text: string): Parsed<number> {
  const found = /^(\d+(?:\.\d+)?) ?(?:([KMGTP])(iB|B)?|B)?$/i.exec(text);
  const bytes = found === null ? Number.NaN : Math.floor(Number(found[1]) * unitBytes(found[2], found[3]));
  if (Number.isSafeInteger(bytes)) return right(bytes);
  const hint = "write a number of bytes or a number with a unit: 256MiB, 1G, 500MB";
  return wrong("a size", `"${text}"`, { hint });
}

/** What `parseSize` reads as `bytes`, as short as it gets: `64MiB`, `1000`. */
export function writeSize(bytes: number): string {
  const unit = sizeUnits.findLast((letter) => bytes >= unitBytes(letter) && bytes % unitBytes(letter) === 0);
  return unit ? `${bytes / unitBytes(unit)}${unit}iB` : String(bytes);
}

function unitBytes(letter = "", suffix?: string): number {
  const base = suffix?.toUpperCase() === "B" ? 1000 : 1024;
  return base ** sizeUnits.indexOf(letter.toUpperCase() as (typeof sizeUnits)[number]);
}
