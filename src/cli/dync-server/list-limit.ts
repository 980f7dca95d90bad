// `--limit` of commands that list what may be many.

import { parseCount } from "../../config/count.ts";
import { optionText, unwrap } from "../option-value.ts";

const limitDefault = 100;

/** Most lines that are listed; 0 stands for all. Throws `DyncError` ("usage"). */
export function readLimit(text: string | undefined): number {
  if (text === undefined) return limitDefault;
  const limit = unwrap(parseCount(text, 0, Number.MAX_SAFE_INTEGER), optionText("limit"));
  return limit === 0 ? Number.MAX_SAFE_INTEGER : limit;
}

/** What is said behind a list that ended with this limit. */
export function moreText(listed: number): string {
  return `There are more than these ${listed}: ask for them with --limit, 0 for all`;
}
