// Turns what the operating system says into the errors of the storage contract. The text may go to a client:
// it holds no path; the original error goes along as the cause, for the log.

import { DyncError, systemCode } from "../base/error.ts";

/** `action` completes "The file could not be …". A `DyncError` passes through as it is. */
export function storageError(action: string, cause: unknown): DyncError {
  if (cause instanceof DyncError) return cause;
  const code = systemCode(cause);
  if (code === "ENOSPC") return new DyncError("no-space", "No space left on the server's disk", { cause });
  if (code === "EDQUOT") return new DyncError("no-space", "The server's disk quota is used up", { cause });
  if (code === "EMFILE" || code === "ENFILE") {
    // Other uploads will end and give theirs back.
    return new DyncError("not-ready", "The server has too many files open", { cause });
  }
  const reason = code === null ? "" : ` (${code})`;
  return new DyncError("internal", `The file could not be ${action} on the server${reason}`, { cause });
}
