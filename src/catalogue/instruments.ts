// What watched folders told of themselves last, one report for each name of each user: the contract of this part of a catalogue. When
// an instrument was last seen has to be known after a restart, most of all when it is silent.

/** A watched folder, as it was last heard of. */
export interface Instrument {
  readonly user: string;
  /** What its client calls it. */
  readonly label: string;
  /** When it reported last (ISO 8601, UTC). */
  readonly seenAt: string;
  /** What it said then, as JSON: for who wrote it down. */
  readonly report: string;
}

/** Calls resolve and fail as those of the catalogue. */
export interface Instruments {
  /** Keeps the last report of one; of each user the `most` that were seen last are kept. */
  keep(instrument: Instrument, most: number): Promise<void>;
  /** In the order of users and labels, behind `after`; at most `limit`. */
  page(after: Pick<Instrument, "user" | "label"> | null, limit: number): Promise<readonly Instrument[]>;
  /** Returns whether it was there. */
  remove(user: string, label: string): Promise<boolean>;
  /** Forgets those that were last seen before `before` (ISO 8601). Returns how many. */
  forget(before: string): Promise<number>;
  /** When the last uploads of a user were stored (ISO 8601, UTC), the latest first; at most `limit`. */
  arrivals(user: string, limit: number): Promise<readonly string[]>;
}
