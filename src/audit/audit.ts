// What is written down for good: who was let in or refused, what was stored, and what was changed about the server. The contract
// that whoever does such things keeps to; where the lines go is none of its business.

import { errorCodeFromWire } from "../base/error.ts";

/** What can happen. Names stay as they are: programs compare them. */
export const auditEvents = [
  ...(["started", "stopped"] as const),
  ...(["admitted", "refused", "finished", "failed", "cancelled", "expired"] as const),
  /** Keys: "approved" was added after it had been refused, "ended" removed for so long that its uploads ended. */
  ...(["key-added", "key-approved", "key-removed", "key-ended", "key-expired", "key-renewed"] as const),
  "key-refused",
  ...(["reloaded", "reload-refused"] as const),
  /** Another key signs receipts. */
  "receipts-key",
  /** Somebody who looks after the server told it to do something. */
  "command",
  /** Of the log itself: events that could not be written, a last line that was found in part, a last line that is none. */
  ...(["gap", "cut", "damaged"] as const),
] as const;
export type AuditEventName = (typeof auditEvents)[number];

/** As JSON has it; members that are `undefined` are left out. */
export type AuditValue =
  | string
  | number
  | boolean
  | null
  | undefined
  | readonly AuditValue[]
  | { readonly [name: string]: AuditValue };

/** Something that happened. All but `event` depends on what it is: doc/json.md has the members. */
export interface AuditEvent {
  readonly event: AuditEventName;
  // Of the line itself.
  readonly schema?: never;
  readonly type?: never;
  readonly sequence?: never;
  readonly time?: never;
  readonly previous?: never;
  readonly sum?: never;
  readonly [member: string]: AuditValue;
}

export interface Audit {
  /** Takes an event down. Never throws and waits for nothing: what cannot be written now is written later. */
  record(event: AuditEvent): void;
}

/** How an upload ended that failed with this number of the protocol. */
export function endedEvent(wire: number): AuditEventName {
  const code = errorCodeFromWire(wire);
  return code === "cancelled" ? "cancelled" : code === "timed-out" ? "expired" : "failed";
}
