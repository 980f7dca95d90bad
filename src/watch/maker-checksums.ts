// Checksums that an instrument itself wrote down of its files: a table with a column of paths and one of SHA-256. Who compares them
// with what was read finds what was damaged between the instrument's memory and here, which nothing else finds.

import { readCsv } from "../client/plan/csv.ts";
import type { Seen } from "./condition.ts";
import type { ProfileFile } from "./profile-file.ts";
import { textIn } from "./text-file.ts";

// MinKNOW's has about 150 bytes a file.
const tableBytesMax = 64 * 1024 * 1024;

/** By path within the run; files without a checksum are left out, and so is what cannot be understood. */
export async function makerChecksums(
  { in: glob, path, sha256 }: NonNullable<ProfileFile["checksums"]>,
  seen: Seen,
): Promise<ReadonlyMap<string, string>> {
  const checksums = new Map<string, string>();
  for (const found of seen.all(glob)) {
    const bytes = await seen.read(found, tableBytesMax);
    const folder = found.slice(0, found.lastIndexOf("/") + 1);
    for (const [name, sum] of bytes === null ? [] : checksumTable(textIn(bytes), path, sha256))
      checksums.set(`${folder}${name}`, sum);
  }
  return checksums;
}

/** The rows of a table of comma-separated values: what stands in the column `path`, and in the column `sha256`. */
function checksumTable(text: string, path: string, sha256: string): readonly (readonly [string, string])[] {
  const [head, ...rows] = readCsv(text, ",").records;
  const columns = head?.cells.map((it) => it.trim()) ?? [];
  const [pathAt, sumAt] = [columns.indexOf(path), columns.indexOf(sha256)];
  if (pathAt < 0 || sumAt < 0) return [];
  return rows.flatMap(({ cells }) => {
    const name = innerPath(cells[pathAt] ?? "");
    const sum = (cells[sumAt] ?? "").trim().toLowerCase();
    return name !== null && /^[0-9a-f]{64}$/.test(sum) ? [[name, sum] as const] : [];
  });
}

/** A path as the run has it, with "/" between its parts; `null` where it leads out of the run. */
function innerPath(written: string): string | null {
  const path = written
    .trim()
    .replaceAll("\\", "/")
    .replace(/^(?:\.\/)+/, "");
  const isInner = path !== "" && !path.startsWith("/") && !/^[A-Za-z]:/.test(path);
  return isInner && !path.split("/").some((part) => part === ".." || part === "") ? path : null;
}
