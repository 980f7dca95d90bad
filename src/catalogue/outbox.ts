// What hooks are still to be told about uploads that finished, and of alarms: the contract. A delivery is written down in the same step as the
// end of its upload, and stays until somebody took it: so none is lost, and one may come twice.

/** One that begins with the end of an upload. */
export interface NewDelivery {
  /** Name of the hook. */
  readonly hook: string;
  /** What it is told: an object as JSON text. */
  readonly body: string;
}

export interface Delivery {
  /** Counts up; never used again. */
  readonly id: number;
  readonly hook: string;
  /** Id, user and name of the upload; of an alarm the id of the notice, its name, and what it is about. */
  readonly upload: string;
  readonly user: string;
  readonly name: string;
  /** Attempts that failed. */
  readonly attempts: number;
  /** When it is tried next: ms since 1970. */
  readonly nextAt: number;
  /** Why the last attempt failed, on one line; `null` before the first. */
  readonly error: string | null;
  /** When its upload finished: ISO 8601, UTC. */
  readonly createdAt: string;
}

/** That a hook was told. */
export interface ToldHook {
  readonly hook: string;
  /** ISO 8601, UTC. */
  readonly at: string;
  /** How often it took to tell it. */
  readonly attempts: number;
}

/** What came of an attempt that failed. */
export type FailedAttempt = Pick<Delivery, "id" | "attempts" | "nextAt"> & { readonly error: string };

/** What waits for one hook. */
export interface OutboxCount {
  readonly hook: string;
  readonly deliveries: number;
  /** Those of which an attempt failed. */
  readonly failing: number;
}

/** Nothing waits longer by itself. Whatever lies further ahead was written before the calendar was set back. */
export const deliveryAheadMsMax = 2 * 3_600_000;

/** Calls resolve, and fail, as those of the catalogue that it is a part of. */
export interface Outbox {
  /** Deliveries to `hook` that are due at `now` (ms since 1970), those first that were due first; at most `limit`. */
  due(hook: string, now: number, limit: number): Promise<readonly Delivery[]>;
  /** When, after `now` (both ms since 1970), the next delivery to `hook` is due, or `null`: none waits. */
  nextAt(hook: string, now: number): Promise<number | null>;
  /** What is told of a delivery, or `null`: it is not there any more. */
  bodyOf(id: number): Promise<string | null>;
  /** Its hook took it at `at` (ISO 8601, UTC): it goes, and of an upload that is remembered for as long as its record. */
  delivered(id: number, at: string): Promise<void>;
  /** It goes without having been told. */
  dropped(id: number): Promise<void>;
  /** It stays, and is tried again. */
  failed(attempt: FailedAttempt): Promise<void>;
  /** It is due at `now` (ms since 1970), if it is there. */
  retry(id: number, now: number): Promise<void>;
  get(id: number): Promise<Delivery | null>;
  /** What waits of the upload with this id, to the hooks in the order of their names. */
  of(upload: string): Promise<readonly Delivery[]>;
  /** Which hooks took what was to be told of the upload with this id, in the order of their names. */
  toldOf(upload: string): Promise<readonly ToldHook[]>;
  /** Deliveries behind the one with the id `after`, in the order of their ids, to `hook` (`null`: to all); at most `limit`. */
  page(after: number, limit: number, hook: string | null): Promise<readonly Delivery[]>;
  /** Whether an attempt failed of something that waits for `hook`. */
  isFailing(hook: string): Promise<boolean>;
  /** For each hook that did not take something that waits, in the order of their names: the oldest of that, and how much it is. */
  failures(): Promise<readonly { readonly oldest: Delivery; readonly failing: number }[]>;
  /** For each hook for which something waits, in the order of their names. */
  counts(): Promise<readonly OutboxCount[]>;
}
