// What was refused lately, and why: of what the audit log is told.

import type { AuditEvent } from "../audit/audit.ts";
import type { Clock } from "../base/clock.ts";
import { errorCodeFromWire } from "../base/error.ts";

export interface Refusal {
  /** ISO 8601, UTC. */
  readonly time: string;
  /** "upload": it was not taken; "key": its owner was not let in; "failed": it ended without being stored. */
  readonly kind: "upload" | "key" | "failed";
  readonly user: string | null;
  /** Of the upload. */
  readonly name: string | null;
  /** Fingerprint of the key. */
  readonly key: string | null;
  readonly address: string | null;
  /** As in `--json`. */
  readonly code: string | null;
  readonly reason: string | null;
}

const refusalsMax = 200;
const kinds: Readonly<Partial<Record<AuditEvent["event"], Refusal["kind"]>>> = {
  ...{ refused: "upload", "key-refused": "key" },
  ...{ failed: "failed", cancelled: "failed", expired: "failed" },
};

export class RecentRefusals {
  readonly #clock: Clock;
  #latest: Refusal[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note(event: AuditEvent): void {
    const kind = kinds[event.event];
    if (kind === undefined) return;
    const text = (value: unknown): string | null => (typeof value === "string" ? value : null);
    const { user, name, key, address, code, reason } = event;
    this.#latest.push({
      ...{ time: this.#clock.date().toISOString(), kind, user: text(user), name: text(name) },
      ...{ key: text(key), address: text(address), reason: text(reason) },
      code: typeof code === "number" ? errorCodeFromWire(code) : null,
    });
    // Once in a while, not for each: a flood of them is noted, too.
    if (this.#latest.length >= 2 * refusalsMax) this.#latest = this.#latest.slice(-refusalsMax);
  }

  /** The latest first. */
  list(): readonly Refusal[] {
    return this.#latest.slice(-refusalsMax).reverse();
  }
}
