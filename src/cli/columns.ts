// Tables of a few short columns, for people.

import { displayWidth } from "./display-width.ts";

/** Lines in which each column begins where it does in the others. */
export function inColumns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => displayWidth(row[column] ?? ""))));
  return rows.map((row) =>
    row
      .map((text, column) => text + " ".repeat((widths?.[column] ?? 0) - displayWidth(text)))
      .join("  ")
      .trimEnd(),
  );
}
