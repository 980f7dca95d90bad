// Why a server does not start: what a person has to change, or what passes, so that the same start may succeed a minute
// later. Only the first is exit status 2, after which systemd does not try again. Used by `run.ts`.

import { DyncError } from "../../base/error.ts";
import { isPassing } from "../../base/system-errors.ts";

/** `error` as it ends a server: one that names a passing reason is no error of the set-up. */
export function startError(error: unknown): unknown {
  if (!(error instanceof DyncError) || error.code !== "configuration" || !namesPassing(error.cause))
    return error;
  const { message, hint, cause } = error;
  return new DyncError("unavailable", message, { cause, hint });
}

function namesPassing(cause: unknown): boolean {
  if (cause instanceof AggregateError) return cause.errors.some(namesPassing);
  return (
    isPassing(cause) || (cause instanceof Error && cause.cause !== undefined && namesPassing(cause.cause))
  );
}
