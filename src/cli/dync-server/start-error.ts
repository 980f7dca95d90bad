// Why a server does not start: what a person has to change, or what passes, so that the same start may succeed a minute
// later. Only the first is exit status 2, after which systemd does not try again. Used by `run.ts`.

import { DyncError, systemCode } from "../../base/error.ts";

// A table of open files or memory that is full, a disk or its inodes, a share that does not answer yet.
const passing: ReadonlySet<string> = new Set([
  ...["EMFILE", "ENFILE", "ENOMEM", "ENOBUFS", "EAGAIN", "EINTR", "EBUSY", "ETXTBSY"],
  ...["ENOSPC", "EDQUOT", "EIO"],
  ...["ESTALE", "ETIMEDOUT", "ENOTCONN", "EHOSTDOWN", "EHOSTUNREACH", "ENETUNREACH", "ENETDOWN"],
]);

/** `error` as it ends a server: one that names a passing reason is no error of the set-up. */
export function startError(error: unknown): unknown {
  if (!(error instanceof DyncError) || error.code !== "configuration" || !isPassing(error.cause))
    return error;
  const { message, hint, cause } = error;
  return new DyncError("unavailable", message, { cause, hint });
}

function isPassing(cause: unknown): boolean {
  if (cause instanceof AggregateError) return cause.errors.some(isPassing);
  if (passing.has(systemCode(cause) ?? "")) return true;
  return cause instanceof Error && cause.cause !== undefined && isPassing(cause.cause);
}
