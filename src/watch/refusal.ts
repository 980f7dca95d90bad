// Why something that was to be sent waits, by how that ended.

import { causeOf, type DyncError, systemCode } from "../base/error.ts";
import { RunAborted } from "../client/live/feed.ts";
import { isRefused } from "../client/resumption.ts";
import type { Waiting } from "./watch-list.ts";

/** What somebody has to change before it can be sent; `null`: nobody has to. */
export function refusalOf(error: DyncError): Waiting | null {
  const aborted = causeOf(error, RunAborted);
  if (aborted !== null) return { reason: aborted.reason, detail: aborted.why };
  const { code, message: detail } = error;
  if (code === "usage" || code === "malformed") return { reason: "unsendable", detail };
  if (code === "metadata-rejected") return lacking(error);
  return isRefused(error) ? { reason: "refused", detail } : null;
}

/** Whether a program has it open so that nobody else may read it, as on Windows most programs do that write. */
export function isInUse({ code, cause }: DyncError): boolean {
  return code === "source" && systemCode(cause) === "EBUSY";
}

/** What waits for other metadata, with the fields that are meant. */
export function lacking({ message, hint, faults }: DyncError): Waiting {
  const detail = hint === undefined ? message : `${message}; ${hint}`;
  const named = faults.flatMap(({ path, missing }) => missing ?? [path]);
  const fields = [...new Set(named.filter((it) => it !== ""))];
  return { reason: "metadata-missing", detail, ...(fields.length === 0 ? {} : { fields }) };
}
