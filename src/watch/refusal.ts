// Why something that was to be sent waits, by how that ended.

import type { DyncError } from "../base/error.ts";
import { isRefused } from "../client/resumption.ts";
import type { Waiting } from "./watch-list.ts";

/** What somebody has to change before it can be sent; `null`: nobody has to. */
export function refusalOf(error: DyncError): Waiting | null {
  const { code, message: detail } = error;
  if (code === "usage" || code === "malformed") return { reason: "unsendable", detail };
  if (code === "metadata-rejected") return { reason: "metadata-missing", detail };
  return isRefused(error) ? { reason: "refused", detail } : null;
}
