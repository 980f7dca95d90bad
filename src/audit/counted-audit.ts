// Bounds what others can make us write into the audit log: what is refused is counted, as lines of the log are
// (base/counted-logger.ts). The first few are written; then one a minute says for how many it stands.

import type { Clock } from "../base/clock.ts";
import { CountedLogger } from "../base/counted-logger.ts";
import type { LogFields } from "../base/log.ts";
import type { Audit, AuditEvent, AuditEventName } from "./audit.ts";

const counted: ReadonlySet<AuditEventName> = new Set(["refused", "key-refused"]);

export class CountedAudit implements Audit {
  readonly #to: Audit;
  readonly #counter: CountedLogger;

  constructor(to: Audit, clock: Clock) {
    this.#to = to;
    // A kind of line is an event with its code.
    const log = (_: string, kind: string, fields: LogFields = {}): void =>
      to.record({ event: kind.split(" ")[0] as AuditEventName, ...fields });
    this.#counter = new CountedLogger({ log }, clock);
  }

  record(event: AuditEvent): void {
    if (!counted.has(event.event)) return this.#to.record(event);
    const { event: name, ...members } = event;
    this.#counter.log("info", `${name} ${event.code ?? ""}`, members as LogFields);
  }

  /** Records for how many were left out so far. */
  settle(): void {
    this.#counter.settle();
  }
}
