// Which alarms were told and are not over, and which stored uploads were read again and are not what they were: the contract. What is to
// be told is written down in the same step, so none is lost, and none is told twice for a restart.

import type { Firing } from "../alarms/alarm.ts";
import type { NewDelivery } from "./outbox.ts";

/** One telling of an alarm, to some hooks. */
export interface NewNotice {
  /** Never used again. */
  readonly id: string;
  readonly alarm: string;
  readonly subject: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly deliveries: readonly NewDelivery[];
}

export interface AlarmChanges {
  /** As they are from now on; one that is not there is new. */
  readonly changed: readonly Firing[];
  readonly gone: readonly Pick<Firing, "alarm" | "subject">[];
  readonly notices: readonly NewNotice[];
}

/** What was read again and is damaged, or missing. */
export interface Damage {
  readonly uploads: number;
  /** Those that were found last. */
  readonly some: readonly { readonly user: string; readonly name: string }[];
}

/** Calls resolve, and fail, as those of the catalogue that it is a part of. */
export interface AlarmBook {
  /** All, in the order in which they began. */
  firing(): Promise<readonly Firing[]>;
  step(changes: AlarmChanges): Promise<void>;
  /** The stored upload `id` was read again at `at` (ISO 8601, UTC). */
  readAgain(id: string, isSound: boolean, at: string): Promise<void>;
  /** Since when the upload `id` is known to be damaged or missing (ISO 8601, UTC); `null`: it is not. */
  damagedSince(id: string): Promise<string | null>;
  /** Of what is known still; at most `limit` by name. */
  damage(limit: number): Promise<Damage>;
}
