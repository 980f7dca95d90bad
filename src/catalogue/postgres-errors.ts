// What PostgreSQL's errors, and those of the way to it, mean for the catalogue: what passes when it is back, what is done again at
// once, what somebody has to change.

import { DyncError, messageOf, systemCode } from "../base/error.ts";

/** The five characters of an error that the database itself told, or `null`: it came from the way there. */
export function sqlState(cause: unknown): string | null {
  const code = systemCode(cause);
  return code !== null && /^[0-9A-Z]{5}$/.test(code) && cause instanceof Error && "severity" in cause
    ? code
    : null;
}

// https://www.postgresql.org/docs/current/errcodes-appendix.html. 25006: a standby that is not the primary, or not yet.
const gone = /^(?:08...|57P0[1235]|53300|25006|25P03)$/;
const wayErrors =
  /^(?:ECONN[A-Z]+|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN|ENOENT|EADDRNOTAVAIL|ENOBUFS)$/;
// What `pg` says without a code.
const wayTexts =
  /Connection terminated|Query read timeout|timeout expired|timeout exceeded when trying to connect|not queryable|Client was closed|socket/i;

/** Whether nobody answers there, or not as the one that takes changes: it may be back in a moment. */
export function isAway(cause: unknown): boolean {
  if (cause instanceof DyncError) return false;
  const state = sqlState(cause);
  if (state !== null) return gone.test(state);
  const code = systemCode(cause);
  if (cause instanceof AggregateError) return cause.errors.some(isAway);
  return code === null ? wayTexts.test(messageOf(cause)) : wayErrors.test(code);
}

/** Whether two got into each other's way: the same again succeeds. */
export function isConflict(cause: unknown): boolean {
  return /^40(?:001|P01)$/.test(sqlState(cause) ?? "");
}

/** `action` completes "An upload could not be … the catalogue". A `DyncError` passes through as it is. */
export function postgresError(action: string, cause: unknown): DyncError {
  if (cause instanceof DyncError) return cause;
  const state = sqlState(cause) ?? "";
  if (/^53[12]00$/.test(state)) {
    return new DyncError(
      "not-ready",
      "No space left for the server's catalogue, on the machine of its database",
      { cause },
    );
  }
  // Timeouts, locks, resources, and rights that somebody took away: nothing is wrong with what was asked for.
  const passes = isAway(cause) || isConflict(cause) || /^(?:57014|55P03|53...|58...|42501)$/.test(state);
  return new DyncError(
    passes ? "not-ready" : "internal",
    `An upload could not be ${action} the catalogue: ${messageOf(cause)}`,
    { cause },
  );
}

/** Why there is no way to the catalogue at `where`, when somebody opens it. */
export function openingError(where: string, cause: unknown): DyncError {
  if (cause instanceof DyncError) return cause;
  const state = sqlState(cause) ?? "";
  const told = messageOf(cause);
  const refused = `PostgreSQL at ${where} does not let dync-server in: ${told}`;
  if (/^28/.test(state) || /password must be/i.test(told)) {
    const hint = "check user and password: in the address, PGPASSWORD, ~/.pgpass, or catalogue-password-file";
    return new DyncError("configuration", refused, { cause, hint });
  }
  if (state === "3D000")
    return new DyncError("configuration", refused, {
      cause,
      hint: "make it with createdb, or name another one",
    });
  if (state === "42501") {
    const hint = "the owner of the database runs `dync-server catalogue migrate`, and grants what is missing";
    return new DyncError("configuration", `The catalogue at ${where} may not be used: ${told}`, {
      cause,
      hint,
    });
  }
  if (/certificate|self.signed|does not support SSL|altname|TLS/i.test(told)) {
    const hint = "see sslmode and sslrootcert in doc/operations.md";
    return new DyncError("configuration", `No TLS with PostgreSQL at ${where}: ${told}`, { cause, hint });
  }
  if (isAway(cause)) {
    return new DyncError(
      "unavailable",
      `PostgreSQL at ${where} does not answer: ${told === "" ? systemCode(cause) : told}`,
      {
        cause,
        hint: "start it, or check the address; then start again",
      },
    );
  }
  return new DyncError("failed", `The catalogue at ${where} cannot be opened: ${told}`, { cause });
}
