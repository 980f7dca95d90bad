// Which part of a file is asked for, and whether it is known already (RFC 9110, sections 13 and 14). Pure.

/** Bytes from `from` up to and without `to`. */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

export type Wanted =
  | { readonly type: "whole" }
  | { readonly type: "part"; readonly range: ByteRange }
  /** What is there is what the asker has. */
  | { readonly type: "known" }
  /** There are no such bytes. */
  | { readonly type: "beyond" };

export interface Conditions {
  readonly ifNoneMatch: string | undefined;
  readonly ifRange: string | undefined;
  readonly range: string | undefined;
}

/** What is wanted of `size` bytes with the strong tag `etag` (with its quotes). What is no range of one part is none. */
export function wantedOf({ ifNoneMatch, ifRange, range }: Conditions, size: number, etag: string): Wanted {
  if (ifNoneMatch !== undefined && tagsIn(ifNoneMatch).some((it) => it === "*" || it === etag))
    return { type: "known" };
  if (range === undefined || (ifRange !== undefined && ifRange !== etag)) return { type: "whole" };
  const [, first = "", last = ""] = /^bytes=(\d{0,15})-(\d{0,15})$/i.exec(range) ?? [];
  if (first === "" && last === "") return { type: "whole" };
  if (first === "") return partOf(Math.max(0, size - Number(last)), size, size);
  if (last !== "" && Number(last) < Number(first)) return { type: "whole" };
  return partOf(Number(first), last === "" ? size : Number(last) + 1, size);
}

function partOf(from: number, to: number, size: number): Wanted {
  return from >= size ? { type: "beyond" } : { type: "part", range: { from, to: Math.min(to, size) } };
}

/** Compared weakly, as it is said for what is only asked for. */
function tagsIn(text: string): readonly string[] {
  return text.split(",").map((it) => it.trim().replace(/^W\//, ""));
}
